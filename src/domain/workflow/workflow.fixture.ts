/** Steps and jobs with steps for tests: short to write, every field overridable. */

import { makeJob } from "../engine/engine.fixture.ts";
import type { Job } from "../job/job.ts";
import { NO_REQUEST } from "../job/job.ts";
import { REQUEST_DEFAULTS } from "../job/request.ts";
import { RETRY_DEFAULTS } from "../retry/policy.ts";
import type { Condition } from "./conditions.ts";
import type {
  ApprovalStep,
  ConditionStep,
  ForEachStep,
  HttpStep,
  ParallelStep,
  RunJobStep,
  StepDefinition,
  TransformStep,
  WaitForWebhookStep,
  WaitStep,
} from "./definition.ts";

const common = (id: string) => ({ id, name: null, when: null, onError: "fail" }) as const;

export function http(id: string, changes: Partial<HttpStep> = {}, url = `https://example.com/${id}`): HttpStep {
  return {
    ...common(id),
    type: "http",
    request: { ...REQUEST_DEFAULTS, url },
    retryPolicy: RETRY_DEFAULTS,
    extract: {},
    ...changes,
  };
}

export function wait(id: string, changes: Partial<WaitStep> = { durationSeconds: 60 }): WaitStep {
  return { ...common(id), type: "wait", durationSeconds: null, until: null, ...changes };
}

export function waitForWebhook(id: string, changes: Partial<WaitForWebhookStep> = {}): WaitForWebhookStep {
  return { ...common(id), type: "wait_for_webhook", timeoutSeconds: 3_600, onTimeout: "fail", ...changes };
}

export function approval(id: string, changes: Partial<ApprovalStep> = {}): ApprovalStep {
  return {
    ...common(id),
    type: "approval",
    message: "Ship it?",
    approvers: [],
    timeoutSeconds: 86_400,
    onTimeout: "reject",
    onReject: "fail",
    ...changes,
  };
}

export function condition(
  id: string,
  when: Condition,
  then: readonly StepDefinition[],
  otherwise: readonly StepDefinition[] = [],
): ConditionStep {
  return { ...common(id), type: "condition", if: when, then, else: otherwise };
}

export function parallel(
  id: string,
  branches: readonly (readonly StepDefinition[])[],
  changes: Partial<ParallelStep> = {},
): ParallelStep {
  return { ...common(id), type: "parallel", branches, mode: "all", maxConcurrency: 10, ...changes };
}

export function forEach(
  id: string,
  items: ForEachStep["items"],
  steps: readonly StepDefinition[],
  changes: Partial<ForEachStep> = {},
): ForEachStep {
  return { ...common(id), type: "for_each", items, steps, mode: "all", maxConcurrency: 10, ...changes };
}

export function transform(
  id: string,
  value: TransformStep["value"],
  changes: Partial<TransformStep> = {},
): TransformStep {
  return { ...common(id), type: "transform", value, ...changes };
}

export function runJob(id: string, jobId: string, changes: Partial<RunJobStep> = {}): RunJobStep {
  return { ...common(id), type: "run_job", jobId, input: {}, waits: true, timeoutSeconds: 3_600, ...changes };
}

export function workflowJob(steps: readonly StepDefinition[], changes: Partial<Job> = {}): Job {
  return makeJob({
    schedule: { kind: "workflow", timing: null },
    request: NO_REQUEST,
    steps,
    concurrencyLimit: 10,
    publicUrl: "https://carillon.example",
    ...changes,
  });
}
