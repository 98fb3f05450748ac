/**
 * The SQL of a list of executions.
 *
 * Two steps in one statement: ids from an index that covers every filter and the order, then the rows of one page by
 * primary key. Which index is walked is decided here and forced with INDEXED BY, since D1 keeps no statistics:
 *
 * | asked for | walked | cost |
 * | --- | --- | --- |
 * | one job | executions_by_job | stops after a page |
 * | jobs of some name | executions_by_job, each job's newest merged | jobs + a page |
 * | a status other than succeeded | executions_unsucceeded, unless a name fits few jobs | stops after a page |
 * | anything else, and jobs of some name far down by offset | executions_by_workspace | stops after a page |
 *
 * A filter that hardly anything passes, and `sort=created_at`, walk the index's range to its end: 100,000 entries in 10
 * to 30 ms (docs/storage-schema.md has the measurements).
 */

import type { ExecutionQuery } from "../app/ports.ts";
import { executionIdFloor } from "../domain/ids.ts";
import type { Position } from "../domain/cursor.ts";
import { foldName } from "./jobRow.ts";

/** Which jobs' executions are asked for, after a job name has been looked up. */
export type JobScope =
  | { readonly type: "all" }
  | { readonly type: "one"; readonly jobId: string }
  | { readonly type: "few"; readonly jobIds: readonly string[] }
  /** Too many to name: they are selected again inside the statement. */
  | { readonly type: "many" };

/** Up to so many ids are handed from one statement to the next. */
export const FEW_JOBS_MOST = 1_000;
/** Up to so many jobs, their own index ranges are shorter than everything that did not succeed. */
const MERGED_BY_STATUS_MOST = 50;
/** The merge of many ranges sorts whatever it passes; so far down, walking the whole workspace is cheaper. */
const MERGED_OFFSET_MOST = 1_000;

/** All that come before the large ones. */
export const SUMMARY_COLUMNS = `id, workspace_id, job_id, job_version, status, source, scheduled_for, created_at, started_at,
  finished_at, rev, replayed_from, job_name, attempt_count, last_status_code, error_code, error_message`;

export interface Statement {
  readonly sql: string;
  readonly params: readonly (string | number)[];
}

/** Ids of the workspace's jobs with such a name, one more than `FEW_JOBS_MOST` at most. */
export function jobsByNameStatement(workspaceId: string, jobName: string): Statement {
  return {
    sql: `SELECT id FROM jobs INDEXED BY jobs_listed
WHERE workspace_id = ? AND deleted_at IS NULL AND instr(name_folded, ?) > 0 LIMIT ${FEW_JOBS_MOST + 1}`,
    params: [workspaceId, foldName(jobName)],
  };
}

/** Selects one row more than the page holds, which tells whether there is another page. */
export function executionListStatement(
  workspaceId: string,
  query: ExecutionQuery,
  scope: JobScope,
  after: Position | null,
): Statement {
  const params: (string | number)[] = [];
  const where: string[] = [];
  const add: Add = (condition, ...values) => {
    where.push(condition);
    params.push(...values);
  };
  const offset = after === null ? query.page.offset : 0;

  const index = indexFor(query, scope, offset);
  if (index !== "executions_by_job") add("workspace_id = ?", workspaceId);
  if (query.status !== null) add("status = ?", query.status);
  // The planner takes a partial index only for a statement that repeats its condition to the letter.
  if (index === "executions_unsucceeded") add("status <> 'succeeded'");
  if (query.source !== null) add("source = ?", query.source);
  addIdRange(add, query, after);
  if (query.sort === "created_at" && after?.timeMs != null) {
    const beyond = query.order === "desc" ? "<" : ">";
    add(`(created_at ${beyond} ? OR (created_at = ? AND id ${beyond} ?))`, after.timeMs, after.timeMs, after.id);
  }
  // Last, because SQLite tests conditions in this order, and looking a job up costs more than a comparison.
  addJobs(add, workspaceId, query, scope);

  const order = query.sort === "created_at" ? `created_at ${query.order}, id ${query.order}` : `id ${query.order}`;
  const walked = `executions INDEXED BY ${index} WHERE ${where.join(" AND ")}`;
  // Every newer row would push an older one out of the sorter; met newest first, almost all are passed over at once.
  const isMerged = index === "executions_by_job" && scope.type !== "one";
  const from =
    query.sort === "created_at" && query.order === "desc" && !isMerged
      ? `(SELECT id, created_at FROM ${walked} ORDER BY id DESC LIMIT -1)`
      : walked;
  const sql = `SELECT ${SUMMARY_COLUMNS} FROM executions WHERE id IN (
  SELECT id FROM ${from} ORDER BY ${order} LIMIT ? OFFSET ?
) ORDER BY ${order}`;
  return { sql, params: [...params, query.page.limit + 1, offset] };
}

type Add = (condition: string, ...values: (string | number)[]) => void;

function indexFor(
  query: ExecutionQuery,
  scope: JobScope,
  offset: number,
): "executions_by_job" | "executions_by_workspace" | "executions_unsucceeded" {
  if (scope.type === "one") return "executions_by_job";
  const isFew = scope.type === "few" && scope.jobIds.length <= MERGED_BY_STATUS_MOST;
  if (query.status !== null && query.status !== "succeeded" && !isFew) return "executions_unsucceeded";
  return scope.type === "all" || offset > MERGED_OFFSET_MOST ? "executions_by_workspace" : "executions_by_job";
}

/**
 * SQLite merges the ranges of an IN list over executions_by_job in the order of ids, leaving each range as soon as the
 * page is full of better ones. Executions of a deleted job are hidden at once, before the purge has come to them.
 */
function addJobs(add: Add, workspaceId: string, query: ExecutionQuery, scope: JobScope): void {
  const isNamed = "deleted_at IS NULL AND instr(name_folded, ?) > 0";
  const name = foldName(query.jobName ?? "");
  switch (scope.type) {
    case "all":
      return add("job_id NOT IN (SELECT id FROM jobs INDEXED BY jobs_deleted WHERE deleted_at IS NOT NULL)");
    case "one":
      return add(
        `job_id = (SELECT id FROM jobs WHERE id = ? AND workspace_id = ? AND ${isNamed})`,
        scope.jobId,
        workspaceId,
        name,
      );
    case "few":
      return add("job_id IN (SELECT value FROM json_each(?))", JSON.stringify(scope.jobIds));
    case "many":
      return add(
        `job_id IN (SELECT id FROM jobs INDEXED BY jobs_listed WHERE workspace_id = ? AND ${isNamed})`,
        workspaceId,
        name,
      );
  }
}

/**
 * Bounds of the due time and the cursor as one range of ids: given two upper bounds, SQLite would seek by one and step
 * over everything up to the other. The floor of a due time is shorter than any id, so it equals none.
 */
function addIdRange(add: Add, query: ExecutionQuery, after: Position | null): void {
  const above = query.fromMs === null ? [] : [executionIdFloor(query.fromMs)];
  const below = query.toMs === null ? [] : [executionIdFloor(query.toMs)];
  if (after !== null && query.sort === "scheduled_for") (query.order === "desc" ? below : above).push(after.id);
  const highest = above.toSorted().at(-1);
  const lowest = below.toSorted().at(0);
  if (highest !== undefined) add("id > ?", highest);
  if (lowest !== undefined) add("id < ?", lowest);
}
