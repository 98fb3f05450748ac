/**
 * The result of an attempt.
 *
 * Guarantee: a result counts only under the fence of the claim that produced it. One that comes after its lease ended,
 * or after the execution was cancelled or its job deleted, is late: it is shown on the lost attempt where that is still
 * to be seen, and changes nothing.
 */

import { type Attempt, WORKER_LOST } from "../execution/attempt.ts";
import type { Verdict } from "../execution/verdict.ts";
import type { JsonValue } from "../json.ts";
import { keep, progressOf } from "./advance.ts";
import { endExecution } from "./end.ts";
import { attemptsOf, withAttempts } from "./httpRun.ts";
import type { JobState, LiveExecution, StepRun } from "./state.ts";
import { definitionFor, isHeld, leaveListingTo, LIST_AFTER_MS, putLive, replaceStep, revise } from "./state.ts";

export interface AttemptResult {
  readonly executionId: string;
  readonly step: string;
  readonly fence: number;
  readonly attempt: Attempt;
  readonly verdict: Verdict;
  readonly finishedAtMs: number;
  /** The history already holds this picture (of the end, or of an execution that will be retried), at `recordedRev`. */
  readonly recorded: boolean;
  /** The revision after the claim's; absent from a consumer of the release that did not send it. */
  readonly recordedRev?: number;
  /** Of a step that succeeded: its output, and what it adds to `context`. A plain job's output is in the verdict. */
  readonly product?: StepProduct | undefined;
}

export interface StepProduct {
  readonly output: JsonValue;
  readonly extracted: Readonly<Record<string, JsonValue>>;
}

export function finish(
  state: JobState,
  result: AttemptResult,
  nowMs: number,
): { state: JobState; answer: { applied: boolean } } {
  const live = state.live.get(result.executionId);
  const step = live?.steps.find((each) => each.path === result.step);
  if (!live || !step) return { state, answer: { applied: false } };
  if (step.phase !== "claimed" || step.fence !== result.fence) {
    return { state: showLate(state, live, result, nowMs), answer: { applied: false } };
  }
  const withAttempt = withAttempts(live, step.path, [...attemptsOf(live, step.path), result.attempt]);
  const { verdict } = result;
  switch (verdict.type) {
    case "succeed":
    case "fail":
      if (live.execution.workflow !== null) {
        return { state: finishStep(state, withAttempt, result, nowMs), answer: { applied: true } };
      }
      return {
        state: endExecution(state, withAttempt, verdict.type === "succeed" ? "succeeded" : "failed", {
          nowMs: result.finishedAtMs,
          error: verdict.type === "fail" ? verdict.error : null,
          output: verdict.type === "succeed" ? verdict.output : null,
          recorded: result.recorded && isNewest(live, result),
        }),
        answer: { applied: true },
      };
    case "retry": {
      const waiting: StepRun = isHeld(state, live)
        ? { ...step, phase: "ready", dueMs: 0, lost: 0 }
        : { ...step, phase: "backoff", dueMs: result.finishedAtMs + verdict.delayMs, lost: 0 };
      const revised = replaceStep(revise(withAttempt, {}, nowMs), waiting);
      const isListed = result.recorded && waiting.phase === "backoff";
      return {
        state: putLive(state, isListed ? leaveListingTo(revised, waiting.dueMs + LIST_AFTER_MS) : revised),
        answer: { applied: true },
      };
    }
  }
}

/** The end of an `http` step. What follows it begins when the execution gets its slot again, in this very reduction. */
function finishStep(state: JobState, live: LiveExecution, result: AttemptResult, nowMs: number): JobState {
  const progress = progressOf(live, definitionFor(state, live), nowMs);
  if (progress === null) return state;
  const { verdict, step: path, product } = result;
  if (verdict.type === "fail") progress.finish(path, "failed", { error: verdict.error });
  else {
    progress.finish(path, "succeeded", { output: product?.output ?? null });
    progress.extract(path, product?.extracted ?? {});
  }
  progress.wake(path);
  return keep(state, progress);
}

/**
 * Whether the record that was written ahead is newer than any picture of ours. Where a late attempt was shown since the
 * claim it is not: the history may hold that picture and have ignored the record, so the end is owed after all.
 */
function isNewest(live: LiveExecution, result: AttemptResult): boolean {
  return result.recordedRev === undefined || result.recordedRev > live.execution.rev;
}

function showLate(state: JobState, live: LiveExecution, result: AttemptResult, nowMs: number): JobState {
  const attempts = attemptsOf(live, result.step);
  const index = result.attempt.number - 1;
  if (attempts[index]?.errorClass !== WORKER_LOST) return state;
  const shown: Attempt = { ...result.attempt, late: true };
  return putLive(state, revise(withAttempts(live, result.step, attempts.toSpliced(index, 1, shown)), {}, nowMs));
}
