/**
 * What the actor of one job knows: the schedule's cursor, the executions that are not finished, and the history that is
 * owed to D1. Immutable: every event yields a new state that shares what did not change, so that the store can save by
 * comparing references.
 */

import type { Execution } from "../execution/execution.ts";
import type { Job } from "../job/job.ts";
import type { JsonValue } from "../json.ts";
import type { Errand } from "./errands.ts";
import { isOneShot, scheduleOf } from "../job/job.ts";
import { nextAfter } from "../schedule/schedule.ts";

/** The place of the one implicit step of a plain job. */
export const PLAIN_STEP = "request";

/** The place of an execution of a job with steps that has not begun yet. */
export const BEGINNING = "";

/**
 * Where one step of an execution stands, as long as something is still to come for it: an `http` step until it has
 * ended, a step that waits until what it waits for has come and been taken up. All other steps take no time, and need
 * no run; containers have a record in `Execution.workflow` only.
 *
 * - `ready`: wants a slot. Nothing is under way; a paused job keeps its scheduled executions here. Of a step that waited:
 *   what it waited for is in its record, and the execution goes on once it has a slot again.
 * - `dispatched`: a message is on its way; at `dueMs` it counts as lost and is sent again.
 * - `claimed`: a consumer holds the claim; at `dueMs` its lease ends and the attempt counts as lost.
 * - `backoff`: the last attempt failed; at `dueMs` the next one is due.
 * - `parked`: waits for a time, a call, a decision or another execution; at `dueMs` the wait is over. The one step of an
 *   execution that has not begun is parked until its due time (`delay.ts`).
 *
 * An execution with a step in any phase but `ready` and `parked` occupies one of the job's slots.
 */
export interface StepRun {
  readonly path: string;
  readonly phase: "ready" | "dispatched" | "claimed" | "backoff" | "parked";
  readonly dueMs: number;
  /** Rises whenever what was handed out before must no longer count: a message or a finish with another fence is stale. */
  readonly fence: number;
  /** Messages sent for this fence and not claimed; the next one waits longer. */
  readonly dispatches: number;
  /** Claims in a row whose lease ended without a result. */
  readonly lost: number;
}

/** A debt to the history: when to ask a consumer (again) to collect it. */
export interface Owed {
  readonly dueMs: number;
  readonly tries: number;
}

export interface LiveExecution {
  readonly execution: Execution;
  readonly steps: readonly StepRun[];
  /** Variables of the request that are drawn once and frozen across retries; `null` until the first claim. */
  readonly frozen: { readonly timestampMs: number; readonly uuid: string } | null;
  /** Set while the newest picture of this execution is not in the history. */
  readonly listing: Owed | null;
  /** 130 random bits that callback and approval links are derived from; `null` for a plain job and before the beginning. */
  readonly key: string | null;
  /** Bodies of callbacks that came before their `wait_for_webhook` step was reached, by its path. */
  readonly early: Readonly<Record<string, JsonValue>>;
}

/** A finished execution whose record the history does not have yet. */
export interface OwedRecord extends Owed {
  readonly execution: Execution;
  /** Its end is the end of the job: a one-shot job becomes `completed` with this record. */
  readonly completesJob: boolean;
}

export interface JobState {
  readonly job: Job;
  /** Definitions that running executions started under and that have been edited since, by version. */
  readonly olderVersions: ReadonlyMap<number, Job>;
  /** Every due time up to this one has become an execution, or was passed over by a policy. Never moves back. */
  readonly cursorMs: number;
  /** The first due time after the cursor; `null` when the job is not active or never fires again. */
  readonly nextDueMs: number | null;
  /** Executions that are not finished, in the order in which they get a slot. */
  readonly live: ReadonlyMap<string, LiveExecution>;
  readonly outbox: ReadonlyMap<string, OwedRecord>;
  /** What other jobs' actors still have to be told, by the errand's id. */
  readonly errands: ReadonlyMap<string, Errand>;
  /** Executions that were ever created, but for those of earlier releases, which did not count. Never falls. */
  readonly created: number;
  /** How many those were, less what is in `created` all the same; `null` until somebody has counted them. */
  readonly createdBefore: number | null;
}

