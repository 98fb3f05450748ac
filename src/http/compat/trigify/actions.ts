/** Steps as actions of the Trigify API: their kinds, and what they are given. */

import type { RequestSpec } from "../../../domain/job/request.ts";
import type { JsonValue } from "../../../domain/json.ts";
import type { Condition } from "../../../domain/workflow/conditions.ts";
import type { StepDefinition, StepType } from "../../../domain/workflow/definition.ts";
import { toWorkflowId } from "../ids.ts";

export interface Action {
  readonly id: string;
  readonly kind: string;
  readonly name: string;
  readonly inputs: Readonly<Record<string, JsonValue>>;
}

/** The one step of a plain job, which has no name of its own. */
export const REQUEST_STEP = { id: "request", name: "HTTP request" } as const;

/** Kinds that the other API has are called as there; the rest are ours, marked as it marks what is built in. */
export function actionKind(type: StepType): string {
  if (type === "http") return "http_request";
  return type === "for_each" ? "builtin:loop" : `builtin:${type}`;
}

/** A step without those inside it, which are actions of their own. */
export function toAction(step: StepDefinition): Action {
  return {
    id: step.id,
    kind: actionKind(step.type),
    name: step.name ?? step.id,
    inputs: {
      ...inputsOf(step),
      ...(step.when === null ? {} : { when: fromCondition(step.when) }),
      ...(step.onError === "fail" ? {} : { on_error: step.onError }),
    },
  };
}

function inputsOf(step: StepDefinition): Readonly<Record<string, JsonValue>> {
  switch (step.type) {
    case "http":
      return requestInputs(step.request);
    case "wait":
      return step.until === null ? { duration_seconds: step.durationSeconds } : { until: step.until };
    case "wait_for_webhook":
      return { timeout_seconds: step.timeoutSeconds, on_timeout: step.onTimeout };
    case "approval":
      return {
        message: step.message,
        approvers: [...step.approvers],
        timeout_seconds: step.timeoutSeconds,
        on_timeout: step.onTimeout,
        on_reject: step.onReject,
      };
    case "condition":
      return { if: fromCondition(step.if) };
    case "parallel":
      return { mode: step.mode, max_concurrency: step.maxConcurrency };
    case "for_each":
      return { collection: step.items, mode: step.mode, max_concurrency: step.maxConcurrency };
    case "transform":
      return { value: step.value };
    case "run_job":
      return {
        workflow_id: toWorkflowId(step.jobId),
        input: step.input,
        wait: step.waits,
        timeout_seconds: step.timeoutSeconds,
      };
  }
}

/** As it was saved, templates and references to secrets included; the body is text, as this API has it. */
export function requestInputs({ url, method, headers, body }: RequestSpec): Readonly<Record<string, JsonValue>> {
  return {
    url,
    method,
    headers: { ...headers },
    body: typeof body === "string" || body === null ? body : JSON.stringify(body),
  };
}

function fromCondition(condition: Condition): JsonValue {
  if ("all" in condition) return { all: condition.all.map(fromCondition) };
  if ("any" in condition) return { any: condition.any.map(fromCondition) };
  if ("not" in condition) return { not: fromCondition(condition.not) };
  const { left, operator, right } = condition;
  return { left, operator, right };
}
