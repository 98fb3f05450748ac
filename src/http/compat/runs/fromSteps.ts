/**
 * Our steps as the Runs API shows them. What it has no word for is shown by our own name (`when`, `until`, the type
 * `wait_for_webhook`) or not at all; `definition.ts` sees to it that nothing is lost by sending such steps back.
 */

import type { Job } from "../../../domain/job/job.ts";
import type { RequestSpec } from "../../../domain/job/request.ts";
import type { JsonValue } from "../../../domain/json.ts";
import type { RetryPolicy } from "../../../domain/retry/policy.ts";
import type { Condition } from "../../../domain/workflow/conditions.ts";
import type { ForEachStep, StepDefinition } from "../../../domain/workflow/definition.ts";
import { nestedLists } from "../../../domain/workflow/definition.ts";
import { toWorkflowId } from "../ids.ts";
import { PLAIN_STEP_ID } from "./stepResults.ts";
import type { Loop, TemplateContext } from "./templates.ts";
import { mapTexts, toWireTemplate } from "./templates.ts";
import { isRepeatable } from "./toSteps.ts";

type JsonObject = Readonly<Record<string, JsonValue>>;

/** All steps of a job, each container before what it names; of a plain job its one request. */
export function fromSteps(job: Pick<Job, "steps" | "schedule" | "request" | "retryPolicy">): JsonObject[] {
  if (job.steps === null)
    return [{ id: PLAIN_STEP_ID, type: "api", config: plainConfig(job.request, job.retryPolicy) }];
  const common = { isWebhook: job.schedule.kind === "webhook_trigger", types: typesOf(job.steps) };
  return listOf(job.steps, common, []);
}

function typesOf(steps: readonly StepDefinition[]): TemplateContext["types"] {
  const all = (list: readonly StepDefinition[]): StepDefinition[] =>
    list.flatMap((step) => [step, ...nestedLists(step).flatMap((inner) => all(inner.steps))]);
  return new Map(all(steps).map(({ id, type }) => [id, type]));
}

function listOf(
  steps: readonly StepDefinition[],
  common: Omit<TemplateContext, "loops">,
  loops: readonly Loop[],
): JsonObject[] {
  return steps.flatMap((step) => {
    const within = step.type === "for_each" ? [...loops, { id: step.id, alias: aliasOf(step) }] : loops;
    const inner = nestedLists(step).flatMap((list) => listOf(list.steps, common, within));
    return [fromStep(step, { ...common, loops }), ...inner];
  });
}

/** A `for_each` that ends with the first failure is a loop; one that goes on is a parallel over a source. */
function aliasOf({ mode }: ForEachStep): string | null {
  return mode === "fail_fast" ? null : "item";
}

function fromStep(step: StepDefinition, context: TemplateContext): JsonObject {
  const words = (value: JsonValue) => mapTexts(value, (text) => toWireTemplate(text, context));
  const { type, config } = typed(step, words);
  return {
    id: step.id,
    type,
    ...(step.name === null ? {} : { name: step.name }),
    config,
    ...(step.onError === "fail" ? {} : { errorHandling: { strategy: "continue" } }),
    ...(step.when === null ? {} : { when: fromCondition(step.when, words) }),
  };
}

type Words = (value: JsonValue) => JsonValue;

function typed(step: StepDefinition, words: Words): { readonly type: string; readonly config: JsonObject } {
  switch (step.type) {
    case "http":
      return { type: "api", config: apiConfig(step.request, step.retryPolicy, words) };
    case "wait":
      return { type: "wait", config: waitConfig(step, words) };
    case "wait_for_webhook":
      return { type: "wait_for_webhook", config: { timeoutMs: step.timeoutSeconds * 1_000 } };
    case "approval":
      return {
        type: "approval",
        config: {
          approvers: step.approvers,
          reason: words(step.message),
          timeoutMs: step.timeoutSeconds * 1_000,
          ...(step.onTimeout === "fail" ? { timeoutAction: "fail" } : {}),
        },
      };
    case "condition":
      return {
        type: "condition",
        config: {
          conditions: fromCondition(step.if, words),
          then: idsOf(step.then),
          else: idsOf(step.else),
        },
      };
    case "parallel":
      return {
        type: "parallel",
        config: {
          branches: step.branches.map(idsOf),
          strategy: STRATEGIES[step.mode],
          concurrency: step.maxConcurrency,
        },
      };
    case "for_each":
      return fromForEach(step, words);
    case "transform":
      return { type: "transform", config: { action: "transform", sourceData: words(step.value) } };
    case "run_job":
      return {
        type: "subworkflow",
        config: {
          workflowId: toWorkflowId(step.jobId),
          inputMapping: words(step.input),
          waitForCompletion: step.waits,
          timeoutMinutes: step.timeoutSeconds / 60,
        },
      };
  }
}

const STRATEGIES = { all: "wait-all", fail_fast: "fail-fast" } as const;

function fromForEach(step: ForEachStep, words: Words) {
  const steps = idsOf(step.steps);
  if (aliasOf(step) !== null) {
    const source = { forEachSource: words(step.items), forEachAs: aliasOf(step), steps };
    return {
      type: "parallel",
      config: { ...source, strategy: STRATEGIES[step.mode], concurrency: step.maxConcurrency },
    };
  }
  const over = isCount(step.items)
    ? { loopType: "for", iterations: step.items.length }
    : { loopType: "forEach", collection: words(step.items) };
  return { type: "loop", config: { ...over, steps, batchSize: step.maxConcurrency } };
}

/** `[0, 1, 2, …]` */
function isCount(items: JsonValue): items is readonly number[] {
  return Array.isArray(items) && items.length > 0 && items.every((item: JsonValue, index) => item === index);
}

function idsOf(steps: readonly StepDefinition[]): string[] {
  return steps.map(({ id }) => id);
}

function waitConfig({ durationSeconds, until }: Extract<StepDefinition, { type: "wait" }>, words: Words): JsonObject {
  return until === null ? { duration: (durationSeconds ?? 0) * 1_000 } : { until: words(until) };
}

function apiConfig(request: RequestSpec, retryPolicy: RetryPolicy, words: Words): JsonObject {
  const { url, method, headers, body, timeoutSeconds } = request;
  const { maxAttempts, backoff } = retryPolicy;
  return {
    url: words(url),
    method,
    headers: words(headers),
    ...(body === null ? {} : { body: words(body) }),
    responseFormat: "auto",
    timeout: timeoutSeconds * 1_000,
    retries: maxAttempts - 1,
    retryDelayMs: backoff.initialMs,
    retryMaxDelayMs: backoff.maxMs,
    ...(isRepeatable(method) || maxAttempts === 1 ? {} : { retryNonIdempotent: true }),
  };
}

/** Templates of a plain job know nothing of steps and webhooks. */
function plainConfig(request: RequestSpec, retryPolicy: RetryPolicy): JsonObject {
  const context = { isWebhook: false, types: new Map(), loops: [] };
  return apiConfig(request, retryPolicy, (value) => mapTexts(value, (text) => toWireTemplate(text, context)));
}

function fromCondition(condition: Condition, words: Words): JsonObject {
  if ("all" in condition) return { all: condition.all.map((each) => fromCondition(each, words)) };
  if ("any" in condition) return { any: condition.any.map((each) => fromCondition(each, words)) };
  if ("not" in condition) return { not: fromCondition(condition.not, words) };
  const { left, operator, right } = condition;
  const isUnary = operator === "exists" || operator === "isEmpty";
  return { left: words(left), operator, ...(isUnary ? {} : { right: words(right) }) };
}
