/**
 * The engine: `(state, event) -> { state, commands, answer }`, pure and total.
 *
 * Every event first brings the state up to the present (due times, lost messages, ended leases, retries), is then
 * applied, and at last free slots are filled and owed history is asked for. So it makes no difference whether an alarm
 * or a request comes first, and an alarm that is lost costs nothing but time.
 *
 * The caller saves the new state before it carries out the commands; a command that is lost is repeated by a timer that
 * the saved state already holds.
 */

import type { Random } from "../clock.ts";
import type { Execution } from "../execution/execution.ts";
import type { Job } from "../job/job.ts";
import type { Result } from "../result.ts";
import { claim, type ClaimAnswer } from "./claim.ts";
import { applyDefinition, cancel, cancelChild, confirmHistory, forgetKey } from "./control.ts";
import { type KeyChange, type KnownKeys, startKey } from "./dedupe.ts";
import { reschedule } from "./delay.ts";
import type { ChildEnd, ErrandOutcome } from "./errands.ts";
import { type AttemptResult, finish } from "./finish.ts";
import { handBack } from "./handOver.ts";
import { countEarlier } from "./load.ts";
import type {
  AttemptMessage,
  DecisionAnswer,
  DecisionRequest,
  RescheduleAnswer,
  SignalAnswer,
  SignalRequest,
} from "./protocol.ts";
import { restart, type RestartEvent, type RestartRefusal } from "./restart.ts";
import { trigger, type TriggerEvent, type TriggerRefusal } from "./start.ts";
import type { Command, JobState } from "./state.ts";
import { collectErrands, collectHistory, expire, fillSlots } from "./timers.ts";
import { childEnded, decide, errandDone, signal } from "./wake.ts";

/** Each event and the type of its answer. `random` gives the keys and variables of executions with steps. */
export interface EventAnswers {
  tick: null;
  apply: null;
  /** One answer for each start. */
  trigger: readonly Result<Execution, TriggerRefusal>[];
  reschedule: RescheduleAnswer;
  forget_key: boolean;
  count_earlier: null;
  restart: Result<Execution, RestartRefusal>;
  signal: SignalAnswer;
  decide: DecisionAnswer;
  child_ended: null;
  cancel_child: null;
  errand_done: null;
  claim: ClaimAnswer;
  finish: { applied: boolean };
  cancel: Execution | null;
  confirm: null;
  hand_back: null;
}

export type EngineEvent =
  | { readonly type: "tick" }
  | { readonly type: "apply"; readonly job: Job }
  | { readonly type: "trigger"; readonly starts: readonly TriggerEvent[] }
  | { readonly type: "reschedule"; readonly executionId: string; readonly untilMs: number }
  /** The key as it is stored. */
  | { readonly type: "forget_key"; readonly key: string }
  | { readonly type: "count_earlier"; readonly count: number }
  | ({ readonly type: "restart" } & RestartEvent)
  | { readonly type: "signal"; readonly request: SignalRequest }
  | { readonly type: "decide"; readonly request: DecisionRequest }
  | { readonly type: "child_ended"; readonly end: ChildEnd }
  | { readonly type: "cancel_child"; readonly executionId: string }
  | { readonly type: "errand_done"; readonly id: string; readonly outcome: ErrandOutcome }
  | {
      readonly type: "claim";
      readonly executionId: string;
      readonly step: string;
      readonly fence: number;
      readonly uuid: string;
    }
  | { readonly type: "finish"; readonly result: AttemptResult }
  /** Nobody took the attempt that was to be handed over. */
  | ({ readonly type: "hand_back" } & AttemptMessage)
  | { readonly type: "cancel"; readonly executionId: string }
  | { readonly type: "confirm"; readonly confirmed: readonly { readonly id: string; readonly rev: number }[] };

export interface Reduction<Type extends EngineEvent["type"]> {
  readonly state: JobState;
  readonly commands: readonly Command[];
  readonly answer: EventAnswers[Type];
  /** What the actor must remember or forget with the new state. */
  readonly keys: readonly KeyChange[];
}

/** The keys that an event names: whoever calls `reduce` looks them up first. */
export function keysOf(event: EngineEvent): readonly string[] {
  if (event.type === "forget_key") return [event.key];
  return event.type === "trigger" ? event.starts.flatMap((start) => startKey(start)?.key ?? []) : [];
}

