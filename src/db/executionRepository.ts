/** The read side of the history, and its pruning. */

import type {
  ExecutionQuery,
  ExecutionRepository,
  ExecutionSummary,
  Page,
  PageRequest,
  WaitingApproval,
} from "../app/ports.ts";
import { executionIdFloor, isExecutionId } from "../domain/ids.ts";
import { STEP_PATH, toWaitingApproval } from "./approvalColumn.ts";
import type { StorageDeps } from "./calls.ts";
import { once, repeated } from "./calls.ts";
import { decodeCursor, encodeCursor } from "../domain/cursor.ts";
import type { Statement } from "./executionListQuery.ts";
import {
  executionCountStatement,
  executionListStatement,
  FEW_JOBS_MOST,
  jobsByIdStatement,
  jobsByNameStatement,
  SUMMARY_COLUMNS,
} from "./executionListQuery.ts";
import type { ExecutionRow, ExecutionSummaryRow } from "./executionRow.ts";
import { toExecution, toExecutionSummary } from "./executionRow.ts";
import type { JobScope, Place } from "./executionWalks.ts";
import { PRUNE_LABELS } from "./labelSweep.ts";

/** Keys of one bulk delete (facts 3.2). */
export const DELETE_MOST = 10_000;

const FIND = `
SELECT * FROM executions WHERE id = ?1 AND workspace_id = ?2
AND EXISTS (SELECT 1 FROM jobs WHERE jobs.id = executions.job_id AND jobs.deleted_at IS NULL)`;

const SUMMARIES = `
SELECT ${SUMMARY_COLUMNS} FROM executions WHERE id IN (SELECT value FROM json_each(?1)) AND workspace_id = ?2
AND job_id NOT IN (SELECT id FROM jobs INDEXED BY jobs_deleted WHERE deleted_at IS NOT NULL)`;

const LATEST_OF_JOBS = `
SELECT ${SUMMARY_COLUMNS} FROM executions WHERE id IN (
  SELECT (SELECT max(id) FROM executions INDEXED BY executions_by_job WHERE job_id = each.value AND id < ?2)
  FROM json_each(?1) AS each
)`;

/** From the place after the step ?3 of the execution ?2. */
const APPROVALS = `
SELECT executions.id, executions.job_id, executions.job_name, each.value AS approval
FROM executions INDEXED BY executions_approvals, json_each(executions.approvals) AS each
WHERE executions.workspace_id = ?1 AND executions.approvals IS NOT NULL AND executions.id <= ?2
AND (executions.id < ?2 OR json_extract(each.value, '${STEP_PATH}') > ?3)
AND executions.job_id NOT IN (SELECT id FROM jobs INDEXED BY jobs_deleted WHERE deleted_at IS NOT NULL)
ORDER BY executions.id DESC, json_extract(each.value, '${STEP_PATH}') LIMIT ?4 OFFSET ?5`;

/** Above every id. */
const LAST_ID = "exe_~";

const COUNT_OF_JOB = `
SELECT count(*) AS found FROM executions INDEXED BY executions_by_job
WHERE job_id = ?1 AND created_at < ?2 AND id NOT IN (SELECT value FROM json_each(?3))`;

const PRUNABLE = `
SELECT id, job_id FROM executions WHERE id < ?1 AND status IN ('succeeded', 'failed', 'cancelled') ORDER BY id LIMIT ?2`;

/** A job knows how many of its executions are gone, since nobody counts those that are left. */
const COUNT_PRUNED = `
UPDATE jobs SET pruned_count = pruned_count + gone.found
FROM (SELECT job_id, count(*) AS found FROM (${PRUNABLE}) GROUP BY job_id) AS gone WHERE jobs.id = gone.job_id`;

const PRUNE = `DELETE FROM executions WHERE id IN (SELECT id FROM (${PRUNABLE}))`;

