/** Executions on the wire: resources in snake_case, attempts in camelCase, as the seed has it. */

import { z } from "@hono/zod-openapi";
import type { ExecutionSummary } from "../../../app/ports.ts";
import type { Attempt } from "../../../domain/execution/attempt.ts";
import { ATTEMPT_STATUSES } from "../../../domain/execution/attempt.ts";
import type { Execution } from "../../../domain/execution/execution.ts";
import { EXECUTION_SOURCES, EXECUTION_STATUSES, isFinished, latenessMs } from "../../../domain/execution/execution.ts";
import { iso, isoOrNull, momentOut } from "./time.ts";

const AttemptSchema = z
  .strictObject({
    number: z.int(),
    status: z.enum(ATTEMPT_STATUSES),
    statusCode: z.int().nullable(),
    latencyMs: z.number(),
    startedAt: momentOut(),
    bodyPreview: z.string().nullable().openapi({ description: "At most 64 KB of the response." }),
    responseHeaders: z.record(z.string(), z.string()).nullable(),
    errorClass: z.string().nullable().openapi({ description: "The cause, such as timeout, dns, http_status." }),
    errorMessage: z.string().nullable(),
    failedRules: z.array(z.strictObject({ rule: z.string(), ok: z.boolean(), expected: z.string(), got: z.string() })),
    late: z
      .boolean()
      .openapi({ description: "The result came after the attempt counted as lost; it changed nothing." }),
  })
  .openapi("Attempt");

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
  })
  .openapi("Execution");

export function fromExecution(execution: Execution): z.output<typeof ExecutionSchema> {
  return {
    ...sharedOf(execution),
    attempts: execution.attempts.map(fromAttempt),
    final_response: finalResponse(execution),
    output: execution.output,
  };
}

export function fromExecutionSummary(summary: ExecutionSummary): z.output<typeof ExecutionSummarySchema> {
  return { ...sharedOf(summary), attempt_count: summary.attemptCount, last_status_code: summary.lastStatusCode };
}

function sharedOf(execution: Omit<Execution, "attempts" | "output" | "parent" | "workflow">) {
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

function fromAttempt(attempt: Attempt): z.output<typeof AttemptSchema> {
  return {
    number: attempt.number,
    status: attempt.status,
    statusCode: attempt.statusCode,
    latencyMs: attempt.latencyMs,
    startedAt: iso(attempt.startedAtMs),
    bodyPreview: attempt.bodyPreview,
    responseHeaders: attempt.responseHeaders === null ? null : { ...attempt.responseHeaders },
    errorClass: attempt.errorClass,
    errorMessage: attempt.errorMessage,
    failedRules: attempt.failedRules.map(({ rule, ok, expected, got }) => ({ rule, ok, expected, got })),
    late: attempt.late,
  };
}

function finalResponse({ status, attempts }: Execution): z.output<typeof ExecutionSchema>["final_response"] {
  const last = attempts.at(-1);
  if (!isFinished(status) || last === undefined || last.statusCode === null) return null;
  return { statusCode: last.statusCode, bodyPreview: last.bodyPreview };
}

export const EXECUTION_SUMMARY_EXAMPLE = {
  id: "exe_01k8rdnm8078f31njdbhv0m7q2ek000000",
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
  attempts: [
    {
      number: 1,
      status: "SUCCESS",
      statusCode: 200,
      latencyMs: 138,
      startedAt: "2030-01-31T02:00:00.012Z",
      bodyPreview: '{"ok":true}',
      responseHeaders: { "content-type": "application/json" },
      errorClass: null,
      errorMessage: null,
      failedRules: [],
      late: false,
    },
  ],
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
