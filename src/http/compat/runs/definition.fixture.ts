/** Definitions of workflows for tests: one that says all that can be said, and what becomes of any other. */

import type { Outcome } from "../../../app/errors.ts";
import { invalid } from "../../../app/errors.ts";
import { createJob } from "../../../domain/job/edit.ts";
import type { Job } from "../../../domain/job/job.ts";
import type { JsonValue } from "../../../domain/json.ts";
import { inOwnWords } from "./complaints.ts";
import type { TranslatedWorkflow } from "./definition.ts";
import { readNewWorkflow } from "./definition.ts";
import { toWorkflow } from "./workflowView.ts";

export const CONTEXT = { nowMs: 0, random: () => 0, targetPolicy: { allowPrivate: true, ownHosts: [] } } as const;
export const WORKSPACE = `wks_${"0".repeat(26)}`;
const API = { type: "api" };
export const CALL = { id: "call", type: "api", config: { url: "https://example.com/" } };
export const OTHER_ID = `wf_${"0".repeat(26)}`;

export type Wire = Readonly<Record<string, unknown>>;

function newWorkflow(steps: unknown, trigger: unknown = API): Outcome<TranslatedWorkflow> {
  return readNewWorkflow({ name: "x", trigger, steps } as JsonValue);
}

/** The job that it makes, or every field at fault as this API names it. */
export function made(steps: unknown, trigger: unknown = API): Job {
  const workflow = newWorkflow(steps, trigger);
  const job = workflow.ok ? createJob(WORKSPACE, workflow.value.changes, CONTEXT) : workflow;
  if (!job.ok) throw new Error(JSON.stringify(job.error));
  return job.value;
}

export function complaints(steps: unknown, trigger: unknown = API): Record<string, string> {
  const workflow = newWorkflow(steps, trigger);
  const job = workflow.ok ? createJob(WORKSPACE, workflow.value.changes, CONTEXT) : null;
  const outcome = workflow.ok && job?.ok === false ? inOwnWords(invalid(job.error), workflow.value.places) : workflow;
  if (outcome.ok || outcome.error.code !== "invalid_request") throw new Error("It was accepted.");
  return Object.fromEntries(outcome.error.issues.map(({ path, message }) => [path, message]));
}

export const shown = (job: Job) =>
  toWorkflow({ job, triggerToken: null }) as unknown as { steps: Wire[]; trigger: Wire };

/** Everything that both can say; each is shown as it was sent, but for defaults. */
export const FULL: readonly Wire[] = [
  {
    id: "fetch",
    type: "api",
    name: "Fetch the order",
    config: {
      url: "https://example.com/orders/{{input.id}}?expand=lines",
      method: "POST",
      headers: { authorization: "Bearer {{secrets.api-key}}" },
      body: { run: "{{run.id}}", at: "{{run.startedAt}}", n: 1 },
      responseFormat: "auto",
      timeout: 5_000,
      retries: 2,
      retryDelayMs: 100,
      retryMaxDelayMs: 900,
      retryNonIdempotent: true,
    },
    errorHandling: { strategy: "continue" },
  },
  {
    id: "large",
    type: "condition",
    config: {
      conditions: {
        all: [
          { left: "{{steps.fetch.output.data.total}}", operator: "gte", right: 100 },
          { not: { left: "{{steps.fetch.output.status}}", operator: "isEmpty" } },
        ],
      },
      then: ["ask", "rest"],
      else: ["small"],
    },
  },
  {
    id: "ask",
    type: "approval",
    config: {
      approvers: ["ada@example.com"],
      reason: "Ship {{input.id}}?",
      timeoutMs: 3_600_000,
      timeoutAction: "fail",
    },
  },
  { id: "rest", type: "wait", config: { duration: 60_000 } },
  {
    id: "small",
    type: "transform",
    config: { action: "transform", sourceData: { total: "{{steps.fetch.output.data.total}}" } },
  },
  {
    id: "lines",
    type: "loop",
    config: {
      loopType: "forEach",
      collection: "{{steps.fetch.output.data.lines}}",
      steps: ["reserve", "parts"],
      batchSize: 1,
    },
  },
  {
    id: "reserve",
    type: "transform",
    config: { action: "transform", sourceData: "{{steps.lines.output.currentItem.sku}}" },
  },
  {
    id: "parts",
    type: "parallel",
    config: {
      forEachSource: "{{steps.lines.output.currentItem.parts}}",
      forEachAs: "item",
      steps: ["part"],
      strategy: "wait-all",
      concurrency: 3,
    },
  },
  {
    id: "part",
    type: "transform",
    config: { action: "transform", sourceData: ["{{item.id}}", "{{steps.parts.output.currentIndex}}"] },
  },
  { id: "thrice", type: "loop", config: { loopType: "for", iterations: 3, steps: ["turn"], batchSize: 2 } },
  {
    id: "turn",
    type: "transform",
    config: { action: "transform", sourceData: "{{steps.thrice.output.currentIndex}}" },
  },
  {
    id: "both",
    type: "parallel",
    config: { branches: [["one"], ["two"]], strategy: "fail-fast", concurrency: 10 },
  },
  { id: "one", type: "transform", config: { action: "transform", sourceData: "{{steps.lines.output.results}}" } },
  {
    id: "two",
    type: "subworkflow",
    config: {
      workflowId: OTHER_ID,
      inputMapping: { n: "{{steps.thrice.output.count}}" },
      waitForCompletion: true,
      timeoutMinutes: 5,
    },
  },
  {
    id: "last",
    type: "transform",
    config: {
      action: "transform",
      sourceData: { by: "{{steps.ask.output.approvedBy}}", of: "{{steps.two.output.result}}" },
    },
  },
];
