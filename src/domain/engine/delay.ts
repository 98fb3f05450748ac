/**
 * Executions that wait for a due time which somebody chose, and those that are given up because they never began.
 *
 * Guarantee: what has not begun ends at the end of its `ttlMs`, whatever it waits for (its due time, a slot, a paused
 * queue, a consumer); what was claimed before that never does.
 */

import type { Execution } from "../execution/execution.ts";
import { endExecution } from "./end.ts";
import type { RescheduleAnswer } from "./protocol.ts";
import type { JobState, LiveExecution, StepRun } from "./state.ts";
import { putLive, replaceStep, revise } from "./state.ts";

/** Whether it is parked until its due time, of which its records know nothing: it has not begun. */
export function awaitsDueTime(live: LiveExecution): boolean {
  return live.execution.startedAtMs === null && live.steps.some((step) => step.phase === "parked");
}

/** Where the one step of an execution that has not begun stands. */
export function beginningPhase(dueMs: number, nowMs: number): Pick<StepRun, "phase" | "dueMs"> {
  return dueMs > nowMs ? { phase: "parked", dueMs } : { phase: "ready", dueMs: 0 };
}

/** Its due time has come: from now on it wants a slot. Nothing of that is seen from outside. */
export function comeDue(state: JobState, live: LiveExecution, step: StepRun): JobState {
  return putLive(state, replaceStep(live, { ...step, phase: "ready", dueMs: 0 }));
}

/** When an execution that has not begun is given up; `null` for never. */
export function expiryMs({ startedAtMs, scheduledForMs, start }: Execution): number | null {
  const ttlMs = start?.ttlMs ?? null;
  return startedAtMs !== null || ttlMs === null ? null : scheduledForMs + ttlMs;
}

export function giveUp(state: JobState, live: LiveExecution, nowMs: number): JobState {
  const seconds = (live.execution.start?.ttlMs ?? 0) / 1_000;
  const message = `It had not begun ${seconds} s after it was due, which is its time to live, so it was given up.`;
  return endExecution(state, live, "cancelled", { nowMs, error: { code: "expired", message }, recorded: false });
}

/** Moves the due time of what awaits it; one that has passed is now. */
export function reschedule(
  state: JobState,
  request: { readonly executionId: string; readonly untilMs: number },
  nowMs: number,
): { state: JobState; answer: RescheduleAnswer } {
  const live = state.live.get(request.executionId);
  const known = live?.execution ?? state.outbox.get(request.executionId)?.execution;
  if (!known) return { state, answer: { type: "unknown" } };
  if (!live || !awaitsDueTime(live)) return { state, answer: { type: "not_delayed", execution: known } };
  const scheduledForMs = Math.max(nowMs, request.untilMs);
  const steps = live.steps.map((step) => ({ ...step, ...beginningPhase(scheduledForMs, nowMs) }));
  const moved = revise({ ...live, steps }, { scheduledForMs }, nowMs);
  return { state: putLive(state, moved), answer: { type: "rescheduled", execution: moved.execution } };
}
