/**
 * Claim before send.
 *
 * Guarantee: only the holder of a fresh claim sends HTTP. A message carries the fence under which it was dispatched; the
 * claim is granted once per fence, and everything that must stop an attempt (cancel, pause, delete, a lost lease) either
 * removes the execution or raises the fence, so a message that was overtaken is refused here.
 */

import { WORKER_LOST } from "../execution/attempt.ts";
import type { Execution } from "../execution/execution.ts";
import type { Job } from "../job/job.ts";
import type { TemplateScope } from "../template/render.ts";
import { progressOf } from "./advance.ts";
import { attemptsOf, type HttpTarget, httpTarget, recordAt, withRecord } from "./httpRun.ts";
import type { JobState, LiveExecution } from "./state.ts";
import { completesJob, definitionFor, leaveListingTo, putLive, replaceStep, revise } from "./state.ts";
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
  /** What is sent, and how often. */
  readonly target: HttpTarget;
  /** When this step's first attempt was claimed: `max_duration_seconds` counts from here. */
  readonly stepStartedAtMs: number;
  /**
   * What the templates of a step see besides the frozen variables; `null` for a plain job, whose end the holder of the
   * claim records ahead of `finish`.
   */
  readonly data: TemplateScope | null;
  /** The execution as it stands, this attempt not yet in it; that of a step comes without its `workflow`. */
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
  const target = withMaxAttempts(httpTarget(job, step.path), live.execution.start?.maxAttempts ?? null);
  const leaseUntilMs = context.nowMs + leaseMs(target.request.timeoutSeconds);
  const claimed = replaceStep(
    started
      ? claimedStep(live, step.path, context.nowMs)
      : revise(
          live,
          { status: "running", startedAtMs: context.nowMs, jobVersion: job.version, jobName: job.name },
          context.nowMs,
        ),
    { ...step, phase: "claimed", dueMs: leaseUntilMs, dispatches: 0 },
  );
  const frozen = live.frozen ?? { timestampMs: context.nowMs, uuid: context.uuid };
  const next = putLive(state, { ...leaveListingTo(claimed, live.listing?.dueMs ?? leaseUntilMs), frozen });
  const attempts = attemptsOf(live, step.path);
  const { workflow } = claimed.execution;
  const work: AttemptWork = {
    executionId: message.executionId,
    step: step.path,
    fence: step.fence,
    leaseUntilMs,
    attempt: attempts.length + 1,
    countedBefore: attempts.filter((each) => each.errorClass !== WORKER_LOST && !each.late).length,
    job,
    target,
    stepStartedAtMs:
      (workflow === null ? claimed.execution.startedAtMs : recordAt(workflow, step.path)?.startedAtMs) ?? context.nowMs,
    data: dataOf(claimed, job, step.path, context.nowMs),
    execution: workflow === null ? claimed.execution : { ...claimed.execution, workflow: null },
    frozen,
    completesJob: completesJob(job, live.execution),
  };
  return { state: next, answer: { verdict: "run", work } };
}

/** What its start asked for takes the place of the definition's `max_attempts`. */
function withMaxAttempts(target: HttpTarget, maxAttempts: number | null): HttpTarget {
  return maxAttempts === null ? target : { ...target, retryPolicy: { ...target.retryPolicy, maxAttempts } };
}

/** The first claim of a step is its beginning. */
function claimedStep(live: LiveExecution, path: string, nowMs: number): LiveExecution {
  const { workflow } = live.execution;
  const record = workflow && recordAt(workflow, path);
  if (!record || record.startedAtMs !== null) return live;
  return revise(withRecord(live, path, { status: "running", startedAtMs: nowMs }), {}, nowMs);
}

function dataOf(live: LiveExecution, job: Job, path: string, nowMs: number): TemplateScope | null {
  const progress = progressOf(live, job, nowMs);
  const step = progress?.stepAt(path);
  return progress && step ? progress.scopeOf(step, path) : null;
}
