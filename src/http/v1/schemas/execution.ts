/** Executions on the wire: resources in snake_case, as the seed has it. */

import { z } from "@hono/zod-openapi";
import { maskLinks } from "../../../app/executions/maskLinks.ts";
import type { ExecutionSummary } from "../../../app/ports.ts";
import type { Execution, StartOptions } from "../../../domain/execution/execution.ts";
import { EXECUTION_SOURCES, EXECUTION_STATUSES, isFinished, latenessMs } from "../../../domain/execution/execution.ts";
import type { Role } from "../../../domain/workspace/workspace.ts";
import { iso, isoOrNull } from "../../time.ts";
import { ATTEMPT_EXAMPLE, AttemptSchema, fromAttempt } from "./attempt.ts";
import { StartOptionsSchema, fromStartOptions } from "./start.ts";
import { momentOut } from "./time.ts";
import { WORKFLOW_EXAMPLE, fromWorkflow, workflowFields } from "./workflowRecord.ts";

const ErrorSchema = z.strictObject({ code: z.string(), message: z.string() });

const shared = {
  id: z.string(),
  job_id: z.string(),
  job_name: z.string(),
  job_version: z.int(),
  status: z.enum(EXECUTION_STATUSES),
  source: z.enum(EXECUTION_SOURCES),
  scheduled_for: momentOut(),
  created_at: momentOut(),
  started_at: momentOut().nullable(),
  finished_at: momentOut().nullable(),
  duration_ms: z.number().nullable().openapi({ description: "From start to end." }),
  lateness_ms: z.number().nullable().openapi({ description: "From due time to start." }),
  replayed_from: z.string().nullable(),
  error: ErrorSchema.nullable().openapi({ description: "Why it ended as it did; null if it succeeded." }),
};

export const ExecutionSummarySchema = z
  .strictObject({ ...shared, attempt_count: z.int(), last_status_code: z.int().nullable() })
  .openapi("ExecutionSummary");

export const ExecutionSchema = z
  .strictObject({
    ...shared,
    attempts: z.array(AttemptSchema),
    final_response: z
      .strictObject({ statusCode: z.int(), bodyPreview: z.string().nullable() })
      .nullable()
      .openapi({ description: "The last response, once the execution has ended." }),
    output: z.record(z.string(), z.unknown()).nullable(),
    ...workflowFields,
    start_options: StartOptionsSchema.optional().openapi({
      description: "What its start asked for; absent where that was nothing.",
    }),
  })
  .openapi("Execution");

/** As `role` may see it. */
export function fromExecution(execution: Execution, role: Role): z.output<typeof ExecutionSchema> {
  const wire = {
    ...sharedOf(execution),
    attempts: execution.attempts.map(fromAttempt),
    final_response: finalResponse(execution),
    output: execution.output,
    ...fromWorkflow(execution),
    ...fromStart(execution.start),
  };
  return maskLinks(wire, role);
}

/** The input of a plain job; that of a job with steps is with them. */
function fromStart(start: StartOptions | null): Pick<z.output<typeof ExecutionSchema>, "input" | "start_options"> {
  // An actor of the release before knows of none.
  if (!start) return {};
  return { ...(start.input === null ? {} : { input: start.input }), start_options: fromStartOptions(start) };
}

/** As `role` may see it: an error may quote a link. */
export function fromExecutionSummary(summary: ExecutionSummary, role: Role): z.output<typeof ExecutionSummarySchema> {
  const { attemptCount, lastStatusCode } = summary;
  return maskLinks({ ...sharedOf(summary), attempt_count: attemptCount, last_status_code: lastStatusCode }, role);
}

function sharedOf(execution: Omit<Execution, "attempts" | "output" | "parent" | "workflow" | "start">) {
  const { startedAtMs, finishedAtMs, error } = execution;
  return {
    id: execution.id,
    job_id: execution.jobId,
    job_name: execution.jobName,
    job_version: execution.jobVersion,
    status: execution.status,
    source: execution.source,
    scheduled_for: iso(execution.scheduledForMs),
    created_at: iso(execution.createdAtMs),
    started_at: isoOrNull(startedAtMs),
    finished_at: isoOrNull(finishedAtMs),
    duration_ms: startedAtMs === null || finishedAtMs === null ? null : Math.max(0, finishedAtMs - startedAtMs),
    lateness_ms: latenessMs(execution),
    replayed_from: execution.replayedFrom,
    error: error === null ? null : { code: error.code, message: error.message },
  };
}

function finalResponse({ status, attempts }: Execution): z.output<typeof ExecutionSchema>["final_response"] {
  const last = attempts.at(-1);
  if (!isFinished(status) || last === undefined || last.statusCode === null) return null;
  return { statusCode: last.statusCode, bodyPreview: last.bodyPreview };
}

export const EXECUTION_SUMMARY_EXAMPLE = {
  id: "exe_01k8rdnm8078f31njdbhv0m7q2000000",
  job_id: "job_01k8rb2c9078f31njdbhv0m7q2",
  job_name: "nightly-sync",
  job_version: 1,
  status: "succeeded",
  source: "schedule",
  scheduled_for: "2030-01-31T02:00:00.000Z",
  created_at: "2030-01-31T02:00:00.004Z",
  started_at: "2030-01-31T02:00:00.011Z",
  finished_at: "2030-01-31T02:00:00.153Z",
  duration_ms: 142,
  lateness_ms: 11,
  replayed_from: null,
  error: null,
  attempt_count: 1,
  last_status_code: 200,
} as const satisfies z.output<typeof ExecutionSummarySchema>;

const { attempt_count: _, last_status_code: __, ...sharedExample } = EXECUTION_SUMMARY_EXAMPLE;

export const EXECUTION_EXAMPLE: z.output<typeof ExecutionSchema> = {
  ...sharedExample,
  attempts: [ATTEMPT_EXAMPLE],
  final_response: { statusCode: 200, bodyPreview: '{"ok":true}' },
  output: null,
};

/** As it is answered by what starts one. */
export const QUEUED_EXECUTION_EXAMPLE: z.output<typeof ExecutionSchema> = {
  ...EXECUTION_EXAMPLE,
  status: "queued",
  source: "manual",
  started_at: null,
  finished_at: null,
  duration_ms: null,
  lateness_ms: null,
  attempts: [],
  final_response: null,
};

/** Started with a delay. */
export const DELAYED_EXECUTION_EXAMPLE: z.output<typeof ExecutionSchema> = {
  ...QUEUED_EXECUTION_EXAMPLE,
  scheduled_for: "2030-01-31T03:00:00.004Z",
  input: { customer: "c_42" },
  start_options: {
    ttl_seconds: 600,
    max_attempts: 1,
    concurrency_key: "c_42",
    idempotency_key: null,
    batch_id: null,
    bulk_action_id: null,
  },
};

/** Of a job with steps, parked. */
export const WAITING_EXECUTION_EXAMPLE: z.output<typeof ExecutionSchema> = {
  ...EXECUTION_EXAMPLE,
  status: "waiting",
  finished_at: null,
  duration_ms: null,
  attempts: [],
  final_response: null,
  ...WORKFLOW_EXAMPLE,
};

/** As it is answered by what starts one that goes on from a step of an earlier one. */
export const RESTARTED_EXECUTION_EXAMPLE: z.output<typeof ExecutionSchema> = {
  ...QUEUED_EXECUTION_EXAMPLE,
  ...WORKFLOW_EXAMPLE,
  source: "restart",
  restarted_from: EXECUTION_EXAMPLE.id,
  step_executions: [],
  waiting: null,
};
