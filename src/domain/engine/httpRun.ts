/**
 * The one place that knows where the request, the attempts and the beginning of an `http` step are kept: a plain job's in
 * the job and the execution, a step's in the definition and its record. All else treats them alike.
 */

import type { Attempt } from "../execution/attempt.ts";
import type { StepRecord, WorkflowRecord } from "../execution/stepRecord.ts";
import type { Job } from "../job/job.ts";
import type { RequestSpec } from "../job/request.ts";
import type { RetryPolicy } from "../retry/policy.ts";
import { locate, placesOf } from "../workflow/places.ts";
import type { LiveExecution } from "./state.ts";

export interface HttpTarget {
  readonly request: RequestSpec;
  readonly retryPolicy: RetryPolicy;
  /** Of an `http` step; nothing for a plain job. */
  readonly extract: Readonly<Record<string, string>>;
}

export function httpTarget(job: Job, path: string): HttpTarget {
  const step = job.steps === null ? null : locate(placesOf(job.steps), path)?.place.step;
  return step?.type === "http" ? step : { request: job.request, retryPolicy: job.retryPolicy, extract: {} };
}

export function attemptsOf(live: LiveExecution, path: string): readonly Attempt[] {
  const { workflow, attempts } = live.execution;
  return workflow === null ? attempts : (recordAt(workflow, path)?.attempts ?? []);
}

export function withAttempts(live: LiveExecution, path: string, attempts: readonly Attempt[]): LiveExecution {
  const { execution } = live;
  if (execution.workflow === null) return { ...live, execution: { ...execution, attempts } };
  return withRecord(live, path, { attempts });
}

export function recordAt(workflow: WorkflowRecord, path: string): StepRecord | undefined {
  return workflow.steps.find((each) => each.path === path);
}

export function withRecord(live: LiveExecution, path: string, changes: Partial<StepRecord>): LiveExecution {
  const { workflow } = live.execution;
  if (workflow === null) return live;
  const steps = workflow.steps.map((each) => (each.path === path ? { ...each, ...changes } : each));
  return { ...live, execution: { ...live.execution, workflow: { ...workflow, steps } } };
}
