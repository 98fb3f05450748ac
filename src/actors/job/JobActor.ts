/**
 * The Durable Object that hosts one job: a thin shell that loads and saves the engine's state, keeps one alarm armed for
 * its next moment, and sends its messages. It never reaches D1: with D1 down, firing goes on.
 */

import { DurableObject } from "cloudflare:workers";
import { approvalView } from "../../domain/engine/approvalView.ts";
import type { AttemptResult } from "../../domain/engine/finish.ts";
import { owedHistory } from "../../domain/engine/control.ts";
import { idempotencyKey } from "../../domain/engine/dedupe.ts";
import type { ChildEnd, ErrandOrder, ErrandOutcome } from "../../domain/engine/errands.ts";
import type {
  ApprovalView,
  AttemptMessage,
  AttemptStarter,
  DecisionAnswer,
  DecisionRequest,
  FinishAnswer,
  HistoryEntry,
  JobActorProtocol,
  JobLoad,
  RescheduleAnswer,
  RestartAnswer,
  RestartRequest,
  SignalAnswer,
  SignalRequest,
  TriggerAnswer,
  TriggerRequest,
} from "../../domain/engine/protocol.ts";
import type { AttemptWork, ClaimAnswer } from "../../domain/engine/claim.ts";
import { claimForHandOver, type HandOver } from "../../domain/engine/handOver.ts";
import { loadOf } from "../../domain/engine/load.ts";
import { type EngineEvent, isAnnouncementOnly, keysOf, reduce, type Reduction } from "../../domain/engine/reduce.ts";
import type { TriggerEvent, TriggerRefusal } from "../../domain/engine/start.ts";
import { type Command, initialState, type JobState, LIST_AFTER_MS } from "../../domain/engine/state.ts";
import { errandOrders, isResting, nextWakeMs } from "../../domain/engine/timers.ts";
import type { Execution } from "../../domain/execution/execution.ts";
import { requestedExecutionId } from "../../domain/ids.ts";
import type { Job } from "../../domain/job/job.ts";
import type { Result } from "../../domain/result.ts";
import { logFault } from "../../observability/log.ts";
import type { ExecutionMessage } from "../../queue/message.ts";
import { createProducer, type Producer } from "../../queue/producer.ts";
import { attemptRoom } from "../attemptRoom.ts";
import { secureRandom } from "../secureRandom.ts";
import { JobStore, type KeyChanges } from "./jobStore.ts";

/** An attempt that found no room with the Worker: for so long all go through the queue, which waits as long as it takes. */
const QUEUE_ONLY_MS = 10_000;

/** After a fault of ours in `alarm()`: look again this much later instead of using up the platform's six retries. */
const ALARM_AFTER_FAULT_MS = 60_000;

export interface ActorEnv {
  readonly EXECUTIONS: Queue<ExecutionMessage>;
  readonly LONG_EXECUTIONS: Queue<ExecutionMessage>;
  readonly CONNECTIONS_PER_INVOCATION: string;
  readonly DIRECT_ATTEMPTS_PER_ISOLATE?: string;
}

export class JobActor extends DurableObject<ActorEnv> implements JobActorProtocol {
  readonly #rows = { read: 0, written: 0 };
  readonly #store: JobStore;
  readonly #short: Producer;
  readonly #long: Producer;
  #state: JobState | null;
  /** When the alarm rings; `undefined` until it was asked for once. */
  #armedMs: number | null | undefined;
  /** Whether the job was resting after the last event, and when that last came about. */
  #isIdle = true;
  #idleAtMs = 0;
  /** Until then nothing is handed over. */
  #queueOnlyUntilMs = 0;
  /** Since the last finished execution: what it cost (`execution.finished` in the log). */
  #requests = 0;
  #messages = 0;

  constructor(ctx: DurableObjectState, env: ActorEnv) {
    super(ctx, env);
    this.#store = new JobStore(ctx.storage, this.#rows);
    this.#state = this.#store.load();
    this.#short = createProducer(env.EXECUTIONS, (error) => logFault("queue.send_failed", error));
    this.#long = createProducer(env.LONG_EXECUTIONS, (error) => logFault("queue.send_failed", error));
  }

