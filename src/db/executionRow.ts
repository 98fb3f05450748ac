/** An execution as a row. */

import type { ExecutionSummary } from "../app/ports.ts";
import type { Attempt } from "../domain/execution/attempt.ts";
import type { Execution, ExecutionSource, ExecutionStatus, StartOptions } from "../domain/execution/execution.ts";
import type { ParentLink, WorkflowRecord } from "../domain/execution/stepRecord.ts";
import { toApprovalColumn } from "./approvalColumn.ts";
import { fitExecution } from "./fitExecution.ts";

/** A line of a list: every column but those after `error_message`, under the names that they have in the table. */
export interface ExecutionSummaryRow {
  readonly id: string;
  readonly workspace_id: string;
  readonly job_id: string;
  readonly job_version: number;
  readonly status: string;
  readonly source: string;
  readonly scheduled_for: number;
  readonly created_at: number;
  readonly started_at: number | null;
  readonly finished_at: number | null;
  readonly rev: number;
  readonly replayed_from: string | null;
  readonly job_name: string;
  readonly attempt_count: number;
  readonly last_status_code: number | null;
  readonly error_code: string | null;
  readonly error_message: string | null;
}

export interface ExecutionRow extends ExecutionSummaryRow {
  readonly output: string | null;
  readonly attempts: string;
  readonly parent: string | null;
  readonly approvals: string | null;
  readonly workflow: string | null;
  readonly start_options: string | null;
}

export function toExecutionRow(execution: Execution): ExecutionRow {
  return {
    id: execution.id,
    workspace_id: execution.workspaceId,
    job_id: execution.jobId,
    job_version: execution.jobVersion,
    status: execution.status,
    source: execution.source,
    scheduled_for: execution.scheduledForMs,
    created_at: execution.createdAtMs,
    started_at: execution.startedAtMs,
    finished_at: execution.finishedAtMs,
    rev: execution.rev,
    replayed_from: execution.replayedFrom,
    job_name: execution.jobName,
    attempt_count: execution.attempts.length,
    last_status_code: execution.attempts.at(-1)?.statusCode ?? null,
    error_code: execution.error?.code ?? null,
    error_message: execution.error?.message ?? null,
    parent: execution.parent === null ? null : JSON.stringify(execution.parent),
    approvals: toApprovalColumn(execution),
    ...fitExecution(execution),
    // An actor of the release before knows of none.
    start_options: execution.start ? JSON.stringify(execution.start) : null,
  };
}

export function toExecution(row: ExecutionRow): Execution {
  return {
    ...toShared(row),
    attempts: JSON.parse(row.attempts) as Attempt[],
    output: row.output === null ? null : (JSON.parse(row.output) as Execution["output"]),
    parent: row.parent === null ? null : (JSON.parse(row.parent) as ParentLink),
    workflow: row.workflow === null ? null : (JSON.parse(row.workflow) as WorkflowRecord),
    start: row.start_options === null ? null : (JSON.parse(row.start_options) as StartOptions),
  };
}

export function toExecutionSummary(row: ExecutionSummaryRow): ExecutionSummary {
  return { ...toShared(row), attemptCount: row.attempt_count, lastStatusCode: row.last_status_code };
}

function toShared(row: ExecutionSummaryRow): Omit<Execution, "attempts" | "output" | "parent" | "workflow" | "start"> {
  return {
    id: row.id,
    jobId: row.job_id,
    workspaceId: row.workspace_id,
    jobName: row.job_name,
    jobVersion: row.job_version,
    status: row.status as ExecutionStatus,
    source: row.source as ExecutionSource,
    scheduledForMs: row.scheduled_for,
    createdAtMs: row.created_at,
    startedAtMs: row.started_at,
    finishedAtMs: row.finished_at,
    replayedFrom: row.replayed_from,
    error: row.error_code === null ? null : { code: row.error_code, message: row.error_message ?? "" },
    rev: row.rev,
  };
}
