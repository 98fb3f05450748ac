/** One logical run of a job, as it is kept in the history and shown by every API face. */

import type { JsonValue } from "../json.ts";
import type { Attempt } from "./attempt.ts";
import type { ParentLink, WorkflowRecord } from "./stepRecord.ts";

export const EXECUTION_STATUSES = ["queued", "running", "waiting", "succeeded", "failed", "cancelled"] as const;
export type ExecutionStatus = (typeof EXECUTION_STATUSES)[number];

/** `api`: through another API face than `/v1`; `restart`: retry and restart-from; `job`: by a `run_job` step. */
export const EXECUTION_SOURCES = ["schedule", "manual", "replay", "webhook", "api", "restart", "job"] as const;
export type ExecutionSource = (typeof EXECUTION_SOURCES)[number];

/** Why an execution ended as it did, for one that did not succeed. */
export interface ExecutionError {
  readonly code: string;
  readonly message: string;
}

/** What whoever started an execution asked for, beyond starting it. */
export interface StartOptions {
  /** What a plain job was started with; `null` for nothing. A job with steps has it in `workflow.input`. */
  readonly input: JsonValue;
  /** How long after its due time an execution that has not begun is given up; `null` for never. */
  readonly ttlMs: number | null;
  /** Takes the place of `max_attempts` in the retry policy of each of its requests. */
  readonly maxAttempts: number | null;
  /** Executions of a job with the same key share the job's slots; those with another key, or none, have their own. */
  readonly concurrencyKey: string | null;
  /** As the caller knows it, to be shown. */
  readonly idempotencyKey: string | null;
  readonly batchId: string | null;
  readonly bulkActionId: string | null;
}

export const NO_START_OPTIONS: StartOptions = {
  input: null,
  ttlMs: null,
  maxAttempts: null,
  concurrencyKey: null,
  idempotencyKey: null,
  batchId: null,
  bulkActionId: null,
};

export interface Execution {
  readonly id: string;
  readonly jobId: string;
  readonly workspaceId: string;
  readonly jobName: string;
  /** The version of the job that it runs under; the newest one until it has started. */
  readonly jobVersion: number;
  readonly status: ExecutionStatus;
  readonly source: ExecutionSource;
  /** The due time: of a schedule's fire, of a delayed start; else the moment of the request. A reschedule moves it. */
  readonly scheduledForMs: number;
  readonly createdAtMs: number;
  /** When the first attempt was claimed. */
  readonly startedAtMs: number | null;
  readonly finishedAtMs: number | null;
  readonly replayedFrom: string | null;
  /** Of a plain job; those of steps are in `workflow.steps`. */
  readonly attempts: readonly Attempt[];
  readonly output: Readonly<Record<string, JsonValue>> | null;
  readonly error: ExecutionError | null;
  /** `null` unless a `run_job` step started it. */
  readonly parent: ParentLink | null;
  /** `null` for an execution of a plain job. */
  readonly workflow: WorkflowRecord | null;
  /** `null` for a schedule's fire, and for a start that asked for nothing. */
  readonly start: StartOptions | null;
  /**
   * Rises with every change: of two pictures of one execution the one with the higher revision holds, so history may
   * arrive late, twice or out of order. The actor moves in steps of two; the odd number between is for the picture that
   * the holder of a claim writes ahead of its `finish`, and loses against anything that the actor did meanwhile.
   */
  readonly rev: number;
}

export function isFinished(status: ExecutionStatus): boolean {
  return status === "succeeded" || status === "failed" || status === "cancelled";
}

/** Whether it waits for a due time that somebody chose: it can be rescheduled, and has no slot. */
export function isDelayed(
  execution: Pick<Execution, "status" | "startedAtMs" | "scheduledForMs">,
  nowMs: number,
): boolean {
  return execution.status === "queued" && execution.startedAtMs === null && execution.scheduledForMs > nowMs;
}

/** Milliseconds from due time to the first claim; `null` until it has started. */
export function latenessMs(execution: Pick<Execution, "scheduledForMs" | "startedAtMs">): number | null {
  return execution.startedAtMs === null ? null : Math.max(0, execution.startedAtMs - execution.scheduledForMs);
}
