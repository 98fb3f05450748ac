/** What an execution with steps has beyond a plain one, on the wire. */

import { z } from "@hono/zod-openapi";
import type { Execution } from "../../../domain/execution/execution.ts";
import type { StepRecord, WaitingStep, WorkflowRecord } from "../../../domain/execution/stepRecord.ts";
import { STEP_STATUSES } from "../../../domain/execution/stepRecord.ts";
import type { JsonValue } from "../../../domain/json.ts";
import { STEP_TYPES } from "../../../domain/workflow/definition.ts";
import { outputOf } from "../../../domain/workflow/scope.ts";
import { iso, isoOrNull } from "../../time.ts";
import { ATTEMPT_EXAMPLE, AttemptSchema, fromAttempt } from "./attempt.ts";
import { momentOut } from "./time.ts";

const StepExecutionSchema = z
  .strictObject({
    id: z.string(),
    path: z.string().openapi({ description: "Its place: `a`, `check.then.b`, `both[0].c`, `each[3].d`." }),
    type: z.enum(STEP_TYPES),
    name: z.string().nullable(),
    status: z.enum(STEP_STATUSES),
    started_at: momentOut().nullable(),
    finished_at: momentOut().nullable(),
    duration_ms: z.number().nullable(),
    input: z.unknown().openapi({ description: "What its templates came to; secrets are not resolved in it." }),
    output: z.unknown(),
    error: z.strictObject({ code: z.string(), message: z.string() }).nullable(),
    attempts: z.array(AttemptSchema),
    iteration: z.int().optional().openapi({ description: "Of the innermost for_each around it, from 0." }),
    branch: z
      .union([z.int(), z.enum(["then", "else"])])
      .optional()
      .openapi({ description: "The innermost branch around it: of a parallel from 0, or then or else." }),
    child: z.string().optional().openapi({ description: "The execution that a run_job step started." }),
  })
  .openapi("StepExecution");

const WaitingSchema = z
  .strictObject({
    step: z.string().openapi({ description: "Its path." }),
    type: z.enum(STEP_TYPES),
    since: momentOut(),
    until: momentOut().nullable(),
    callback_url: z.string().optional().openapi({ description: "Of wait_for_webhook: where to POST." }),
    message: z.string().optional().openapi({ description: "Of approval: what is to be decided." }),
  })
  .openapi("Waiting");

const ParentSchema = z.strictObject({
  execution_id: z.string(),
  step: z.string().openapi({ description: "The path of its run_job step." }),
});

/** Absent from an execution of a plain job; `parent` is there if it has one. */
export const workflowFields = {
  parent: ParentSchema.nullable().optional().openapi({ description: "What started it by run_job." }),
  children: z
    .array(z.strictObject({ execution_id: z.string() }))
    .optional()
    .openapi({ description: "What its run_job steps started. This and what follows: only of jobs with steps." }),
  restarted_from: z.string().nullable().optional().openapi({ description: "What it is a retry or restart of." }),
  input: z.unknown().optional().openapi({ description: "Also of a plain job that was given one." }),
  trigger_input: z.unknown().optional().openapi({ description: "What came with the webhook that started it." }),
  context: z.record(z.string(), z.unknown()).optional().openapi({ description: "What `extract` took." }),
  step_executions: z
    .array(StepExecutionSchema)
    .optional()
    .openapi({ description: "In the order in which they were reached." }),
  waiting: WaitingSchema.nullable().optional().openapi({
    description: "What it waits for; where there are several, a person's decision first.",
  }),
  final_output: z.unknown().optional().openapi({ description: "What `response_output_template` came to." }),
};

const WorkflowFields = z.strictObject(workflowFields);
type WorkflowFields = z.output<typeof WorkflowFields>;

export function fromWorkflow({ parent, workflow }: Pick<Execution, "parent" | "workflow">): WorkflowFields {
  const origin = parent === null ? null : { execution_id: parent.executionId, step: parent.step };
  if (workflow === null) return origin === null ? {} : { parent: origin };
  return {
    parent: origin,
    children: workflow.children.map((id) => ({ execution_id: id })),
    restarted_from: workflow.restartedFrom,
    input: workflow.input,
    trigger_input: workflow.triggerInput,
    context: { ...workflow.context },
    step_executions: fromSteps(workflow),
    waiting: workflow.waiting === null ? null : fromWaiting(workflow.waiting),
    final_output: workflow.finalOutput,
  };
}

function fromSteps({ steps }: WorkflowRecord): z.output<typeof StepExecutionSchema>[] {
  const records = new Map(steps.map((record) => [record.path, record]));
  return steps.map((record) => fromStep(record, outputOf(records, record)));
}

function fromStep(record: StepRecord, output: JsonValue): z.output<typeof StepExecutionSchema> {
  const { startedAtMs, finishedAtMs, error, iteration, branch, child } = record;
  return {
    id: record.id,
    path: record.path,
    type: record.type,
    name: record.name,
    status: record.status,
    started_at: isoOrNull(startedAtMs),
    finished_at: isoOrNull(finishedAtMs),
    duration_ms: startedAtMs === null || finishedAtMs === null ? null : Math.max(0, finishedAtMs - startedAtMs),
    input: record.input,
    output,
    error: error === null ? null : { code: error.code, message: error.message },
    attempts: record.attempts.map(fromAttempt),
    ...(iteration === null ? {} : { iteration }),
    ...(branch === null ? {} : { branch }),
    ...(child === null ? {} : { child }),
  };
}

function fromWaiting(waiting: WaitingStep): z.output<typeof WaitingSchema> {
  const { step, type, sinceMs, untilMs, callbackUrl, message } = waiting;
  return {
    step,
    type,
    since: iso(sinceMs),
    until: isoOrNull(untilMs),
    ...(callbackUrl === null ? {} : { callback_url: callbackUrl }),
    ...(message === null ? {} : { message }),
  };
}

export const WORKFLOW_EXAMPLE: WorkflowFields = {
  parent: null,
  children: [],
  restarted_from: null,
  input: { customer: "c_42" },
  trigger_input: null,
  context: { email: "ada@example.com" },
  step_executions: [
    {
      id: "lookup",
      path: "lookup",
      type: "http",
      name: "Look the customer up",
      status: "succeeded",
      started_at: "2030-01-31T02:00:00.011Z",
      finished_at: "2030-01-31T02:00:00.150Z",
      duration_ms: 139,
      input: { method: "GET", url: "https://api.example.com/customers/c_42", headers: {}, body: null },
      output: { email: "ada@example.com" },
      error: null,
      attempts: [{ ...ATTEMPT_EXAMPLE, bodyPreview: null }],
    },
    {
      id: "sign-off",
      path: "sign-off",
      type: "approval",
      name: null,
      status: "waiting",
      started_at: "2030-01-31T02:00:00.153Z",
      finished_at: null,
      duration_ms: null,
      input: { message: "Write to ada@example.com?", approvers: ["Grace"] },
      output: null,
      error: null,
      attempts: [],
    },
  ],
  waiting: {
    step: "sign-off",
    type: "approval",
    since: "2030-01-31T02:00:00.153Z",
    until: "2030-02-01T02:00:00.153Z",
    message: "Write to ada@example.com?",
  },
  final_output: null,
};
