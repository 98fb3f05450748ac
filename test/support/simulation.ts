/**
 * The real Worker inside the real runtime (actors with their SQLite, D1, the queue handler, the watchdog), on a clock, a
 * queue, a target and a D1 that a test holds in its hands. For tests that run in workerd.
 *
 * The clock stands in the far future, so that no alarm rings by itself: `advanceTo` rings each at its time. Messages that
 * actors send wait in `messages` until a test delivers, repeats, delays or drops them; a delivery may be told where its
 * consumer dies, and a consumer that died does nothing more, ever.
 *
 * Attempts go through the queue, unless a simulation is `direct`: then those that are handed over wait in `handed`. Jobs have
 * objects of their own, unless it is `shared`: then all that it starts live in one.
 */

import { evictDurableObject, runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { vi } from "vitest";
import { createJobActors } from "../../src/actors/client.ts";
import { applyJob } from "../../src/app/jobs/applyJob.ts";
import { deleteJob } from "../../src/app/jobs/deleteJob.ts";
import type { Services } from "../../src/app/services.ts";
import type { AttemptWork } from "../../src/domain/engine/claim.ts";
import type { HistoryEntry, JobActorProtocol, TriggerRequest } from "../../src/domain/engine/protocol.ts";
import type { Execution } from "../../src/domain/execution/execution.ts";
import { jobKey, objectOf } from "../../src/domain/ids.ts";
import type { Job } from "../../src/domain/job/job.ts";
import { composeAttempts, composeServices } from "../../src/entry/compose.ts";
import worker from "../../src/entry/worker.ts";
import type { ExecutionMessage } from "../../src/queue/message.ts";
import { aJob } from "../workerd/db/builders.ts";
import { storageOn } from "../workerd/db/storage.ts";
import { attemptKey, Consumer, type DeathPoint, NEVER } from "./simulatedConsumer.ts";
import { SimulatedHandOver, watchActors } from "./simulatedHandOver.ts";
import { MessageHandle, type QueuedMessage, SimulatedQueues } from "./simulatedQueues.ts";
import { type LoggedEvent, parseLog } from "./loggedEvents.ts";
import { idInOneObject } from "./oneObject.ts";

/** A whole minute, decades from now. */
export const SIMULATED_START_MS = Date.UTC(2040, 0, 2, 12, 0, 0);

export interface SeenArrival {
  readonly executionId: string;
  readonly jobId: string;
  /** By `X-Cron-Service-Attempt`. */
  readonly attempt: number;
  readonly url: string;
  readonly atMs: number;
}

/** Far more than any story needs; an engine that rings for ever fails instead of hanging. */
const RINGS_MOST = 5_000;
const databases = storageOn(env.DB);

export class Simulation {
  readonly messages: QueuedMessage[];
  readonly handOver: SimulatedHandOver;
  /** Attempts that actors handed over and nobody has begun. */
  readonly handed: AttemptWork[];
  readonly arrivals: SeenArrival[] = [];
  readonly logs: LoggedEvent[] = [];
  readonly jobs = new Map<string, Job>();
  /** What the target answers. */
  answer: (arrival: SeenArrival) => Response | Promise<Response> = () => new Response("ok");
  /** Runs before every call that a consumer or the watchdog makes to D1: throws or hangs as a test wants. */
  beforeD1: () => void | Promise<void> = () => {};
  /** Calls to D1 so far, those that failed included. */
  d1Calls = 0;
  /** Whether every actor loses its memory after every step that it makes. */
  evicting = false;
  #nowMs: number;
  readonly #isShared: boolean;
  readonly #queues: SimulatedQueues;
  readonly #senders = new Map<string, Consumer>();

  constructor(startMs = SIMULATED_START_MS, { direct = false, shared = false } = {}) {
    this.#nowMs = startMs;
    this.#isShared = shared;
    this.handOver = new SimulatedHandOver(direct);
    this.handed = this.handOver.waiting;
    vi.useFakeTimers({ toFake: ["Date"], now: startMs });
    this.#queues = new SimulatedQueues();
    this.messages = this.#queues.waiting;
    vi.stubGlobal(
      "fetch",
      async (url: string, init: RequestInit) => await this.#receive(url, new Headers(init.headers)),
    );
    const log = (line: unknown) => void this.logs.push(parseLog(line));
    vi.spyOn(console, "log").mockImplementation(log);
    vi.spyOn(console, "error").mockImplementation(log);
  }

  /** Gives the runtime back as it was. Alarms of this simulation's jobs stay, decades away. */
  end(): void {
    vi.useRealTimers();
    vi.unstubAllGlobals();
    vi.restoreAllMocks();
  }

  /** Messages that actors sent so far. */
  get sent(): number {
    return this.#queues.sent;
  }

  get nowMs(): number {
    return this.#nowMs;
  }

  /** Moves the clock and does nothing else: back, too. */
  setClock(nowMs: number): void {
    this.#nowMs = nowMs;
    vi.setSystemTime(nowMs);
  }

  /** A job that is saved and applied. Its default schedule is one `one_time` fire, now. */
  async start(changes: Partial<Job> = {}): Promise<Job> {
    const job = this.draft(changes);
    await this.save(job);
    await this.apply(job);
    return job;
  }

  /** A job that is nowhere yet. */
  draft(changes: Partial<Job> = {}): Job {
    const nowMs = this.#nowMs;
    return aJob({
      ...(this.#isShared ? { id: idInOneObject(SIMULATED_START_MS) } : {}),
      schedule: { kind: "one_time" },
      createdAtMs: nowMs,
      updatedAtMs: nowMs,
      scheduleFromMs: nowMs,
      concurrencyLimit: 10,
      ...changes,
    });
  }

  async save(job: Job): Promise<void> {
    await databases.jobs.insert(job, null);
    this.jobs.set(job.id, job);
  }

  async apply(job: Job): Promise<void> {
    this.jobs.set(job.id, job);
    await watchActors(this.stub(job.id));
    await applyJob(this.services(), job);
    await this.#step(job.id);
  }

  /** Saves and applies a new version, as PATCH, pause and resume do. */
  async edit(jobId: string, changes: Partial<Job>): Promise<Job> {
    const old = this.job(jobId);
    const next = { ...old, ...changes, version: old.version + 1, updatedAtMs: this.#nowMs };
    await databases.jobs.replace(next, old.version);
    await this.apply(next);
    return next;
  }

  async delete(job: Job): Promise<void> {
    const later: Promise<unknown>[] = [];
    await deleteJob(this.services(later), job.workspaceId, job.id);
    await Promise.all(later);
    this.jobs.delete(job.id);
  }

  async runNow(job: Job, asked: Partial<TriggerRequest> = {}): Promise<string> {
    const { workspaceId } = job;
    const request = { workspaceId, source: "manual", replayedFrom: null, ...asked } as const;
    const answer = await this.actor(job.id).trigger(request);
    await this.#step(job.id);
    if (answer.type !== "started") throw new Error(`run-now answered ${answer.type}`);
    return answer.execution.id;
  }

  async cancel(job: Job, executionId: string): Promise<Execution | null> {
    const ended = await this.actor(job.id).cancel(job.workspaceId, executionId);
    await this.#step(job.id);
    return ended;
  }

  /** What the history and the API work with: the real D1, which never fails here. */
  services(later: Promise<unknown>[] = []): Services {
    return composeServices(env, (work) => void later.push(work), new URL("https://carillon.test/"));
  }

  actor(jobOrExecutionId: string): JobActorProtocol {
    return createJobActors(env.JOB_ACTOR).of(jobOrExecutionId);
  }

  stub(jobOrExecutionId: string) {
    return env.JOB_ACTOR.getByName(objectOf(jobKey(jobOrExecutionId)));
  }

  /** Takes the actor's memory away; its storage stays. */
  async evict(jobId: string): Promise<void> {
    await evictDurableObject(this.stub(jobId));
  }

  async alarmOf(jobId: string): Promise<number | null> {
    return await runInDurableObject(this.stub(jobId), (_, state) => state.storage.getAlarm());
  }

  /** As the platform does when an alarm failed too often: nothing will ring any more. */
  async dropAlarm(jobId: string): Promise<void> {
    await runInDurableObject(this.stub(jobId), (_, state) => state.storage.deleteAlarm());
    await this.evict(jobId);
  }

  /** Rings the alarm of one job, whatever the time; says whether there was one. */
  async ring(jobId: string): Promise<boolean> {
    const rang = await runDurableObjectAlarm(this.stub(jobId));
    await this.#step(jobId);
    return rang;
  }

  /**
   * Lets time pass: every alarm rings at its moment, and after each `afterEach` runs, which by default delivers all that
   * was sent.
   */
  async advanceTo(untilMs: number, afterEach: () => Promise<void> = () => this.deliverAll()): Promise<void> {
    await afterEach();
    for (let rings = 0; ; rings++) {
      if (rings === RINGS_MOST) throw new Error(`Alarms do not come to rest: ${rings} have rung.`);
      const next = await this.nextAlarm();
      if (next === null || next.atMs > untilMs) break;
      this.setClock(Math.max(this.#nowMs, next.atMs));
      await this.ring(next.jobId);
      await afterEach();
    }
    this.setClock(Math.max(this.#nowMs, untilMs));
  }

  async advance(byMs: number, afterEach?: () => Promise<void>): Promise<void> {
    await this.advanceTo(this.#nowMs + byMs, afterEach);
  }

  async nextAlarm(): Promise<{ jobId: string; atMs: number } | null> {
    const alarms = await Promise.all(
      [...this.jobs.keys()].map(async (jobId) => ({ jobId, atMs: await this.alarmOf(jobId) })),
    );
    let next: { jobId: string; atMs: number } | null = null;
    for (const { jobId, atMs } of alarms) {
      if (atMs !== null && (next === null || atMs < next.atMs)) next = { jobId, atMs };
    }
    return next;
  }

  /** Delivers everything that waits, and what that brings about, until nothing waits. */
  async deliverAll(): Promise<void> {
    while (this.messages.length > 0 || this.handed.length > 0) {
      await Promise.all(this.handed.splice(0).map((work) => this.attempt(work)));
      await this.deliver(this.#queues.nextBatch());
    }
  }

  /** Removes messages from the queue and returns them: all, or the given ones. */
  take(messages?: readonly QueuedMessage[]): QueuedMessage[] {
    return this.#queues.take(messages);
  }

  /**
   * One invocation of the queue handler, and everything that it leaves to `waitUntil`. Resolves when all is done or the
   * consumer is dead. What the handler asked for again, or had not acknowledged when it died, waits again.
   */
  async deliver(messages: readonly QueuedMessage[], options: { dies?: DeathPoint } = {}): Promise<void> {
    const consumer = this.#consumer(options.dies ?? null);
    const delivery = this.#handle(consumer, messages);
    await Promise.race([delivery, consumer.died]);
    await this.#stepOf(messages);
  }

  /** Makes an attempt that was handed over, claimed as it is. Resolves when it has ended or its worker is dead. */
  async attempt(work: AttemptWork, options: { dies?: DeathPoint } = {}): Promise<void> {
    const attemptWorker = this.#consumer(options.dies ?? null);
    this.#senders.set(attemptKey(work.executionId, work.attempt), attemptWorker);
    attemptWorker.reach("received");
    attemptWorker.reach("claimed");
    if (!attemptWorker.dead) {
      await Promise.race([composeAttempts(attemptWorker.bindings())(work), attemptWorker.died]);
    }
    await this.#step(work.job.id);
  }

  /** Starts an invocation and leaves it running, for targets that answer later. */
  begin(messages: readonly QueuedMessage[]): Promise<void> {
    return this.#handle(this.#consumer(null), messages);
  }

  /** Keeps every request open from now on, until `release` answers those that are open and all that come later. */
  hold(response: () => Response = () => new Response("ok")): { release: () => void } {
    const released = Promise.withResolvers<void>();
    this.answer = async () => {
      await released.promise;
      return response();
    };
    return { release: () => released.resolve() };
  }

  /** Waits for what goes on in the background; the simulated clock stands still. */
  async until(condition: () => boolean | Promise<boolean>, what: string): Promise<void> {
    for (let tries = 0; tries < 5_000; tries++) {
      if (await condition()) return;
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
    throw new Error(`Waited in vain for ${what}.`);
  }

  async runWatchdog(): Promise<void> {
    const controller = { scheduledTime: this.#nowMs, cron: "*/5 * * * *", noRetry: () => {} };
    await worker.scheduled(controller as ScheduledController, this.#consumer(null).bindings());
  }

  /** Every execution of the job that the history has, in the order of their due times. */
  async history(job: Pick<Job, "id" | "workspaceId">): Promise<Execution[]> {
    const ids = await env.DB.prepare("SELECT id FROM executions WHERE job_id = ? ORDER BY id").bind(job.id).all();
    const found = await Promise.all(
      ids.results.map((row) => databases.executions.find(job.workspaceId, String(row["id"]))),
    );
    return found.filter((execution) => execution !== null);
  }

  async owed(jobId: string): Promise<HistoryEntry[]> {
    return await this.actor(jobId).owed();
  }

  arrivalsOf(executionId: string): SeenArrival[] {
    return this.arrivals.filter((arrival) => arrival.executionId === executionId);
  }

  job(jobId: string): Job {
    const job = this.jobs.get(jobId);
    if (!job) throw new Error(`The simulation has no job ${jobId}.`);
    return job;
  }

  async #handle(consumer: Consumer, messages: readonly QueuedMessage[]): Promise<void> {
    const [first] = messages;
    if (!first) return;
    let returned = false;
    const again: QueuedMessage[] = [];
    void consumer.died.then(() => (returned ? undefined : void this.messages.push(...messages)));
    consumer.reach("received");
    if (consumer.dead) return;
    const handles = messages.map((message, index) => new MessageHandle(message, index, () => again.push(message)));
    const batch = { queue: first.queue, messages: handles, metadata: {}, ackAll: () => {}, retryAll: () => {} };
    const background: Promise<unknown>[] = [];
    const context = { waitUntil: (work: Promise<unknown>) => void background.push(work), props: {} };
    await worker.queue(
      batch as unknown as MessageBatch<ExecutionMessage>,
      consumer.bindings(),
      context as unknown as ExecutionContext,
    );
    returned = true;
    this.messages.push(...again);
    await Promise.all(background);
  }

  #consumer(dies: DeathPoint | null): Consumer {
    return new Consumer(dies, {
      beforeD1: async () => {
        this.d1Calls += 1;
        await this.beforeD1();
      },
      claimed: (consumer, key) => void this.#senders.set(key, consumer),
    });
  }

  async #receive(url: string, headers: Headers): Promise<Response> {
    const executionId = headers.get("x-cron-service-execution-id") ?? "";
    const attempt = Number(headers.get("x-cron-service-attempt"));
    const jobId = headers.get("x-cron-service-job-id") ?? "";
    const consumer = this.#senders.get(attemptKey(executionId, attempt));
    if (consumer?.dead) return await NEVER;
    const arrival = { executionId, jobId, attempt, url, atMs: this.#nowMs };
    this.arrivals.push(arrival);
    const response = await this.answer(arrival);
    consumer?.reach("sent");
    return consumer?.dead ? await NEVER : response;
  }

  /** Waits until actors have sent and handed over what their last answers brought about. */
  async settled(): Promise<void> {
    await this.until(() => this.handOver.isSettled, "the actors to send what they have to send");
  }

  async #step(jobId: string): Promise<void> {
    await this.settled();
    if (this.evicting) await this.evict(jobId);
  }

  async #stepOf(messages: readonly QueuedMessage[]): Promise<void> {
    const ids = messages.flatMap(({ body }) => {
      if (body.type === "bulk_action") return [];
      return [body.type === "attempt" ? body.executionId : body.jobId];
    });
    for (const key of new Set(ids.map(jobKey))) {
      const jobId = [...this.jobs.keys()].find((id) => jobKey(id) === key);
      if (jobId !== undefined) await this.#step(jobId);
    }
  }
}
