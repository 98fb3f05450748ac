/** What the steps of a run did, as the Runs API shows it: only what has come to an end, nested steps included. */

import type { Attempt } from "../../../domain/execution/attempt.ts";
import type { Execution } from "../../../domain/execution/execution.ts";
import { isFinished } from "../../../domain/execution/execution.ts";
import type { StepRecord, StepStatus } from "../../../domain/execution/stepRecord.ts";
import type { JsonValue } from "../../../domain/json.ts";
import { outputOf } from "../../../domain/workflow/scope.ts";
import { isoOrNull } from "../../time.ts";
import { toWorkflowId } from "../ids.ts";
import { STEP_ERROR } from "./runStatus.ts";
import { wireOutput } from "./stepFields.ts";

type JsonObject = Readonly<Record<string, JsonValue>>;

/** A line of `GET /runs/:id/logs`. */
export interface StepLog {
  readonly stepId: string;
  readonly status: "success" | "error" | "skipped";
  readonly startedAt: string | null;
  readonly completedAt: string | null;
  readonly durationMs: number | null;
  readonly input: JsonObject;
  readonly output: JsonObject | null;
  readonly error: { readonly code: string; readonly message: string } | null;
  readonly attempt: number;
}

/** In a run itself, a step that did not fail has no `error`. */
export type StepResult = Omit<StepLog, "error"> & Partial<Pick<StepLog, "error">>;

/** The one step of a plain job. */
export const PLAIN_STEP_ID = "request";

export function stepResult({ error, attempt, ...others }: StepLog): StepResult {
  return { ...others, ...(error === null ? {} : { error }), attempt };
}

export function stepLogs(execution: Execution): StepLog[] {
  if (execution.workflow === null) return plainLogs(execution);
  const { steps } = execution.workflow;
  const records = new Map(steps.map((record) => [record.path, record]));
  return steps.flatMap((record) => {
    const status = STATUSES[record.status](record);
    return status === null ? [] : [stepLog(record, status, outputOf(records, record))];
  });
}

/** By its id, which only in a loop is not enough to tell it by; there by its path, which `fromStepId` takes too. */
export function stepIdOf({ iteration, id, path }: Pick<StepRecord, "iteration" | "id" | "path">): string {
  return iteration === null ? id : path;
}

/** What was begun and then cancelled did not do what it should; `null` for what has no end yet. */
const STATUSES: Readonly<Record<StepStatus, (record: StepRecord) => StepLog["status"] | null>> = {
  pending: () => null,
  running: () => null,
  waiting: () => null,
  succeeded: () => "success",
  failed: () => "error",
  skipped: () => "skipped",
  cancelled: ({ startedAtMs }) => (startedAtMs === null ? "skipped" : "error"),
};

function stepLog(record: StepRecord, status: StepLog["status"], output: JsonValue): StepLog {
  const { startedAtMs, finishedAtMs } = record;
  return {
    stepId: stepIdOf(record),
    status,
    startedAt: isoOrNull(startedAtMs),
    completedAt: isoOrNull(finishedAtMs),
    durationMs: durationMs(startedAtMs, finishedAtMs),
    input: wireInput(record),
    output: status === "success" ? wireOutput(record, output) : null,
    error:
      status === "error" ? { code: STEP_ERROR, message: record.error?.message ?? "The step was cancelled." } : null,
    attempt: attemptOf(record.attempts),
  };
}

/** The inputs of the types that the dialect names otherwise; an `http` step's is method, url, headers and body. */
function wireInput({ type, input }: StepRecord): JsonObject {
  const members = objectOf(input);
  switch (type) {
    case "approval":
      return { reason: members["message"] ?? null, approvers: members["approvers"] ?? [] };
    case "run_job":
      return { workflowId: toWorkflowId(String(members["job_id"])), inputMapping: members["input"] ?? null };
    case "for_each":
      return { collection: members["items"] ?? [] };
    default:
      return members;
  }
}

/** An input is an object in this API; what is none was `null`, or a plain job's own. */
function objectOf(value: JsonValue): JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as JsonObject) : {};
}

export function durationMs(startedAtMs: number | null, finishedAtMs: number | null): number | null {
  return startedAtMs === null || finishedAtMs === null ? null : Math.max(0, finishedAtMs - startedAtMs);
}

function attemptOf(attempts: readonly Attempt[]): number {
  return attempts.at(-1)?.number ?? 1;
}

/** The one request of a plain job as a step, once it has ended; none if nothing was sent. */
function plainLogs(execution: Execution): StepLog[] {
  const { attempts, status, startedAtMs, finishedAtMs, error } = execution;
  if (!isFinished(status) || (attempts.length === 0 && status === "cancelled")) return [];
  const isSuccess = status === "succeeded";
  return [
    {
      stepId: PLAIN_STEP_ID,
      status: isSuccess ? "success" : "error",
      startedAt: isoOrNull(startedAtMs),
      completedAt: isoOrNull(finishedAtMs),
      durationMs: durationMs(startedAtMs, finishedAtMs),
      input: objectOf(execution.start?.input ?? null),
      output: isSuccess ? plainOutput(execution) : null,
      error: isSuccess ? null : { code: STEP_ERROR, message: error?.message ?? "The request was cancelled." },
      attempt: attemptOf(attempts),
    },
  ];
}

/** What its `output` map took from the response, or else the body, as JSON where it is JSON. */
export function plainOutput({ attempts, output }: Execution): JsonObject {
  const last = attempts.at(-1);
  return {
    data: output ?? parsed(last?.bodyPreview ?? null),
    status: last?.statusCode ?? null,
    headers: last?.responseHeaders ?? null,
  };
}

function parsed(text: string | null): JsonValue {
  if (text === null) return null;
  try {
    return JSON.parse(text) as JsonValue;
  } catch {
    // Most bodies that are no JSON are meant to be text.
    return text;
  }
}
