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

export interface Execution {
  readonly id: string;
  readonly jobId: string;
  readonly workspaceId: string;
  readonly jobName: string;
  /** The version of the job that it runs under; the newest one until it has started. */
  readonly jobVersion: number;
  readonly status: ExecutionStatus;
  readonly source: ExecutionSource;
  /** The due time of a schedule's fire; the moment of the request for every other source. */
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

/** Milliseconds from due time to the first claim; `null` until it has started. */
export function latenessMs(execution: Pick<Execution, "scheduledForMs" | "startedAtMs">): number | null {
  return execution.startedAtMs === null ? null : Math.max(0, execution.startedAtMs - execution.scheduledForMs);
}