/** What the shell must do once the new state is durable. */
export type Command =
  | {
      readonly type: "dispatch";
      readonly executionId: string;
      readonly step: string;
      readonly fence: number;
      /** Attempts that may outlive the 30 s after a queue handler's return take the long lane (ADR 0005). */
      readonly lane: "short" | "long";
    }
  | { readonly type: "collect_history" }
  /** Asks a consumer to do the errands that are due. */
  | { readonly type: "run_errands" };

export interface Step {
  readonly state: JobState;
  readonly commands: readonly Command[];
}

export function initialState(job: Job): JobState {
  return withNextDue({
    job,
    olderVersions: new Map(),
    // One before, because a due time exactly at `scheduleFromMs` counts.
    cursorMs: job.scheduleFromMs - 1,
    nextDueMs: null,
    live: new Map(),
    outbox: new Map(),
    errands: new Map(),
    created: 0,
    createdBefore: 0,
  });
}

export function withNextDue(state: JobState): JobState {
  const nextDueMs = state.job.state === "active" ? nextAfter(scheduleOf(state.job), state.cursorMs) : null;
  return nextDueMs === state.nextDueMs ? state : { ...state, nextDueMs };
}

/** One more execution of the job exists. */
export function counted(state: JobState): JobState {
  return { ...state, created: state.created + 1 };
}

export function putLive(state: JobState, live: LiveExecution): JobState {
  return { ...state, live: new Map(state.live).set(live.execution.id, live) };
}

/** Owes errands to other actors; one that is owed already stays as it is. An end takes back a start. */
export function putErrands(state: JobState, added: readonly Errand[]): JobState {
  if (added.length === 0) return state;
  const errands = new Map(state.errands);
  for (const errand of added) {
    if (errand.type === "cancel_child") errands.delete(`start:${errand.childId}`);
    if (!errands.has(errand.id)) errands.set(errand.id, errand);
  }
  return { ...state, errands };
}

/** The definition that an execution runs under. */
export function definitionFor(state: JobState, live: LiveExecution): Job {
  return state.olderVersions.get(live.execution.jobVersion) ?? state.job;
}

export function occupiesSlot(live: LiveExecution): boolean {
  return live.steps.some((step) => step.phase !== "ready" && step.phase !== "parked");
}

/** Whether it is in the way of others: it has a slot or wants one. What only waits is not. */
export function isCrowding(live: LiveExecution): boolean {
  return live.steps.some((step) => step.phase !== "parked");
}

/**
 * A paused job holds back what its schedule started, and nothing that a person or another program asked for. A paused
 * queue holds back everything.
 */
export function isHeld(state: JobState, live: LiveExecution): boolean {
  if (state.job.queuePaused) return true;
  return state.job.state === "paused" && live.execution.source === "schedule";
}

/** A change of an execution that is seen from outside: raises the revision by the actor's step of two and owes a listing. */
export function revise(live: LiveExecution, changes: Partial<Execution>, nowMs: number): LiveExecution {
  return {
    ...live,
    execution: { ...live.execution, ...changes, rev: live.execution.rev + 2 },
    listing: { dueMs: Math.min(live.listing?.dueMs ?? Number.POSITIVE_INFINITY, nowMs + LIST_AFTER_MS), tries: 0 },
  };
}

/**
 * Leaves the listing of a plain execution to whoever holds its message or its claim, who writes the picture while the
 * attempt lasts and needs no alarm for it; the actor asks at `untilMs`, should that one have died. What has no slot
 * yet, and what has steps, the actor lists itself.
 */
export function leaveListingTo(live: LiveExecution, untilMs: number): LiveExecution {
  if (live.listing === null || live.execution.workflow !== null) return live;
  return { ...live, listing: { dueMs: untilMs, tries: 0 } };
}

export function replaceStep(live: LiveExecution, step: StepRun): LiveExecution {
  return { ...live, steps: live.steps.map((each) => (each.path === step.path ? step : each)) };
}

export function completesJob(job: Job, execution: Execution): boolean {
  return execution.source === "schedule" && isOneShot(job.schedule);
}

/** Lists may lag by 2 s (guarantee 10); what ends sooner is listed once, by its end. */
export const LIST_AFTER_MS = 1_500;
