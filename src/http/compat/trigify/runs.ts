/** Executions as the Trigify API shows them: a line of the list, and the trace of one with its steps. */

import type { Failure, Ran, RunOfJob, RunsOfJob } from "../../../app/executions/runsOfJob.ts";
import { failureOf } from "../../../app/executions/runsOfJob.ts";
import type { Execution, ExecutionStatus } from "../../../domain/execution/execution.ts";
import { isFinished } from "../../../domain/execution/execution.ts";
import type { StepRecord, StepStatus, WorkflowRecord } from "../../../domain/execution/stepRecord.ts";
import type { JsonValue } from "../../../domain/json.ts";
import { placesOf } from "../../../domain/workflow/places.ts";
import { outputOf } from "../../../domain/workflow/scope.ts";
import { iso, isoOrNull } from "../../time.ts";
import { toRunId, toWorkflowId } from "../ids.ts";
import { REQUEST_STEP, actionKind, requestInputs } from "./actions.ts";
import { triggerOfSource } from "./triggers.ts";

type RunStatus = "running" | "completed" | "failed";

/**
 * Three statuses for six. What has not ended is `running`, whether it waits or not yet has begun; what ended other than well
 * is `failed`, and its `error` says that it was cancelled or expired.
 */
const RUN_STATUSES: Readonly<Record<ExecutionStatus, RunStatus>> = {
  queued: "running",
  running: "running",
  waiting: "running",
  succeeded: "completed",
  failed: "failed",
  cancelled: "failed",
};

const STEP_STATUSES: Readonly<Record<StepStatus, RunStatus | "pending" | "skipped">> = {
  pending: "pending",
  running: "running",
  waiting: "running",
  succeeded: "completed",
  failed: "failed",
  skipped: "skipped",
  cancelled: "failed",
};

export function fromRun({ execution, failure }: RunsOfJob["runs"][number]) {
  const { startedAt, endedAt, durationMs } = timesOf(execution);
  return {
    run_id: toRunId(execution.id),
    status: RUN_STATUSES[execution.status],
    started_at: startedAt,
    completed_at: endedAt,
    duration: durationMs,
    error: failure === null ? null : sentence(failure),
  };
}

export function fromRunDetail({ execution, ran }: RunOfJob) {
  const failure = failureOf(execution, ran);
  const { startedAt, endedAt, durationMs } = timesOf(execution);
  return {
    id: execution.id.replace(/^exe_/, "exec_"),
    run_id: toRunId(execution.id),
    workflow_id: toWorkflowId(execution.jobId),
    status: RUN_STATUSES[execution.status],
    started_at: startedAt,
    ended_at: endedAt,
    duration_ms: durationMs,
    event_name: triggerOfSource(execution.source),
    created: iso(execution.createdAtMs),
    column_config: ran === null ? null : columnsOf(ran),
    steps: execution.workflow === null ? requestSteps(execution, ran) : recordedSteps(execution.workflow),
    error: failure === null ? null : sentence(failure),
  };
}

/** As the seed has it: `Step 'Enrich profile' failed: profile not found`. */
function sentence({ step, message }: Failure): string {
  if (step === null) return message;
  const name = step === "request" ? REQUEST_STEP.name : (step.name ?? step.id);
  return `Step '${name}' failed: ${message}`;
}

/** A start is always shown: of what has not begun, and of what ended before it could, that is its creation. */
function timesOf(execution: Pick<Execution, "createdAtMs" | "startedAtMs" | "finishedAtMs" | "status">) {
  const startedAtMs = execution.startedAtMs ?? execution.createdAtMs;
  const endedAtMs = isFinished(execution.status) ? execution.finishedAtMs : null;
  return {
    startedAt: iso(startedAtMs),
    endedAt: isoOrNull(endedAtMs),
    durationMs: durationOf(startedAtMs, endedAtMs),
  };
}

function recordedSteps(workflow: WorkflowRecord) {
  const records = new Map(workflow.steps.map((record) => [record.path, record]));
  return workflow.steps.map((record) => fromStep(record, outputOf(records, record)));
}

function fromStep(record: StepRecord, output: JsonValue) {
  return {
    step_id: record.id,
    step_name: record.name,
    operation: actionKind(record.type),
    status: STEP_STATUSES[record.status],
    started_at: isoOrNull(record.startedAtMs),
    ended_at: isoOrNull(record.finishedAtMs),
    duration_ms: durationOf(record.startedAtMs, record.finishedAtMs),
    input: record.input,
    output: toResult(output),
    error: record.error === null ? null : record.error.message,
    iteration: record.iteration,
  };
}

/** The one step of a plain job, once it has begun; what it sent is shown as it was saved. */
function requestSteps(execution: Execution, ran: Ran | null): ReturnType<typeof fromStep>[] {
  const { status, startedAtMs, finishedAtMs, error } = execution;
  if (startedAtMs === null) return [];
  return [
    {
      step_id: REQUEST_STEP.id,
      step_name: REQUEST_STEP.name,
      operation: actionKind("http"),
      status: RUN_STATUSES[status],
      started_at: iso(startedAtMs),
      ended_at: isoOrNull(finishedAtMs),
      duration_ms: durationOf(startedAtMs, finishedAtMs),
      input: ran === null ? null : { ...requestInputs(ran.request), ...givenTo(execution) },
      output: status === "succeeded" ? toResult(execution.output ?? responseOf(execution)) : null,
      error: error === null ? null : error.message,
      iteration: null,
    },
  ];
}

/** What the execution was started with, where it was given something. */
function givenTo({ start }: Execution): Readonly<Record<string, JsonValue>> {
  return start === null || start.input === null ? {} : { input: start.input };
}

/** The body of the last response, as JSON where it is: what an `http` step of a workflow gives too. */
function responseOf({ attempts }: Execution): JsonValue {
  const body = attempts.at(-1)?.bodyPreview ?? null;
  if (body === null) return null;
  try {
    return JSON.parse(body) as JsonValue;
  } catch {
    return body;
  }
}

/** Where references of this API look for what a step gave: `$.steps.ID.result.FIELD`. */
function toResult(output: JsonValue): JsonValue {
  return output === null ? null : { result: output };
}

/** The fields that a definition keeps of responses, as columns; `null` where it keeps none. */
function columnsOf({ steps, request }: Ran) {
  const kept =
    steps === null
      ? [{ id: REQUEST_STEP.id, output: request.output }]
      : [...placesOf(steps).values()].flatMap(({ step }) =>
          step.type === "http" ? [{ id: step.id, output: step.request.output }] : [],
        );
  const columns = kept.flatMap(({ id, output }) =>
    Object.keys(output).map((name) => ({ id: `${id}.${name}`, stepId: id, fieldPath: `result.${name}`, label: name })),
  );
  return columns.length === 0 ? null : columns;
}

function durationOf(fromMs: number | null, toMs: number | null): number | null {
  return fromMs === null || toMs === null ? null : Math.max(0, toMs - fromMs);
}