  /**
   * Guarantees: never throws for reasons of the domain, because a failing alarm is dropped for good after six retries;
   * and re-arms in the same synchronous block that takes the work, so that there is no moment at which work is taken and
   * no alarm is set.
   */
  override async alarm(): Promise<void> {
    this.#requests += 1;
    this.#armedMs = null;
    if (this.#state === null) return;
    let found: HandOver;
    try {
      const before = this.#state;
      found = this.#claimAtOnce(reduce<"tick">(before, { type: "tick" }, Date.now(), secureRandom));
      const { state, works } = found;
      this.#state = state;
      const isUnsaved = works.length === 0 && this.#store.saved === before && isAnnouncementOnly(before, state);
      if (!isUnsaved) this.#save(state);
      this.#arm(state);
    } catch (error) {
      logFault("actor.alarm_failed", error);
      this.#armedMs = Date.now() + ALARM_AFTER_FAULT_MS;
      await this.ctx.storage.setAlarm(this.#armedMs);
      return;
    }
    await this.#carryOut(found);
  }

  async apply(job: Job): Promise<void> {
    this.#state ??= initialState(job);
    // The watchdog applies in order to re-arm: what counts is the alarm that the platform has, not the one we remember.
    this.#armedMs = undefined;
    await this.#handle<"apply">({ type: "apply", job });
  }

  async trigger(request: TriggerRequest): Promise<TriggerAnswer> {
    const [answer] = await this.triggerMany([request]);
    return answer ?? { type: "unknown_job" };
  }

  async triggerMany(requests: readonly TriggerRequest[]): Promise<TriggerAnswer[]> {
    const job = this.#state?.job;
    if (!job || requests.some(({ workspaceId }) => workspaceId !== job.workspaceId)) return unknownJob(requests);
    const nowMs = Date.now();
    const starts = requests.map((request): TriggerEvent => {
      const { workspaceId: _, executionId, ...asked } = request;
      const dueMs = Math.max(nowMs, asked.delayUntilMs ?? nowMs);
      return { ...asked, id: executionId ?? requestedExecutionId(job.id, dueMs, secureRandom) };
    });
    const answers = await this.#handle<"trigger">({ type: "trigger", starts });
    return answers === null ? unknownJob(requests) : answers.map(toTriggerAnswer);
  }

  async reschedule(workspaceId: string, executionId: string, untilMs: number): Promise<RescheduleAnswer> {
    if (this.#state?.job.workspaceId !== workspaceId) return { type: "unknown" };
    const answer = await this.#handle<"reschedule">({ type: "reschedule", executionId, untilMs });
    return answer ?? { type: "unknown" };
  }

  async forgetDedupe(workspaceId: string, key: string): Promise<boolean> {
    if (this.#state?.job.workspaceId !== workspaceId) return false;
    return (await this.#handle<"forget_key">({ type: "forget_key", key: idempotencyKey(key) })) ?? false;
  }

  async load(workspaceId: string): Promise<JobLoad | null> {
    const state = this.#state;
    return state?.job.workspaceId === workspaceId ? loadOf(state, Date.now()) : null;
  }

  async countEarlier(workspaceId: string, count: number): Promise<void> {
    if (this.#state?.job.workspaceId !== workspaceId) return;
    await this.#handle<"count_earlier">({ type: "count_earlier", count });
  }

  async restart(request: RestartRequest): Promise<RestartAnswer> {
    const job = this.#state?.job;
    const { workspaceId, ...asked } = request;
    if (!job || job.workspaceId !== workspaceId || asked.original.jobId !== job.id) return { type: "unknown_job" };
    const id = requestedExecutionId(job.id, Date.now(), secureRandom);
    const answer = await this.#handle<"restart">({ type: "restart", id, ...asked });
    if (answer === null) return { type: "unknown_job" };
    if (answer.ok) return { type: "started", execution: answer.value };
    if (answer.error === "backlog_full") return { type: "backlog_full" };
    if ("invalidInput" in answer.error) return { type: "invalid_input", issues: answer.error.invalidInput };
    return { type: "refused", message: answer.error.message };
  }

  async signal(request: SignalRequest): Promise<SignalAnswer> {
    return (await this.#handle<"signal">({ type: "signal", request })) ?? "unknown";
  }

  async decide(request: DecisionRequest): Promise<DecisionAnswer> {
    return (await this.#handle<"decide">({ type: "decide", request })) ?? { type: "unknown" };
  }

  async approval(executionId: string, step: string, token: string): Promise<ApprovalView | null> {
    const live = this.#state?.live.get(executionId);
    const execution = live?.execution ?? this.#state?.outbox.get(executionId)?.execution ?? null;
    return approvalView(execution, live?.key ?? execution?.workflow?.key ?? null, { step, token });
  }

  async errands(): Promise<ErrandOrder[]> {
    this.#requests += 1;
    return this.#state ? errandOrders(this.#state) : [];
  }

  async errandDone(id: string, outcome: ErrandOutcome): Promise<void> {
    await this.#handle<"errand_done">({ type: "errand_done", id, outcome });
  }

  async childEnded(end: ChildEnd): Promise<void> {
    await this.#handle<"child_ended">({ type: "child_ended", end });
  }

  async cancelChild(workspaceId: string, executionId: string): Promise<void> {
    if (this.#state?.job.workspaceId !== workspaceId) return;
    await this.#handle<"cancel_child">({ type: "cancel_child", executionId });
  }

  async claim(message: AttemptMessage): Promise<ClaimAnswer> {
    const answer = await this.#handle<"claim">({ type: "claim", ...message, uuid: crypto.randomUUID() });
    return answer ?? { verdict: "unknown" };
  }

  async finish(result: AttemptResult): Promise<FinishAnswer> {
    const answer = await this.#handle<"finish">({ type: "finish", result });
    const cost = {
      actorRequests: this.#requests,
      actorRowsRead: this.#rows.read,
      actorRowsWritten: this.#rows.written,
      queueMessages: this.#messages,
    };
    if (result.verdict.type !== "retry") this.#resetCost();
    return { applied: answer?.applied ?? false, cost };
  }

  async cancel(workspaceId: string, executionId: string): Promise<Execution | null> {
    if (this.#state?.job.workspaceId !== workspaceId) return null;
    return (await this.#handle<"cancel">({ type: "cancel", executionId })) ?? null;
  }

  async describe(workspaceId: string, executionId: string): Promise<Execution | null> {
    const state = this.#state;
    if (state?.job.workspaceId !== workspaceId) return null;
    return state.live.get(executionId)?.execution ?? state.outbox.get(executionId)?.execution ?? null;
  }

  async owed(): Promise<HistoryEntry[]> {
    this.#requests += 1;
    return this.#state ? owedHistory(this.#state) : [];
  }

  async confirm(confirmed: readonly { readonly id: string; readonly rev: number }[]): Promise<void> {
    await this.#handle<"confirm">({ type: "confirm", confirmed });
  }

  async erase(): Promise<void> {
    this.#state = null;
    this.#store.forget();
    this.#armedMs = null;
    // Deletes the alarm too (compatibility date after 2026-02-24), and is what lets the object vanish.
    await this.ctx.storage.deleteAll();
  }

  /**
   * One event: state, rows and alarm change in one synchronous block, which the platform commits as one; the answer
   * leaves the object only when that is durable. `null` when the object holds no job.
   */
  async #handle<Type extends EngineEvent["type"]>(
    event: Extract<EngineEvent, { type: Type }>,
  ): Promise<Reduction<Type>["answer"] | null> {
    // What the object tells itself is no request.
    if (event.type !== "hand_back") this.#requests += 1;
    if (this.#armedMs === undefined) this.#armedMs = await this.ctx.storage.getAlarm();
    if (this.#state === null) return null;
    const nowMs = Date.now();
    const known = this.#store.lookUp(keysOf(event));
    const reduction = reduce<Type>(this.#state, event, nowMs, secureRandom, known);
    // What an end brings about goes through the queue. Handed over, it would be called by the call that reports the end, and
    // so on for as long as there is a backlog; the platform ends such a chain after 16 calls (ADR 0016).
    const found = event.type === "finish" ? { ...reduction, works: [] } : this.#claimAtOnce(reduction);
    this.#save(found.state, { changes: reduction.keys, nowMs });
    this.#state = found.state;
    this.#arm(found.state);
    if (found.works.length > 0 || found.commands.length > 0) this.ctx.waitUntil(this.#carryOut(found));
    return reduction.answer;
  }

  /** One invocation takes as many attempts as it may have connections open; what is beyond goes through the queue. */
  #claimAtOnce({ state, commands }: Pick<HandOver, "state" | "commands">): HandOver {
    const nowMs = Date.now();
    const { CONNECTIONS_PER_INVOCATION: connections, DIRECT_ATTEMPTS_PER_ISOLATE: attempts } = this.env;
    // The variable is missing where a deployment's configuration is of a release before.
    const room = nowMs < this.#queueOnlyUntilMs ? 0 : attemptRoom.free(Number(attempts ?? 0));
    const most = Math.min(Number(connections), room);
    return claimForHandOver(state, commands, { nowMs, uuid: () => crypto.randomUUID(), most });
  }

  /** All of a state or nothing of it; after a failure the object goes on from what was saved before. */
  #save(state: JobState, keys?: KeyChanges): void {
    try {
      this.#store.save(state, keys);
    } catch (error) {
      this.#state = this.#store.load();
      throw error;
    }
  }

  /**
   * Sets the alarm when it would ring too late. One that rings too early costs a wake-up, one that is moved costs a row:
   * so it is moved back only when the job has gone idle, where the wake-up would be for nothing, and not even then when
   * the job was idle a moment ago too and so is likely to be wanted again before it rings.
   */
  #arm(state: JobState): void {
    const wakeMs = nextWakeMs(state);
    const armedMs = this.#armedMs ?? null;
    const isIdle = isResting(state);
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
    this.#rows.written += 1;
    this.#armedMs = wakeMs;
  }

  async #carryOut({ works, commands }: HandOver): Promise<void> {
    await Promise.all([
      works.length > 0 ? this.#handOver(works) : null,
      commands.length > 0 ? this.#announce(commands) : null,
    ]);
  }

  /**
   * The call leaves the object when the claims are durable. Whatever goes wrong here, the attempts are not lost: what is
   * not given back has a lease that ends.
   */
  async #handOver(works: readonly AttemptWork[]): Promise<void> {
    try {
      if (await attemptRoom.offer(works.length, () => attemptStarterOf(this.ctx).start(works))) return;
    } catch (error) {
      logFault("actor.hand_over_failed", error);
    }
    this.#queueOnlyUntilMs = Date.now() + QUEUE_ONLY_MS;
    for (const { executionId, step, fence } of works) {
      await this.#handle<"hand_back">({ type: "hand_back", executionId, step, fence });
    }
  }

  async #announce(commands: readonly Command[]): Promise<void> {
    const jobId = this.#state?.job.id;
    if (jobId === undefined) return;
    this.#messages += commands.length;
    const short: ExecutionMessage[] = [];
    const long: ExecutionMessage[] = [];
    for (const command of commands) {
      if (command.type === "collect_history") short.push({ v: 1, type: "history", jobId });
      else if (command.type === "run_errands") short.push({ v: 1, type: "errands", jobId });
      else {
        const { executionId, step, fence, lane } = command;
        (lane === "long" ? long : short).push({ v: 1, type: "attempt", executionId, step, fence });
      }
    }
    await Promise.all([
      short.length > 0 ? this.#short.send(short) : null,
      long.length > 0 ? this.#long.send(long) : null,
    ]);
  }

  #resetCost(): void {
    this.#requests = 0;
    this.#messages = 0;
    this.#rows.read = 0;
    this.#rows.written = 0;
  }
}

/** The Worker that this object was deployed with, as it exports itself (`src/entry/worker.ts`). */
function attemptStarterOf(ctx: DurableObjectState): AttemptStarter {
  return (ctx as unknown as { readonly exports: { readonly AttemptWorker: AttemptStarter } }).exports.AttemptWorker;
}

function unknownJob(requests: readonly TriggerRequest[]): TriggerAnswer[] {
  return requests.map(() => ({ type: "unknown_job" }));
}

function toTriggerAnswer(answer: Result<Execution, TriggerRefusal>): TriggerAnswer {
  if (answer.ok) return { type: "started", execution: answer.value };
  if (answer.error === "backlog_full") return { type: "backlog_full" };
  if ("invalidInput" in answer.error) return { type: "invalid_input", issues: answer.error.invalidInput };
  return { type: "duplicate", executionId: answer.error.duplicateOf, execution: answer.error.execution };
}
