/**
 * The SQL of a list of executions.
 *
 * Two steps in one statement: ids of one page from one or several walks (`executionWalks.ts`), then the rows of these ids
 * by primary key. Several walks are each followed until they could fill the page alone, and then put together.
 */

import type { ExecutionQuery } from "../app/ports.ts";
import type { JobScope, Place, Walk } from "./executionWalks.ts";
import { walkedOrder, walksOf } from "./executionWalks.ts";
import { foldName } from "./jobRow.ts";

/** Up to so many ids are handed from one statement to the next. */
export const FEW_JOBS_MOST = 1_000;

/** Of a compound SELECT (facts 3.2); one of such compounds may have as many again. */
const TERMS_MOST = 5;

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

/** Those of the ids that are jobs of the workspace, with such a name. */
export function jobsByIdStatement(workspaceId: string, jobIds: readonly string[], jobName: string): Statement {
  return {
    sql: `SELECT id FROM jobs WHERE id IN (SELECT value FROM json_each(?))
AND workspace_id = ? AND deleted_at IS NULL AND instr(name_folded, ?) > 0`,
    params: [JSON.stringify(jobIds), workspaceId, foldName(jobName)],
  };
}

/** Selects one row more than the page holds, which tells whether there is another page: the one farthest from its place. */
export function executionListStatement(
  workspaceId: string,
  query: ExecutionQuery,
  scope: JobScope,
  place: Place | null,
  nowMs: number,
): Statement {
  const walks = walksOf("page", workspaceId, query, scope, place, nowMs);
  const offset = place === null ? query.page.offset : 0;
  const count = query.page.limit + 1;
  const walked = walkedOrder(query, place);
  const params: (string | number)[] = [];
  const parts = walks.map((walk) => {
    params.push(...walk.params);
    if (walks.length > 1) params.push(offset + count);
    return walkStatement(walk, query, walked, walks.length > 1 ? "LIMIT ?" : "LIMIT ? OFFSET ?");
  });
  const ids =
    parts.length === 1
      ? `SELECT id FROM (${parts.join("")})`
      : `SELECT id FROM (${union(parts)})
  ORDER BY ${orderBy(query, "id", walked)} LIMIT ? OFFSET ?`;
  const sql = `SELECT ${SUMMARY_COLUMNS} FROM executions WHERE id IN (
  ${ids}
) ORDER BY ${orderBy(query, "id", query.order)}`;
  return numbered(sql, [...params, count, offset]);
}

/** UNION, because an execution with several of the tags is on several walks. */
function union(parts: readonly string[]): string {
  // SQLite takes an ORDER BY within a compound only inside parentheses of its own.
  const terms = (some: readonly string[]) => some.map((part) => `SELECT * FROM (${part})`).join(" UNION ");
  if (parts.length <= TERMS_MOST) return terms(parts);
  const groups = parts.flatMap((_, index) =>
    index % TERMS_MOST === 0 ? [parts.slice(index, index + TERMS_MOST)] : [],
  );
  return terms(groups.map(terms));
}

/** How many executions the list has, all pages together. */
export function executionCountStatement(
  workspaceId: string,
  query: ExecutionQuery,
  scope: JobScope,
  nowMs: number,
): Statement {
  const walks = walksOf("count", workspaceId, query, scope, null, nowMs);
  const counts = walks.map(({ from, where }) => `(SELECT count(*) FROM ${from} WHERE ${where})`);
  const params = walks.flatMap((walk) => walk.params);
  return numbered(`SELECT ${counts.join(" + ")} AS count`, params);
}

/** Binds each value once, under a number: D1 takes a hundred parameters, and walks of one list have most in common. */
function numbered(sql: string, params: readonly (string | number)[]): Statement {
  const distinct = [...new Set(params)];
  const remaining = params.values();
  return {
    sql: sql.replaceAll("?", () => `?${distinct.indexOf(remaining.next().value ?? "") + 1}`),
    params: distinct,
  };
}

function walkStatement(walk: Walk, query: ExecutionQuery, order: "asc" | "desc", limit: string): string {
  const { from, where, id } = walk;
  const columns = query.sort === "created_at" ? `${id} AS id, created_at` : `${id} AS id`;
  const all = `SELECT ${columns} FROM ${from} WHERE ${where}`;
  if (query.sort !== "created_at") return `${all} ORDER BY ${id} ${order} ${limit}`;
  const ordered = `ORDER BY created_at ${order}, id ${order} ${limit}`;
  // Every newer row would push an older one out of the sorter; met newest first, almost all are passed over at once.
  const isMetNewestFirst = order === "desc" && !walk.isMerged;
  return isMetNewestFirst
    ? `SELECT id, created_at FROM (${all} ORDER BY ${id} DESC LIMIT -1) ${ordered}`
    : `${all} ${ordered}`;
}

function orderBy(query: ExecutionQuery, id: string, order: "asc" | "desc"): string {
  return query.sort === "created_at" ? `created_at ${order}, ${id} ${order}` : `${id} ${order}`;
}
