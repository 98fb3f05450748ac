/** The end of an execution: it leaves the live ones, frees its slot, and its record is owed until the history has it. */

import type { Execution, ExecutionError, ExecutionStatus } from "../execution/execution.ts";
import type { Errand } from "./errands.ts";
import type { JobState, LiveExecution } from "./state.ts";
import { completesJob, putErrands } from "./state.ts";

/** First nudge, and the longest pause between two, while the history does not confirm what it is owed. */
const COLLECT_AGAIN_MS = 5_000;
const COLLECT_AGAIN_MAX_MS = 60_000;

export function collectAgainMs(nowMs: number, tries: number): number {
  return nowMs + Math.min(COLLECT_AGAIN_MAX_MS, COLLECT_AGAIN_MS * 2 ** Math.min(tries, 10));
}

/**
 * Ends a live execution. `recorded` says that the history already has exactly this end: then nothing is owed, and the
 * execution is gone from the actor.
 */
export function endExecution(
  state: JobState,
  live: LiveExecution,
  status: Extract<ExecutionStatus, "succeeded" | "failed" | "cancelled">,
  details: { nowMs: number; error: ExecutionError | null; output?: Execution["output"]; recorded: boolean },
): JobState {
  const remaining = new Map(state.live);
  remaining.delete(live.execution.id);
  const ended: Execution = {
    ...live.execution,
    status,
    finishedAtMs: details.nowMs,
    error: details.error,
    output: details.output ?? live.execution.output,
    rev: live.execution.rev + 2,
  };
  const told = putErrands(state, noticeOf(ended, status, details.nowMs));
  const next: JobState = forgetUnusedVersions({ ...told, live: remaining });
  return details.recorded ? next : oweRecord(next, ended, details.nowMs);
}

/** Who waits for an execution is told of its end. */
function noticeOf(ended: Execution, status: "succeeded" | "failed" | "cancelled", nowMs: number): Errand[] {
  const { parent, workflow } = ended;
  if (parent === null || !parent.waits) return [];
  const end = {
    executionId: parent.executionId,
    step: parent.step,
    childId: ended.id,
    status,
    output: workflow === null ? ended.output : workflow.finalOutput,
    error: ended.error,
  };
  return [{ type: "notify_parent", id: `notify:${ended.id}`, end, dueMs: nowMs, tries: 0 }];
}

/** Puts a finished execution into the outbox, from which it is asked for at once. */
export function oweRecord(state: JobState, execution: Execution, nowMs: number): JobState {
  const owed = {
    execution,
    completesJob: completesJob(state.job, execution),
    dueMs: collectAgainMs(nowMs, 0),
    tries: 1,
  };
  return { ...state, outbox: new Map(state.outbox).set(execution.id, owed) };
}

function forgetUnusedVersions(state: JobState): JobState {
  if (state.olderVersions.size === 0) return state;
  const used = new Set([...state.live.values()].map((live) => live.execution.jobVersion));
  const kept = new Map([...state.olderVersions].filter(([version]) => used.has(version)));
  return kept.size === state.olderVersions.size ? state : { ...state, olderVersions: kept };
}
