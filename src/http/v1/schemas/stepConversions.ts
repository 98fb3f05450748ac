/** Steps from the wire into the domain, where every default is filled in, and back. */

import { mergeRetryPolicy } from "../../../domain/job/editMerge.ts";
import type { RequestSpec } from "../../../domain/job/request.ts";
import { REQUEST_DEFAULTS } from "../../../domain/job/request.ts";
import type { JsonValue } from "../../../domain/json.ts";
import { RETRY_DEFAULTS } from "../../../domain/retry/policy.ts";
import type { ContainerStep, HttpStep, StepDefinition } from "../../../domain/workflow/definition.ts";
import { BRANCH_CONCURRENCY_DEFAULT, WAIT_SECONDS_DEFAULT } from "../../../domain/workflow/definition.ts";
import { fromCondition, toCondition } from "./conditions.ts";
import { fromRequest, fromRetryPolicy } from "./request.ts";
import { toRetryPolicyChanges } from "./requestInput.ts";
import { toAssertion, toResponseMatcher } from "./responseRules.ts";
import type { HttpStepWire, StepWire } from "./steps.ts";

export function toStep(wire: StepWire): StepDefinition {
  const common = {
    id: wire.id,
    name: wire.name ?? null,
    when: wire.when ? toCondition(wire.when) : null,
    onError: wire.on_error ?? "fail",
  };
  switch (wire.type) {
    case "http":
      return { type: "http", ...common, ...toHttp(wire) };
    case "wait":
      return {
        type: "wait",
        ...common,
        durationSeconds: wire.duration_seconds ?? null,
        until: wire.until ?? null,
      };
    case "wait_for_webhook":
      return {
        type: "wait_for_webhook",
        ...common,
        timeoutSeconds: wire.timeout_seconds ?? WAIT_SECONDS_DEFAULT,
        onTimeout: wire.on_timeout ?? "fail",
      };
    case "approval":
      return {
        type: "approval",
        ...common,
        message: wire.message,
        approvers: wire.approvers ?? [],
        timeoutSeconds: wire.timeout_seconds ?? WAIT_SECONDS_DEFAULT,
        onTimeout: wire.on_timeout ?? "reject",
        onReject: wire.on_reject ?? "fail",
      };
    case "condition":
      return {
        type: "condition",
        ...common,
        if: toCondition(wire.if),
        then: wire.then.map(toStep),
        else: (wire.else ?? []).map(toStep),
        ...toTimeout(wire),
      };
    case "parallel":
      return {
        type: "parallel",
        ...common,
        branches: wire.branches.map((branch) => branch.map(toStep)),
        mode: wire.mode ?? "all",
        maxConcurrency: wire.max_concurrency ?? BRANCH_CONCURRENCY_DEFAULT,
        ...toTimeout(wire),
      };
    case "for_each":
      return {
        type: "for_each",
        ...common,
        items: json(wire.items),
        steps: wire.steps.map(toStep),
        mode: wire.mode ?? "all",
        maxConcurrency: wire.max_concurrency ?? BRANCH_CONCURRENCY_DEFAULT,
        ...toTimeout(wire),
      };
    case "transform":
      return { type: "transform", ...common, value: json(wire.value) };
    case "run_job":
      return {
        type: "run_job",
        ...common,
        jobId: wire.job_id,
        input: wire.input === undefined ? {} : json(wire.input),
        waits: wire.wait ?? true,
        timeoutSeconds: wire.timeout_seconds ?? WAIT_SECONDS_DEFAULT,
      };
  }
}

function toTimeout({ timeout_seconds: seconds }: { timeout_seconds?: number | null | undefined }) {
  return typeof seconds === "number" ? { timeoutSeconds: seconds } : {};
}

function fromTimeout({ timeoutSeconds }: ContainerStep) {
  return timeoutSeconds === undefined ? {} : { timeout_seconds: timeoutSeconds };
}

function toHttp(wire: HttpStepWire): Pick<HttpStep, "request" | "retryPolicy" | "extract"> {
  const request: RequestSpec = {
    url: wire.url,
    method: wire.method ?? REQUEST_DEFAULTS.method,
    headers: wire.headers ?? REQUEST_DEFAULTS.headers,
    body: wire.body === undefined ? REQUEST_DEFAULTS.body : json(wire.body),
    timeoutSeconds: wire.timeout_seconds ?? REQUEST_DEFAULTS.timeoutSeconds,
    successStatuses: wire.success_statuses ?? REQUEST_DEFAULTS.successStatuses,
    responseMatcher: wire.response_matcher ? toResponseMatcher(wire.response_matcher) : null,
    assertions: (wire.assertions ?? []).map(toAssertion),
    output: wire.output ?? REQUEST_DEFAULTS.output,
  };
  return {
    request,
    retryPolicy: mergeRetryPolicy(RETRY_DEFAULTS, toRetryPolicyChanges(wire.retry_policy)),
    extract: wire.extract ?? {},
  };
}

/** What came out of `JSON.parse` is JSON, though the schema says only that it is anything. */
function json(value: unknown): JsonValue {
  return value as JsonValue;
}

/** As it was saved, with its defaults; sent back, it makes the same step. */
export function fromStep(step: StepDefinition): StepWire {
  const common = {
    id: step.id,
    name: step.name,
    when: step.when === null ? null : fromCondition(step.when),
    on_error: step.onError,
  };
  switch (step.type) {
    case "http":
      return {
        type: "http",
        ...common,
        ...fromRequest(step.request),
        retry_policy: fromRetryPolicy(step.retryPolicy),
        extract: { ...step.extract },
      };
    case "wait":
      return {
        type: "wait",
        ...common,
        ...(step.durationSeconds === null ? {} : { duration_seconds: step.durationSeconds }),
        ...(step.until === null ? {} : { until: step.until }),
      };
    case "wait_for_webhook":
      return { type: "wait_for_webhook", ...common, timeout_seconds: step.timeoutSeconds, on_timeout: step.onTimeout };
    case "approval":
      return {
        type: "approval",
        ...common,
        message: step.message,
        approvers: [...step.approvers],
        timeout_seconds: step.timeoutSeconds,
        on_timeout: step.onTimeout,
        on_reject: step.onReject,
      };
    case "condition":
      return {
        type: "condition",
        ...common,
        if: fromCondition(step.if),
        then: step.then.map(fromStep),
        else: step.else.map(fromStep),
        ...fromTimeout(step),
      };
    case "parallel":
      return {
        type: "parallel",
        ...common,
        branches: step.branches.map((branch) => branch.map(fromStep)),
        mode: step.mode,
        max_concurrency: step.maxConcurrency,
        ...fromTimeout(step),
      };
    case "for_each":
      return {
        type: "for_each",
        ...common,
        items: step.items,
        steps: step.steps.map(fromStep),
        mode: step.mode,
        max_concurrency: step.maxConcurrency,
        ...fromTimeout(step),
      };
    case "transform":
      return { type: "transform", ...common, value: step.value };
    case "run_job":
      return {
        type: "run_job",
        ...common,
        job_id: step.jobId,
        input: step.input,
        wait: step.waits,
        timeout_seconds: step.timeoutSeconds,
      };
  }
}
