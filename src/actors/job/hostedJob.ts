/**
 * One job in the object that hosts it: turns calls into events of the engine, and saves what they come to. It never
 * reaches D1: with D1 down, firing goes on.
 */

import { approvalView } from "../../domain/engine/approvalView.ts";
import type { AttemptWork, ClaimAnswer } from "../../domain/engine/claim.ts";
import { owedHistory } from "../../domain/engine/control.ts";
import { idempotencyKey } from "../../domain/engine/dedupe.ts";
import type { ChildEnd, ErrandOrder, ErrandOutcome } from "../../domain/engine/errands.ts";
import type { AttemptResult } from "../../domain/engine/finish.ts";
import { claimForHandOver, type HandOver, NO_TAKERS } from "../../domain/engine/handOver.ts";
import { loadOf } from "../../domain/engine/load.ts";
import type {
  ApprovalView,
  AttemptMessage,
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
import { type EngineEvent, type EventAnswers, isAnnouncementOnly, keysOf, reduce } from "../../domain/engine/reduce.ts";
import type { TriggerEvent, TriggerRefusal } from "../../domain/engine/start.ts";
import { type Command, initialState, type JobState } from "../../domain/engine/state.ts";
import { errandOrders, isResting, nextWakeMs } from "../../domain/engine/timers.ts";
import type { Execution } from "../../domain/execution/execution.ts";
import { requestedExecutionId } from "../../domain/ids.ts";
import type { Job } from "../../domain/job/job.ts";
import type { Result } from "../../domain/result.ts";
import { logFault } from "../../observability/log.ts";
import { secureRandom } from "../secureRandom.ts";
import { JobStore, type KeyChanges, type StoredRow } from "./jobStore.ts";
import { type Kept, roomIn } from "./keptSizes.ts";
import type { ObjectCost } from "./objectCost.ts";

/** What an event came to, beside the state: what is to be done once that is durable. */
export interface Found {
  readonly job: HostedJob;
  readonly works: readonly AttemptWork[];
  readonly commands: readonly Command[];
}

/** The object, as a job that lives in it sees it. */
export interface JobHost {
  readonly storage: DurableObjectStorage;
  readonly cost: ObjectCost;
  readonly kept: Kept;
  /** Asks the platform when the alarm rings, if that is not known. */
  knowAlarm(): Promise<void>;
  /** What is remembered of the alarm may be wrong. */
  doubtAlarm(): void;
  /** Keeps one alarm armed for the next moment of all jobs. */
  arm(): void;
  /** How many attempts an event may hand over. */
  room(): number;
  carryOut(found: Found): void;
  /** Deletes what the job has, and everything if it was the last. */
  erase(job: HostedJob): Promise<void>;
}

interface Outlook {
  readonly state: JobState | null;
  readonly wakeMs: number | null;
  readonly isIdle: boolean;
}

interface Settled<Type extends EngineEvent["type"]> {
  readonly answer: EventAnswers[Type];
  /** As in `HandOver`. */
  readonly answered: ReadonlyMap<string, AttemptWork>;
}

/** After a fault of ours: look again so much later, instead of using up the platform's six retries of an alarm. */
export const REST_AFTER_FAULT_MS = 60_000;

export class HostedJob implements JobActorProtocol {
  readonly #host: JobHost;
  readonly #store: JobStore;
  #state: JobState | null = null;
  #outlook: Outlook = { state: null, wakeMs: null, isIdle: true };
  /** After a fault. */
  #restUntilMs: number | null = null;

  constructor(host: JobHost, slot: number) {
    this.#host = host;
    this.#store = new JobStore(host.storage, host.cost.rows, slot, host.kept);
  }

  /** Goes on from rows of its slot. Throws when this release cannot read them. */
  restore(rows: StoredRow[]): void {
    this.#state = this.#store.load(rows);
  }

  /** `null` while there is no job here. */
  get job(): Job | null {
    return this.#state?.job ?? null;
  }

  /** When time alone has something to do; `null` for never. */
  get wakeMs(): number | null {
    const { wakeMs } = this.#outlookOf(this.#state);
    return this.#restUntilMs === null ? wakeMs : Math.max(wakeMs ?? 0, this.#restUntilMs);
  }

  /** Whether an alarm before `wakeMs` would be for nothing. */
  get isIdle(): boolean {
    return this.#outlookOf(this.#state).isIdle;
  }

  /** Does what time alone asks for. Never throws, so that no job keeps another from its fires. `most`: attempts to hand over. */
  tick(nowMs: number, most: number): Found | null {
    const before = this.#state;
    this.#restUntilMs = null;
    if (before === null) return null;
    try {
      const found = this.#claimAtOnce(reduce<"tick">(before, { type: "tick" }, nowMs, secureRandom), most, NO_TAKERS);
      this.#state = found.state;
      const isUnsaved =
        found.works.length === 0 && this.#store.saved === before && isAnnouncementOnly(before, found.state);
      if (!isUnsaved) this.#save(found.state);
      return found;
    } catch (error) {
      logFault("actor.alarm_failed", error);
      this.#restUntilMs = nowMs + REST_AFTER_FAULT_MS;
      return null;
    }
  }

  async apply(job: Job): Promise<void> {
    this.#state ??= initialState(job);
    // The watchdog applies in order to re-arm: what counts is the alarm that the platform has, not the one we remember.
    this.#host.doubtAlarm();
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
      const { workspaceId: _, takesWork: __, executionId, ...asked } = request;
      const dueMs = Math.max(nowMs, asked.delayUntilMs ?? nowMs);
      return { ...asked, id: executionId ?? requestedExecutionId(job.id, dueMs, secureRandom) };
    });
    // One that was started before is not this caller's: its attempt is handed over, should the event bring one about.
    const takersOf = (answers: EventAnswers["trigger"]) =>
      new Set(starts.flatMap(({ id }, index) => (requests[index]?.takesWork && answers[index]?.ok ? [id] : [])));
    const settled = await this.#settle<"trigger">({ type: "trigger", starts }, takersOf);
    if (settled === null) return unknownJob(requests);
    return settled.answer.map((answer) => toTriggerAnswer(answer, settled.answered));
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
    this.#host.cost.requests += 1;
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
    const attempt = roomIn(this.#host.kept) > 0 ? result.attempt : { ...result.attempt, bodyPreview: null };
    const answer = await this.#handle<"finish">({ type: "finish", result: { ...result, attempt } });
    const cost = this.#host.cost.bill(result.verdict.type !== "retry");
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
    this.#host.cost.requests += 1;
    return this.#state ? owedHistory(this.#state) : [];
  }

  async confirm(confirmed: readonly { readonly id: string; readonly rev: number }[]): Promise<void> {
    await this.#handle<"confirm">({ type: "confirm", confirmed });
  }

  async erase(): Promise<void> {
    this.#state = null;
    this.#restUntilMs = null;
    await this.#host.erase(this);
  }

  /** Deletes the rows of this job. */
  deleteRows(): void {
    this.#store.erase();
  }

  /** Says that the object's storage was deleted. */
  forgetRows(): void {
    this.#store.forget();
  }

  /** Takes back an attempt that nobody took: its message goes through the queue. */
  async handBack({ executionId, step, fence }: AttemptWork): Promise<void> {
    await this.#handle<"hand_back">({ type: "hand_back", executionId, step, fence });
  }

  /** One event; `null` where there is no job. */
  async #handle<Type extends EngineEvent["type"]>(
    event: Extract<EngineEvent, { type: Type }>,
  ): Promise<EventAnswers[Type] | null> {
    const settled = await this.#settle<Type>(event, () => NO_TAKERS);
    return settled === null ? null : settled.answer;
  }

  /**
   * One event: state, rows and alarm change in one synchronous block, which the platform commits as one; the answer
   * leaves the object only when that is durable, and with it what the caller takes: an attempt of each of the executions
   * that `takersOf` names. `null` where there is no job.
   */
  async #settle<Type extends EngineEvent["type"]>(
    event: Extract<EngineEvent, { type: Type }>,
    takersOf: (answer: EventAnswers[Type]) => ReadonlySet<string>,
  ): Promise<Settled<Type> | null> {
    // What the object tells itself is no request.
    if (event.type !== "hand_back") this.#host.cost.requests += 1;
    await this.#host.knowAlarm();
    if (this.#state === null) return null;
    const nowMs = Date.now();
    const known = this.#store.lookUp(keysOf(event));
    const reduction = reduce<Type>(this.#state, event, nowMs, secureRandom, known, roomIn(this.#host.kept));
    // What an end brings about goes through the queue. Handed over, it would be called by the call that reports the end, and
    // so on for as long as there is a backlog; the platform ends such a chain after 16 calls (ADR 0016).
    const most = event.type === "finish" ? 0 : this.#host.room();
    const found = this.#claimAtOnce(reduction, most, takersOf(reduction.answer));
    this.#save(found.state, { changes: reduction.keys, nowMs });
    this.#state = found.state;
    this.#restUntilMs = null;
    this.#host.arm();
    if (found.works.length > 0 || found.commands.length > 0) this.#host.carryOut(found);
    return { answer: reduction.answer, answered: found.answered };
  }

  #claimAtOnce(
    { state, commands }: { readonly state: JobState; readonly commands: readonly Command[] },
    most: number,
    takers: ReadonlySet<string>,
  ): Found & HandOver {
    const context = { nowMs: Date.now(), uuid: () => crypto.randomUUID(), most, takers };
    return { job: this, ...claimForHandOver(state, commands, context) };
  }

  /** Worked out once for each state: an object asks all of its jobs at every event. */
  #outlookOf(state: JobState | null): Outlook {
    if (this.#outlook.state !== state) {
      const isIdle = state === null || isResting(state);
      this.#outlook = { state, wakeMs: state === null ? null : nextWakeMs(state), isIdle };
    }
    return this.#outlook;
  }

  /** All of a state or nothing of it; after a failure the job goes on from what was saved before. */
  #save(state: JobState, keys?: KeyChanges): void {
    try {
      this.#store.save(state, keys);
    } catch (error) {
      this.#state = this.#store.load();
      throw error;
    }
  }
}

function unknownJob(requests: readonly TriggerRequest[]): TriggerAnswer[] {
  return requests.map(() => ({ type: "unknown_job" }));
}

function toTriggerAnswer(
  answer: Result<Execution, TriggerRefusal>,
  answered: ReadonlyMap<string, AttemptWork>,
): TriggerAnswer {
  if (answer.ok) {
    const work = answered.get(answer.value.id);
    return { type: "started", execution: answer.value, ...(work === undefined ? {} : { work }) };
  }
  if (answer.error === "backlog_full") return { type: "backlog_full" };
  if ("invalidInput" in answer.error) return { type: "invalid_input", issues: answer.error.invalidInput };
  return { type: "duplicate", executionId: answer.error.duplicateOf, execution: answer.error.execution };
}
