/**
 * Claim before send.
 *
 * Guarantee: only the holder of a fresh claim sends HTTP. A message carries the fence under which it was dispatched; the
 * claim is granted once per fence, and everything that must stop an attempt (cancel, pause, delete, a lost lease) either
 * removes the execution or raises the fence, so a message that was overtaken is refused here.
 */

import type { Execution } from "../execution/execution.ts";
import type { Job } from "../job/job.ts";
import type { JobState } from "./state.ts";
import { completesJob, definitionFor, putLive, replaceStep, revise } from "./state.ts";
import { leaseMs } from "./timers.ts";

/** Everything that a consumer needs for one attempt, so that it reads nothing else on the way to the target. */
export interface AttemptWork {
  readonly executionId: string;
  readonly step: string;
  /** Proof of the claim; `finish` must name it. */
  readonly fence: number;
  readonly leaseUntilMs: number;
  /** The number of this attempt. */
  readonly attempt: number;
  /** Attempts made before that count against `max_attempts`. */
  readonly countedBefore: number;
  /** The definition that the execution runs under. */
  readonly job: Job;
  /** The execution as it stands, this attempt not yet in it. */
  readonly execution: Execution;
  readonly frozen: { readonly timestampMs: number; readonly uuid: string };
  /** The end of this execution is the end of its job. */
  readonly completesJob: boolean;
}

export type ClaimAnswer =
  | { readonly verdict: "run"; readonly work: AttemptWork }
  /** `unknown`: no such live execution. `stale`: another message or claim holds. `held`: the job is paused. */
  | { readonly verdict: "unknown" | "stale" | "held" };

export function claim(
  state: JobState,
  message: { executionId: string; step: string; fence: number },
  context: { nowMs: number; uuid: string },
): { state: JobState; answer: ClaimAnswer } {
  const live = state.live.get(message.executionId);
  const step = live?.steps.find((each) => each.path === message.step);
  if (!live || !step) return { state, answer: { verdict: "unknown" } };
  if (step.phase !== "dispatched" || step.fence !== message.fence) {
    return { state, answer: { verdict: step.phase === "ready" ? "held" : "stale" } };
  }
  // An execution that has not started takes the newest definition; from its first claim on it keeps the one it has.
  const started = live.execution.startedAtMs !== null;
  const job = started ? definitionFor(state, live) : state.job;
  const leaseUntilMs = context.nowMs + leaseMs(job.request.timeoutSeconds);
  const claimed = replaceStep(
    started
      ? live
      : revise(
          live,
          { status: "running", startedAtMs: context.nowMs, jobVersion: job.version, jobName: job.name },
          context.nowMs,
        ),
    { ...step, phase: "claimed", dueMs: leaseUntilMs, dispatches: 0 },
  );
  const frozen = live.frozen ?? { timestampMs: context.nowMs, uuid: context.uuid };
  const next = putLive(state, { ...claimed, frozen });
  const work: AttemptWork = {
    executionId: message.executionId,
    step: step.path,
    fence: step.fence,
    leaseUntilMs,
    attempt: live.execution.attempts.length + 1,
    countedBefore: live.execution.attempts.filter((each) => each.errorClass !== "worker_lost" && !each.late).length,
    job,
    execution: claimed.execution,
    frozen,
    completesJob: completesJob(job, live.execution),
  };
  return { state: next, answer: { verdict: "run", work } };
}