/**
 * `known` is what is remembered of `keysOf(event)`; `room`, how many more characters may be kept where the job lives. Without
 * room nothing starts by request; all else goes on.
 */
export function reduce<Type extends EngineEvent["type"]>(
  state: JobState,
  event: Extract<EngineEvent, { type: Type }>,
  nowMs: number,
  random: Random,
  known: KnownKeys = new Map(),
  room = Number.POSITIVE_INFINITY,
): Reduction<Type> {
  // Slots are filled before the event too, so that a claim finds the execution that its message announced even where
  // the announcement was never saved and the fire is worked out again here.
  const present = fillSlots(expire(state, nowMs), nowMs, random);
  const applied = applyEvent(present.state, event, { nowMs, known, room });
  // A new definition may itself be due at once (a `one_time` job, a schedule that counts from now).
  const settled = event.type === "apply" ? expire(applied.state, nowMs) : applied.state;
  const filled = fillSlots(settled, nowMs, random);
  const newRecord = [...filled.state.outbox.keys()].some((id) => !state.outbox.has(id));
  const collected = collectHistory(filled.state, nowMs, newRecord);
  const sent = collectErrands(collected.state, nowMs);
  return {
    state: sent.state,
    commands: [...present.commands, ...filled.commands, ...collected.commands, ...sent.commands].filter((command) =>
      isCurrent(sent.state, command),
    ),
    // The answer's type follows from the event's, which TypeScript cannot see through the switch.
    answer: applied.answer as EventAnswers[Type],
    keys: applied.keys ?? [],
  };
}

/** Drops a dispatch that the event itself overtook, such as the repetition of a message that is claimed just now. */
function isCurrent(state: JobState, command: Command): boolean {
  if (command.type !== "dispatch") return true;
  const step = state.live.get(command.executionId)?.steps.find((each) => each.path === command.step);
  return step?.phase === "dispatched" && step.fence === command.fence;
}

function applyEvent(
  state: JobState,
  event: EngineEvent,
  { nowMs, known, room }: { readonly nowMs: number; readonly known: KnownKeys; readonly room: number },
): { state: JobState; answer: EventAnswers[EngineEvent["type"]]; keys?: readonly KeyChange[] } {
  switch (event.type) {
    case "tick":
      return { state, answer: null };
    case "apply":
      return { state: applyDefinition(state, event.job), answer: null };
    case "trigger":
      return trigger(state, event.starts, known, { nowMs, room });
    case "claim":
      return claim(state, event, { nowMs, uuid: event.uuid });
    case "finish":
      return finish(state, event.result, nowMs);
    case "cancel":
      return cancel(state, event.executionId, nowMs);
    case "restart":
      return restart(state, event, { nowMs, room });
    case "signal":
      return signal(state, event.request, nowMs);
    case "decide":
      return decide(state, event.request, nowMs);
    case "child_ended":
      return { state: childEnded(state, event.end, nowMs), answer: null };
    case "cancel_child":
      return cancelChild(state, event.executionId, nowMs);
    case "reschedule":
      return reschedule(state, event, nowMs);
    case "forget_key":
      return forgetKey(state, event.key, known, nowMs);
    case "count_earlier":
      return { state: countEarlier(state, event.count), answer: null };
    case "errand_done":
      return { state: errandDone(state, event.id, event.outcome, nowMs), answer: null };
    case "confirm":
      return { state: confirmHistory(state, event.confirmed, nowMs), answer: null };
    case "hand_back":
      return { state: handBack(state, event, nowMs), answer: null };
  }
}

/**
 * Whether all that happened between two states is that due times were turned into executions and announced. Such a
 * change need not be durable before it is acted on: from the older state the same executions, with the same ids and
 * fences, are worked out again, and nothing is sent before a claim, which is durable. It saves the row that would
 * otherwise be written for every fire. The caller must have an alarm armed that repeats the announcement.
 */
export function isAnnouncementOnly(before: JobState, after: JobState): boolean {
  if (before.outbox !== after.outbox || before.job !== after.job) return false;
  if (before.live.size === after.live.size || after.job.steps !== null || before.errands !== after.errands)
    return false;
  for (const [id, live] of before.live) if (after.live.get(id) !== live) return false;
  return true;
}
