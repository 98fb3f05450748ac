/**
 * Due times become executions.
 *
 * Guarantee: each due time yields exactly one execution. The cursor only moves forward, it moves past a due time in the
 * same state change that creates the execution, and the execution's id is a function of job and due time; so a fire
 * that is worked out twice (a repeated alarm, a crash before the state was saved) is the same fire.
 */

import type { Execution, StartOptions } from "../execution/execution.ts";
import type { ParentLink, WorkflowRecord } from "../execution/stepRecord.ts";
import { cancelLive, newWorkflow } from "./advance.ts";
import { scheduledExecutionId } from "../ids.ts";
import { scheduleOf, slotsOf } from "../job/job.ts";
import { dueBetween } from "../schedule/schedule.ts";
import { beginningPhase } from "./delay.ts";
import { oweRecord } from "./end.ts";
import type { JobState, LiveExecution } from "./state.ts";
import { BEGINNING, counted, isCrowding, LIST_AFTER_MS, PLAIN_STEP, putLive, withNextDue } from "./state.ts";

/**
 * A due time that is handled within this time of its moment is late, not missed: it fires whatever the misfire policy.
 * Wide enough for a deploy, a failover (the platform's published tail for an alarm is one minute) or a restart.
 */
export const MISFIRE_AFTER_MS = 60_000;

/** `catch_up` runs every missed due time, but never more than this many. */
export const CATCH_UP_MOST = 100;

/** Executions of one job that may run or want a slot at a time; beyond that a schedule's fire is recorded as cancelled. */
export const LIVE_MOST = 1_000;
/** The same with those that are parked. */
export const LIVE_AND_PARKED_MOST = 5_000;

/** Executions that run or want a slot. */
export function crowdOf(state: JobState): number {
  let crowd = 0;
  for (const live of state.live.values()) if (isCrowding(live)) crowd += 1;
  return crowd;
}

export function isBacklogFull(state: JobState): boolean {
  return state.live.size >= LIVE_AND_PARKED_MOST || (state.live.size >= LIVE_MOST && crowdOf(state) >= LIVE_MOST);
}

/** Turns every due time up to `nowMs` into what the job's policies make of it. */
export function fireDue(state: JobState, nowMs: number): JobState {
  if (state.nextDueMs === null || state.nextDueMs > nowMs) return state;
  const due = dueBetween(scheduleOf(state.job), state.cursorMs, nowMs, CATCH_UP_MOST).times;
  let next = state;
  for (const dueMs of chosenDueTimes(state, due, nowMs)) next = fireOne(next, dueMs, nowMs);
  // `cursorMs` is the last due time, not the clock: should the clock step back, nothing between is passed over.
  return withNextDue({ ...next, cursorMs: due.at(-1) ?? nowMs });
}

/**
 * The misfire policy. `fire_once` makes one execution of everything that was missed, for the latest missed due time,
 * unless a punctual one fires in the same moment and so stands for them all.
 */
function chosenDueTimes(state: JobState, due: readonly number[], nowMs: number): readonly number[] {
  const punctual = due.filter((dueMs) => nowMs - dueMs <= MISFIRE_AFTER_MS);
  const missed = due.slice(0, due.length - punctual.length);
  switch (state.job.misfirePolicy) {
    case "skip":
      return punctual;
    case "catch_up":
      return due;
    case "fire_once":
      return punctual.length > 0 ? punctual : missed.slice(-1);
  }
}

/** The overlap policy: what a due time does when every slot of the job is taken or waited for. */
function fireOne(before: JobState, dueMs: number, nowMs: number): JobState {
  const id = scheduledExecutionId(before.job.id, dueMs);
  if (before.live.has(id)) return before;
  const origin = { id, source: "schedule", scheduledForMs: dueMs, nowMs, replayedFrom: null } as const;
  const execution = newExecution(before, origin);
  const state = counted(before);
  const slots = slotsOf(state.job);
  if (state.live.size < slots) return putLive(state, newLive(execution, nowMs));
  const crowd = crowdOf(state);
  if (crowd < slots && !isBacklogFull(state)) return putLive(state, newLive(execution, nowMs));
  switch (state.job.overlapPolicy) {
    case "skip":
      return skip(state, execution, nowMs, {
        code: "skipped_overlap",
        message: `Skipped: ${crowd} of ${slots} allowed executions were still running or waiting, and overlap_policy is "skip".`,
      });
    case "cancel_running":
      return putLive(cancelOldest(state, nowMs), newLive(execution, nowMs));
    case "queue":
      if (!isBacklogFull(state)) return putLive(state, newLive(execution, nowMs));
      return skip(state, execution, nowMs, {
        code: "backlog_full",
        message: `Skipped: ${LIVE_MOST} executions of this job are already waiting. Raise concurrency_limit or let it fire less often.`,
      });
  }
}

function cancelOldest(state: JobState, nowMs: number): JobState {
  let next = state;
  for (const live of state.live.values()) {
    if (crowdOf(next) < slotsOf(state.job)) break;
    if (!isCrowding(live)) continue;
    const error = {
      code: "cancelled_overlap",
      message: 'Cancelled by a newer due time: overlap_policy is "cancel_running".',
    };
    next = cancelLive(next, live, nowMs, error);
  }
  return next;
}

function skip(state: JobState, execution: Execution, nowMs: number, error: Execution["error"]): JobState {
  return oweRecord(state, { ...execution, status: "cancelled", finishedAtMs: nowMs, error }, nowMs);
}

export function newExecution(
  state: JobState,
  from: Pick<Execution, "id" | "source" | "scheduledForMs" | "replayedFrom"> & {
    readonly nowMs: number;
    readonly parent?: ParentLink | undefined;
    /** What is known of an execution with steps; a plain job takes no notice of it. */
    readonly workflow?: Partial<WorkflowRecord>;
    readonly start?: StartOptions | null;
  },
): Execution {
  return {
    id: from.id,
    jobId: state.job.id,
    workspaceId: state.job.workspaceId,
    jobName: state.job.name,
    jobVersion: state.job.version,
    status: "queued",
    source: from.source,
    scheduledForMs: from.scheduledForMs,
    createdAtMs: from.nowMs,
    startedAtMs: null,
    finishedAtMs: null,
    replayedFrom: from.replayedFrom,
    attempts: [],
    output: null,
    error: null,
    parent: from.parent ?? null,
    workflow: state.job.steps === null ? null : newWorkflow(from.workflow ?? {}),
    start: from.start ?? null,
    rev: 2,
  };
}

/** What has its due time ahead of it is parked until then: it neither takes a slot nor wants one. */
export function newLive(execution: Execution, nowMs: number): LiveExecution {
  return {
    execution,
    steps: [
      {
        path: execution.workflow === null ? PLAIN_STEP : BEGINNING,
        ...beginningPhase(execution.scheduledForMs, nowMs),
        fence: 0,
        dispatches: 0,
        lost: 0,
      },
    ],
    frozen: null,
    listing: { dueMs: nowMs + LIST_AFTER_MS, tries: 0 },
    key: null,
    early: {},
  };
}
