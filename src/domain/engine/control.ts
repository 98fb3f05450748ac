/** What people and other programs ask of a job: a new definition, an extra execution, the end of one, a confirmation. */

import type { Execution, ExecutionSource } from "../execution/execution.ts";
import { err, ok, type Result } from "../result.ts";
import type { Job } from "../job/job.ts";
import { endExecution } from "./end.ts";
import { LIVE_MOST, newExecution, newLive } from "./fire.ts";
import type { JobState, LiveExecution } from "./state.ts";
import { initialState, isHeld, LIST_AFTER_MS, putLive, withNextDue } from "./state.ts";

/**
 * Takes over a definition. Idempotent: a version that is not newer changes nothing, so the API and the watchdog may
 * apply one as often as they like. What is running keeps the definition it started under. Pausing takes the slots of
 * scheduled executions back at once and raises their fence, so their messages and retries find nothing to claim.
 */
export function applyDefinition(state: JobState | null, job: Job): JobState {
  if (state === null) return initialState(job);
  if (job.version <= state.job.version) return state;
  const running = [...state.live.values()].some(
    (live) => live.execution.startedAtMs !== null && live.execution.jobVersion === state.job.version,
  );
  const next: JobState = {
    ...state,
    job,
    olderVersions: running ? new Map(state.olderVersions).set(state.job.version, state.job) : state.olderVersions,
    cursorMs: Math.max(state.cursorMs, job.scheduleFromMs - 1),
  };
  return withNextDue(takeBackHeldSlots(next));
}

function takeBackHeldSlots(state: JobState): JobState {
  let next = state;
  for (const live of state.live.values()) {
    if (!isHeld(state, live)) continue;
    const steps = live.steps.map((step) =>
      step.phase === "dispatched" || step.phase === "backoff"
        ? { ...step, phase: "ready" as const, dueMs: 0, fence: step.fence + 1, dispatches: 0 }
        : step,
    );
    next = putLive(next, { ...live, steps });
  }
  return next;
}

/** Starts an execution that no schedule caused. It takes the next free slot; the schedule is unaffected. */
export function trigger(
  state: JobState,
  request: { id: string; source: ExecutionSource; replayedFrom: string | null },
  nowMs: number,
): { state: JobState; answer: Result<Execution, "backlog_full"> } {
  if (state.live.size >= LIVE_MOST) return { state, answer: err("backlog_full") };
  const execution = newExecution(state, { ...request, scheduledForMs: nowMs, nowMs });
  return { state: putLive(state, newLive(execution, nowMs)), answer: ok(execution) };
}

/** Ends a live execution as `cancelled`. A request that is under way is not recalled; its result will be late. */
export function cancel(
  state: JobState,
  executionId: string,
  nowMs: number,
): { state: JobState; answer: Execution | null } {
  const live = state.live.get(executionId);
  if (!live) return { state, answer: null };
  const error = { code: "cancelled", message: "Cancelled by request." };
  const next = endExecution(state, live, "cancelled", { nowMs, error, recorded: false });
  return { state: next, answer: next.outbox.get(executionId)?.execution ?? null };
}

/** What the history is owed: records of the finished, and pictures of what has been live for a while. */
export function owedHistory(state: JobState): { execution: Execution; completesJob: boolean }[] {
  const finished = [...state.outbox.values()].map(({ execution, completesJob }) => ({ execution, completesJob }));
  const live = [...state.live.values()]
    .filter((each) => each.listing !== null)
    .map((each) => ({ execution: each.execution, completesJob: false }));
  return [...finished, ...live];
}

/** The history has these pictures. What changed since is owed again, at the pace of `LIST_AFTER_MS`. */
export function confirmHistory(
  state: JobState,
  confirmed: readonly { id: string; rev: number }[],
  nowMs: number,
): JobState {
  const outbox = new Map(state.outbox);
  let next = state;
  for (const { id, rev } of confirmed) {
    const owed = outbox.get(id);
    if (owed && owed.execution.rev <= rev) outbox.delete(id);
    const live = next.live.get(id);
    if (live?.listing) next = putLive(next, { ...live, listing: listingAfter(live, rev, nowMs) });
  }
  return outbox.size === state.outbox.size ? next : { ...next, outbox };
}

function listingAfter(live: LiveExecution, rev: number, nowMs: number): LiveExecution["listing"] {
  return live.execution.rev <= rev ? null : { dueMs: nowMs + LIST_AFTER_MS, tries: 0 };
}
