/**
 * The Durable Object that hosts a job, or those that share it (ADR 0018): a thin shell that keeps one alarm armed for the
 * next moment of its jobs, and hands over and sends what their events come to.
 */

import { DurableObject } from "cloudflare:workers";
import type { AttemptWork } from "../../domain/engine/claim.ts";
import type { AttemptStarter, JobActorProtocol, JobMethod, SharedActorProtocol } from "../../domain/engine/protocol.ts";
import { LIST_AFTER_MS } from "../../domain/engine/state.ts";
import { jobKey } from "../../domain/ids.ts";
import { logFault } from "../../observability/log.ts";
import type { ExecutionMessage } from "../../queue/message.ts";
import { createProducer, type Producer } from "../../queue/producer.ts";
import { attemptRoom } from "../attemptRoom.ts";
import { type Found, HostedJob, type JobHost, REST_AFTER_FAULT_MS } from "./hostedJob.ts";
import { jobIdIn, readSlots, type StoredRow } from "./jobStore.ts";
import { ObjectCost } from "./objectCost.ts";

/** An attempt that found no room with the Worker: for so long all go through the queue, which waits as long as it takes. */
const QUEUE_ONLY_MS = 10_000;

/** The key of the only job of an object that no call names. */
const ONLY = "";

export interface ActorEnv {
  readonly EXECUTIONS: Queue<ExecutionMessage>;
  readonly LONG_EXECUTIONS: Queue<ExecutionMessage>;
  readonly CONNECTIONS_PER_INVOCATION: string;
  readonly DIRECT_ATTEMPTS_PER_ISOLATE?: string;
}

/** Calls without a key are about the only job of an object of its own. */
export class JobActor extends DurableObject<ActorEnv> implements JobActorProtocol, SharedActorProtocol {
  readonly #cost = new ObjectCost();
  readonly #jobs = new Map<string, HostedJob>();
  /** By their keys: jobs whose rows could not be read, and why. */
  readonly #unreadable = new Map<string, unknown>();
  readonly #host: JobHost;
  readonly #short: Producer;
  readonly #long: Producer;
  #nextSlot = 0;
  /** When the alarm rings; `undefined` until it was asked for once. */
  #armedMs: number | null | undefined;
  /** Whether the jobs were resting after the last event, and when that last came about. */
  #isIdle = true;
  #idleAtMs = 0;
  /** Until then nothing is handed over. */
  #queueOnlyUntilMs = 0;

