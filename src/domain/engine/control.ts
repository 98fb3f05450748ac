/** What people and other programs ask of a job: a new definition, the end of an execution, a confirmation. */

import type { Execution } from "../execution/execution.ts";
import type { Job } from "../job/job.ts";
import type { JsonValue } from "../json.ts";
import { jsonBytes, STATE_BYTES_MOST } from "../workflow/size.ts";
import { cancelLive } from "./advance.ts";
import { CHILD_REMEMBERED_MS, childKey, type KeyChange, type KnownKeys } from "./dedupe.ts";
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

/** Ends a live execution as `cancelled`. A request that is under way is not recalled; its result will be late. */
export function cancel(
  state: JobState,
  executionId: string,
  nowMs: number,
): { state: JobState; answer: Execution | null } {
  const live = state.live.get(executionId);
  if (!live) return { state, answer: null };
  const next = cancelLive(state, live, nowMs, { code: "cancelled", message: "Cancelled by request." });
  return { state: next, answer: next.outbox.get(executionId)?.execution ?? null };
}

/** Cancels a child that its parent gave up, also one that has not arrived: its start will find it started already. */
export function cancelChild(
  state: JobState,
  executionId: string,
  nowMs: number,
): { state: JobState; answer: null; keys: KeyChange[] } {
  const live = state.live.get(executionId);
  if (!live) {
    const untilMs = nowMs + CHILD_REMEMBERED_MS;
    return { state, answer: null, keys: [{ type: "remember", key: childKey(executionId), executionId, untilMs }] };
  }
  const error = { code: "cancelled", message: "Cancelled with the execution that started it." };
  return { state: cancelLive(state, live, nowMs, error), answer: null, keys: [] };
}

/** Lets the next start with a caller's key start one. */
export function forgetKey(
  state: JobState,
  key: string,
  known: KnownKeys,
  nowMs: number,
): { state: JobState; answer: boolean; keys: KeyChange[] } {
  const before = known.get(key);
  if (!before) return { state, answer: false, keys: [] };
  return { state, answer: before.untilMs > nowMs, keys: [{ type: "forget", key }] };
}

/** What the history is owed: records of the finished, and pictures of what has been live for a while. */
export function owedHistory(state: JobState): { execution: Execution; completesJob: boolean }[] {
  const finished = [...state.outbox.values()].map(({ execution, completesJob }) => ({ execution, completesJob }));
  const live = [...state.live.values()]
    .filter((each) => each.listing !== null)
    .map((each) => ({ execution: each.execution, completesJob: false }));
  let left = COLLECTION_BYTES_MOST;
  return [...finished, ...live].filter(({ execution }) => {
    if (left < 0) return false;
    if (execution.workflow !== null) left -= jsonBytes(execution.workflow as unknown as JsonValue, STATE_BYTES_MOST);
    if (execution.start !== null) left -= jsonBytes(execution.start.input, STATE_BYTES_MOST);
    return true;
  });
}

/** An answer over RPC may have 32 MiB (facts 2); what does not fit is collected next time. */
const COLLECTION_BYTES_MOST = 8_000_000;

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