export function createExecutionRepository(db: D1Database, deps: StorageDeps): ExecutionRepository {
  const all = async <Row>(operation: string, { sql, params }: Statement): Promise<Row[]> => {
    const answer = await once(operation, () =>
      db
        .prepare(sql)
        .bind(...params)
        .all<Row>(),
    );
    return answer.results;
  };

  const scopeOf = async (workspaceId: string, query: ExecutionQuery): Promise<JobScope> => {
    const { jobId, jobIds, jobName } = query;
    const named = jobId === null ? jobIds : (jobIds ?? [jobId]).filter((each) => each === jobId);
    const [only] = named ?? [];
    if (named?.length === 1 && only !== undefined) return { type: "one", jobId: only };
    if (named !== undefined) {
      const known = await all<{ id: string }>(
        "executions.jobs_by_id",
        jobsByIdStatement(workspaceId, named, jobName ?? ""),
      );
      return { type: "few", jobIds: known.map(({ id }) => id) };
    }
    if (jobName === null) return { type: "all" };
    const known = await all<{ id: string }>("executions.jobs_by_name", jobsByNameStatement(workspaceId, jobName));
    return known.length > FEW_JOBS_MOST ? { type: "many" } : { type: "few", jobIds: known.map(({ id }) => id) };
  };

  return {
    async find(workspaceId, executionId) {
      const row = await once("executions.find", () =>
        db.prepare(FIND).bind(executionId, workspaceId).first<ExecutionRow>(),
      );
      return row === null ? null : toExecution(row);
    },

    /** A cursor stands for a place, so the offset does not apply on top of it. */
    async list(workspaceId, query, nowMs) {
      const place = placeOf(query);
      if (place === "bad_cursor") return "bad_cursor";
      const scope = await scopeOf(workspaceId, query);
      const statement = executionListStatement(workspaceId, query, scope, place, nowMs);
      return pageOf(await all<ExecutionSummaryRow>("executions.list", statement), query, place);
    },

    async count(workspaceId, query, nowMs) {
      const scope = await scopeOf(workspaceId, query);
      const statement = executionCountStatement(workspaceId, query, scope, nowMs);
      const [row] = await all<{ count: number }>("executions.count", statement);
      return row?.count ?? 0;
    },

    async summaries(workspaceId, executionIds) {
      if (executionIds.length === 0) return new Map();
      const rows = await all<ExecutionSummaryRow>("executions.summaries", {
        sql: SUMMARIES,
        params: [JSON.stringify(executionIds), workspaceId],
      });
      return new Map(rows.map((row) => [row.id, toExecutionSummary(row)]));
    },

    async latestOfJobs(jobIds, dueBeforeMs) {
      if (jobIds.length === 0) return new Map();
      const rows = await all<ExecutionSummaryRow>("executions.latest_of_jobs", {
        sql: LATEST_OF_JOBS,
        params: [JSON.stringify(jobIds), executionIdFloor(dueBeforeMs)],
      });
      return new Map(rows.map((row) => [row.job_id, toExecutionSummary(row)]));
    },

    async listApprovals(workspaceId, page) {
      const after = page.cursor === null ? null : decodeCursor(page.cursor, { isId: isApprovalPlace, withTime: false });
      if (page.cursor !== null && after === null) return "bad_cursor";
      const [executionId, step] = splitPlace(after?.id ?? LAST_ID);
      const offset = after === null ? page.offset : 0;
      const rows = await all<ApprovalRow>("executions.approvals", {
        sql: APPROVALS,
        params: [workspaceId, executionId, step, page.limit + 1, offset],
      });
      return pageOfApprovals(rows, page);
    },

    async countOfJob(jobId, { createdBeforeMs, except }) {
      const params = [jobId, createdBeforeMs, JSON.stringify(except)];
      const [row] = await all<{ found: number }>("executions.count_of_job", { sql: COUNT_OF_JOB, params });
      return row?.found ?? 0;
    },

    async prune(beforeMs, limit) {
      let pruned = 0;
      while (pruned < limit) {
        const most = Math.min(DELETE_MOST, limit - pruned);
        const [, removed] = await repeated(deps, "executions.prune", () =>
          db.batch(
            [COUNT_PRUNED, PRUNE, ...PRUNE_LABELS].map((sql) => db.prepare(sql).bind(executionIdFloor(beforeMs), most)),
          ),
        );
        const changes = removed?.meta.changes ?? 0;
        pruned += changes;
        if (changes < most) break;
      }
      return pruned;
    },
  };
}

type ApprovalRow = Parameters<typeof toWaitingApproval>[0];

/** `exe_…/path`: where a page of approvals ended. */
function splitPlace(place: string): [string, string] {
  const slash = place.indexOf("/");
  return slash === -1 ? [place, ""] : [place.slice(0, slash), place.slice(slash + 1)];
}

function isApprovalPlace(place: string): boolean {
  return isExecutionId(splitPlace(place)[0]) && place.includes("/");
}

function pageOfApprovals(rows: readonly ApprovalRow[], { limit }: PageRequest): Page<WaitingApproval> {
  const items = rows.slice(0, limit).map(toWaitingApproval);
  const hasMore = rows.length > items.length;
  const last = items.at(-1);
  if (!hasMore || last === undefined) return { items, hasMore, nextCursor: null };
  return { items, hasMore, nextCursor: encodeCursor({ id: `${last.executionId}/${last.step}`, timeMs: null }) };
}

function placeOf(query: ExecutionQuery): Place | null | "bad_cursor" {
  const { cursor, before } = query.page;
  const text = before ?? cursor;
  if (text === null) return null;
  const position = decodeCursor(text, { isId: isExecutionId, withTime: query.sort === "created_at" });
  return position === null ? "bad_cursor" : { position, isBefore: before !== undefined };
}

/** Of a page before a place, the row too many is the first. */
function pageOf(
  rows: readonly ExecutionSummaryRow[],
  query: ExecutionQuery,
  place: Place | null,
): Page<ExecutionSummary> {
  const { limit } = query.page;
  const isBefore = place?.isBefore === true;
  const items = (isBefore ? rows.slice(-limit) : rows.slice(0, limit)).map(toExecutionSummary);
  const hasMore = rows.length > items.length;
  const last = items.at(-1);
  // Behind a page that was reached from behind there is at least the place that it was reached from.
  if (last === undefined || !(hasMore || isBefore)) return { items, hasMore, nextCursor: null };
  const timeMs = query.sort === "created_at" ? last.createdAtMs : null;
  return { items, hasMore, nextCursor: encodeCursor({ id: last.id, timeMs }) };
}
