/** An execution as a row, and the bound on its size. */

import type { ExecutionSummary } from "../app/ports.ts";
import type { Attempt } from "../domain/execution/attempt.ts";
import type { Execution, ExecutionSource, ExecutionStatus } from "../domain/execution/execution.ts";

/** A line of a list: every column but the two large ones, under the names that they have in the table. */
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
}

/** D1 refuses a row above 2 MB (facts 3.1); half of it leaves room for whatever else grows. */
export const MOST_JSON_BYTES = 1_000_000;
/** What the attempts always have, however large the output is. */
const LEAST_ATTEMPTS_BYTES = 250_000;

export function toExecutionRow(execution: Execution): ExecutionRow {
  const output = fitOutput(execution.output);
  const attemptsBytes = Math.max(LEAST_ATTEMPTS_BYTES, MOST_JSON_BYTES - (output === null ? 0 : byteLength(output)));
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
    output,
    attempts: JSON.stringify(fitAttempts(execution.attempts, attemptsBytes)),
  };
}

export function toExecution(row: ExecutionRow): Execution {
  return {
    ...toShared(row),
    attempts: JSON.parse(row.attempts) as Attempt[],
    output: row.output === null ? null : (JSON.parse(row.output) as Execution["output"]),
    parent: null,
    workflow: null,
  };
}

export function toExecutionSummary(row: ExecutionSummaryRow): ExecutionSummary {
  return { ...toShared(row), attemptCount: row.attempt_count, lastStatusCode: row.last_status_code };
}

function toShared(row: ExecutionSummaryRow): Omit<Execution, "attempts" | "output" | "parent" | "workflow"> {
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

/**
 * Attempts whose JSON is at most `mostBytes` of UTF-8, so that a record can always be stored: one that cannot would be
 * owed for ever. What explains the end is kept longest: the previews of the oldest attempts go first, then the response
 * headers of the oldest, and only then, which takes thousands of attempts, the oldest attempts themselves.
 */
export function fitAttempts(attempts: readonly Attempt[], mostBytes: number): readonly Attempt[] {
  let excess = byteLength(JSON.stringify(attempts)) - mostBytes;
  if (excess <= 0) return attempts;
  const fitted = [...attempts];
  for (const trim of [withoutPreview, withoutHeaders]) {
    for (const [index, attempt] of fitted.entries()) {
      if (excess <= 0) return fitted;
      const trimmed = trim(attempt);
      excess -= byteLength(JSON.stringify(attempt)) - byteLength(JSON.stringify(trimmed));
      fitted[index] = trimmed;
    }
  }
  let kept = fitted;
  while (excess > 0 && kept.length > 0) {
    // The comma that separated it goes with it.
    excess -= byteLength(JSON.stringify(kept[0])) + 1;
    kept = kept.slice(1);
  }
  return kept;
}

function withoutPreview(attempt: Attempt): Attempt {
  return { ...attempt, bodyPreview: null };
}

function withoutHeaders(attempt: Attempt): Attempt {
  return { ...attempt, responseHeaders: null };
}

/** An output of this size names the same large answer many times; it is left out rather than never stored. */
function fitOutput(output: Execution["output"]): string | null {
  const json = output === null ? null : JSON.stringify(output);
  return json !== null && byteLength(json) > MOST_JSON_BYTES ? null : json;
}

function byteLength(json: string): number {
  return new TextEncoder().encode(json).byteLength;
}
