/** The end of an execution: it leaves the live ones, frees its slot, and its record is owed until the history has it. */

import type { Execution, ExecutionError, ExecutionStatus } from "../execution/execution.ts";
import type { JobState, LiveExecution } from "./state.ts";
import { completesJob } from "./state.ts";

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
  const next: JobState = forgetUnusedVersions({ ...state, live: remaining });
  if (details.recorded) return next;
  return oweRecord(
    next,
    {
      ...live.execution,
      status,
      finishedAtMs: details.nowMs,
      error: details.error,
      output: details.output ?? live.execution.output,
      rev: live.execution.rev + 2,
    },
    details.nowMs,
  );
}

/** Puts a finished execution into the outbox. */
export function oweRecord(state: JobState, execution: Execution, nowMs: number): JobState {
  const owed = {
    execution,
    completesJob: completesJob(state.job, execution),
    dueMs: collectAgainMs(nowMs, 0),
    tries: 0,
  };
  return { ...state, outbox: new Map(state.outbox).set(execution.id, owed) };
}

function forgetUnusedVersions(state: JobState): JobState {
  if (state.olderVersions.size === 0) return state;
  const used = new Set([...state.live.values()].map((live) => live.execution.jobVersion));
  const kept = new Map([...state.olderVersions].filter(([version]) => used.has(version)));
  return kept.size === state.olderVersions.size ? state : { ...state, olderVersions: kept };
}