  constructor(ctx: DurableObjectState, env: ActorEnv) {
    super(ctx, env);
    this.#short = createProducer(env.EXECUTIONS, (error) => logFault("queue.send_failed", error));
    this.#long = createProducer(env.LONG_EXECUTIONS, (error) => logFault("queue.send_failed", error));
    this.#host = {
      storage: ctx.storage,
      cost: this.#cost,
      kept: { characters: 0 },
      knowAlarm: () => this.#knowAlarm(),
      doubtAlarm: () => (this.#armedMs = undefined),
      arm: () => this.#arm(),
      room: () => this.#room(0),
      carryOut: (found) => ctx.waitUntil(this.#carryOut([found])),
      erase: (job) => this.#erase(job),
    };
    for (const [slot, rows] of readSlots(ctx.storage.sql, this.#cost.rows)) {
      this.#nextSlot = Math.max(this.#nextSlot, slot + 1);
      this.#restore(slot, rows);
    }
  }

  /**
   * Guarantees: never throws for reasons of the domain, because a failing alarm is dropped for good after six retries;
   * and re-arms in the same synchronous block that takes the work, so that there is no moment at which work is taken and
   * no alarm is set. Does not wait until the work is taken by a Worker or a queue, because one alarm of an object rings at
   * a time: whoever is slow to take it keeps no other job of the object from its fire.
   */
  override async alarm(): Promise<void> {
    this.#cost.requests += 1;
    this.#armedMs = null;
    const found: Found[] = [];
    try {
      const nowMs = Date.now();
      let claimed = 0;
      for (const job of this.#jobs.values()) {
        if ((job.wakeMs ?? Number.POSITIVE_INFINITY) > nowMs) continue;
        const ticked = job.tick(nowMs, this.#room(claimed));
        if (ticked === null) continue;
        claimed += ticked.works.length;
        found.push(ticked);
      }
      this.#arm();
    } catch (error) {
      logFault("actor.alarm_failed", error);
      this.#armedMs = Date.now() + REST_AFTER_FAULT_MS;
      await this.ctx.storage.setAlarm(this.#armedMs);
    }
    this.ctx.waitUntil(this.#carryOut(found));
  }

  async ask<Method extends JobMethod>(
    key: string,
    method: Method,
    given: Parameters<JobActorProtocol[Method]>,
  ): Promise<Awaited<ReturnType<JobActorProtocol[Method]>>> {
    const job = this.#job(key);
    // One method of many: what it takes and gives is its own.
    const call = job[method] as (...given: unknown[]) => Promise<Awaited<ReturnType<JobActorProtocol[Method]>>>;
    return await Reflect.apply(call, job, given);
  }

  async apply(...given: Parameters<JobActorProtocol["apply"]>): ReturnType<JobActorProtocol["apply"]> {
    return await this.#only().apply(...given);
  }

  async trigger(...given: Parameters<JobActorProtocol["trigger"]>): ReturnType<JobActorProtocol["trigger"]> {
    return await this.#only().trigger(...given);
  }

  async triggerMany(
    ...given: Parameters<JobActorProtocol["triggerMany"]>
  ): ReturnType<JobActorProtocol["triggerMany"]> {
    return await this.#only().triggerMany(...given);
  }

  async reschedule(...given: Parameters<JobActorProtocol["reschedule"]>): ReturnType<JobActorProtocol["reschedule"]> {
    return await this.#only().reschedule(...given);
  }

  async forgetDedupe(
    ...given: Parameters<JobActorProtocol["forgetDedupe"]>
  ): ReturnType<JobActorProtocol["forgetDedupe"]> {
    return await this.#only().forgetDedupe(...given);
  }

  async load(...given: Parameters<JobActorProtocol["load"]>): ReturnType<JobActorProtocol["load"]> {
    return await this.#only().load(...given);
  }

  async countEarlier(
    ...given: Parameters<JobActorProtocol["countEarlier"]>
  ): ReturnType<JobActorProtocol["countEarlier"]> {
    return await this.#only().countEarlier(...given);
  }

  async claim(...given: Parameters<JobActorProtocol["claim"]>): ReturnType<JobActorProtocol["claim"]> {
    return await this.#only().claim(...given);
  }

  async finish(...given: Parameters<JobActorProtocol["finish"]>): ReturnType<JobActorProtocol["finish"]> {
    return await this.#only().finish(...given);
  }

  async cancel(...given: Parameters<JobActorProtocol["cancel"]>): ReturnType<JobActorProtocol["cancel"]> {
    return await this.#only().cancel(...given);
  }

  async describe(...given: Parameters<JobActorProtocol["describe"]>): ReturnType<JobActorProtocol["describe"]> {
    return await this.#only().describe(...given);
  }

  async owed(...given: Parameters<JobActorProtocol["owed"]>): ReturnType<JobActorProtocol["owed"]> {
    return await this.#only().owed(...given);
  }

  async confirm(...given: Parameters<JobActorProtocol["confirm"]>): ReturnType<JobActorProtocol["confirm"]> {
    return await this.#only().confirm(...given);
  }

  async restart(...given: Parameters<JobActorProtocol["restart"]>): ReturnType<JobActorProtocol["restart"]> {
    return await this.#only().restart(...given);
  }

  async signal(...given: Parameters<JobActorProtocol["signal"]>): ReturnType<JobActorProtocol["signal"]> {
    return await this.#only().signal(...given);
  }

  async decide(...given: Parameters<JobActorProtocol["decide"]>): ReturnType<JobActorProtocol["decide"]> {
    return await this.#only().decide(...given);
  }

  async approval(...given: Parameters<JobActorProtocol["approval"]>): ReturnType<JobActorProtocol["approval"]> {
    return await this.#only().approval(...given);
  }

  async errands(...given: Parameters<JobActorProtocol["errands"]>): ReturnType<JobActorProtocol["errands"]> {
    return await this.#only().errands(...given);
  }

  async errandDone(...given: Parameters<JobActorProtocol["errandDone"]>): ReturnType<JobActorProtocol["errandDone"]> {
    return await this.#only().errandDone(...given);
  }

  async cancelChild(
    ...given: Parameters<JobActorProtocol["cancelChild"]>
  ): ReturnType<JobActorProtocol["cancelChild"]> {
    return await this.#only().cancelChild(...given);
  }

  async childEnded(...given: Parameters<JobActorProtocol["childEnded"]>): ReturnType<JobActorProtocol["childEnded"]> {
    return await this.#only().childEnded(...given);
  }

  async erase(...given: Parameters<JobActorProtocol["erase"]>): ReturnType<JobActorProtocol["erase"]> {
    return await this.#only().erase(...given);
  }

  /**
   * Rows that this release cannot read cost no other job its fires. They stay as they are, for a release that can, and
   * every call about their job fails: taken for unknown, it would be applied again and fire what it has fired.
   */
  #restore(slot: number, rows: StoredRow[]): void {
    const hosted = new HostedJob(this.#host, slot);
    try {
      hosted.restore(rows);
    } catch (fault) {
      const jobId = jobIdIn(rows);
      if (jobId === null) throw fault;
      logFault("actor.load_failed", fault, { jobId });
      this.#unreadable.set(jobKey(jobId), fault);
      return;
    }
    if (hosted.job !== null) this.#jobs.set(jobKey(hosted.job.id), hosted);
  }

  /** A key that is new to the object has a slot from now on, and rows when its job is saved. */
  #job(key: string): HostedJob {
    if (this.#unreadable.has(key)) throw this.#unreadable.get(key);
    const known = this.#jobs.get(key);
    if (known) return known;
    const job = new HostedJob(this.#host, this.#nextSlot);
    this.#nextSlot += 1;
    this.#jobs.set(key, job);
    return job;
  }

  #only(): HostedJob {
    for (const fault of this.#unreadable.values()) throw fault;
    const [job] = this.#jobs.values();
    return job ?? this.#job(ONLY);
  }

  async #knowAlarm(): Promise<void> {
    if (this.#armedMs === undefined) this.#armedMs = await this.ctx.storage.getAlarm();
  }

  /** One invocation takes as many attempts as it may have connections open; what is beyond goes through the queue. */
  #room(claimed: number): number {
    if (Date.now() < this.#queueOnlyUntilMs) return 0;
    const { CONNECTIONS_PER_INVOCATION: connections, DIRECT_ATTEMPTS_PER_ISOLATE: attempts } = this.env;
    // The variable is missing where a deployment's configuration is of a release before.
    return Math.max(0, Math.min(Number(connections), attemptRoom.free(Number(attempts ?? 0)) - claimed));
  }

  /**
   * Sets the alarm when it would ring too late. One that rings too early costs a wake-up, one that is moved costs a row:
   * so it is moved back only when all jobs have gone idle, where the wake-up would be for nothing, and not even then when
   * they were idle a moment ago too and so are likely to be wanted again before it rings.
   */
  #arm(): void {
    let wakeMs: number | null = null;
    let isIdle = true;
    for (const job of this.#jobs.values()) {
      const { wakeMs: jobMs } = job;
      if (jobMs !== null && (wakeMs === null || jobMs < wakeMs)) wakeMs = jobMs;
      isIdle &&= job.isIdle;
    }
    const armedMs = this.#armedMs ?? null;
    const nowMs = Date.now();
    const becomesIdle = isIdle && !this.#isIdle;
    const wasIdleJustNow = becomesIdle && nowMs - this.#idleAtMs < LIST_AFTER_MS;
    if (becomesIdle) this.#idleAtMs = nowMs;
    this.#isIdle = isIdle;
    if (wakeMs === armedMs) return;
    const ringsTooEarly = armedMs !== null && (wakeMs === null || armedMs < wakeMs);
    if (ringsTooEarly && (!isIdle || wasIdleJustNow)) return;
    if (wakeMs === null) void this.ctx.storage.deleteAlarm();
    else void this.ctx.storage.setAlarm(wakeMs);
    this.#cost.rows.written += 1;
    this.#armedMs = wakeMs;
  }

  async #erase(erased: HostedJob): Promise<void> {
    if ([...this.#jobs.values()].some((job) => job.job !== null)) {
      erased.deleteRows();
      this.#arm();
      return;
    }
    for (const job of this.#jobs.values()) job.forgetRows();
    this.#armedMs = null;
    // Deletes the alarm too (compatibility date after 2026-02-24), and is what lets the object vanish.
    await this.ctx.storage.deleteAll();
  }

  async #carryOut(found: readonly Found[]): Promise<void> {
    const works = found.flatMap((each) => each.works.map((work) => ({ job: each.job, work })));
    const atATime = Number(this.env.CONNECTIONS_PER_INVOCATION);
    const handedOver: Promise<void>[] = [];
    for (let start = 0; start < works.length; start += atATime) {
      handedOver.push(this.#handOver(works.slice(start, start + atATime)));
    }
    await Promise.all([...handedOver, this.#announce(found)]);
  }

  /**
   * The call leaves the object when the claims are durable. Whatever goes wrong here, the attempts are not lost: what is
   * not given back has a lease that ends.
   */
  async #handOver(claimed: readonly { readonly job: HostedJob; readonly work: AttemptWork }[]): Promise<void> {
    const works = claimed.map(({ work }) => work);
    try {
      if (await attemptRoom.offer(works.length, () => attemptStarterOf(this.ctx).start(works))) return;
    } catch (error) {
      logFault("actor.hand_over_failed", error);
    }
    this.#queueOnlyUntilMs = Date.now() + QUEUE_ONLY_MS;
    for (const { job, work } of claimed) await job.handBack(work);
  }

  async #announce(found: readonly Found[]): Promise<void> {
    const short: ExecutionMessage[] = [];
    const long: ExecutionMessage[] = [];
    for (const { job, commands } of found) {
      const jobId = job.job?.id;
      if (jobId === undefined) continue;
      this.#cost.messages += commands.length;
      for (const command of commands) {
        if (command.type === "collect_history") short.push({ v: 1, type: "history", jobId });
        else if (command.type === "run_errands") short.push({ v: 1, type: "errands", jobId });
        else {
          const { executionId, step, fence, lane } = command;
          (lane === "long" ? long : short).push({ v: 1, type: "attempt", executionId, step, fence });
        }
      }
    }
    await Promise.all([
      short.length > 0 ? this.#short.send(short) : null,
      long.length > 0 ? this.#long.send(long) : null,
    ]);
  }
}

/** The Worker that this object was deployed with, as it exports itself (`src/entry/worker.ts`). */
function attemptStarterOf(ctx: DurableObjectState): AttemptStarter {
  return (ctx as unknown as { readonly exports: { readonly AttemptWorker: AttemptStarter } }).exports.AttemptWorker;
}
