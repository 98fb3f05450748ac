/**
 * Where a list of executions looks for them, and which it passes over.
 *
 * A walk is an index that is followed in the order of ids, with the conditions that its entries must meet. Which one it
 * is, is decided here and forced, since D1 keeps no statistics:
 *
 * | asked for | walked | cost |
 * | --- | --- | --- |
 * | a batch | the ids in the batch's row | the batch |
 * | a bulk action, a tag | its own entries, then each execution by primary key | stops after a page |
 * | several tags | each one's entries, as for one tag; an execution with several of them is met several times | stops after a page |
 * | very many tags, and counts of several | the entries of all of them, put in order | all entries of these tags |
 * | one job | executions_by_job | stops after a page |
 * | several jobs, or jobs of some name | executions_by_job, each job's newest merged | jobs + a page |
 * | statuses other than succeeded | executions_unsucceeded, one walk for each, unless few jobs are named | stops after a page |
 * | anything else, and jobs of some name far down by offset | executions_by_workspace | stops after a page |
 *
 * A filter that hardly anything passes, and `sort=created_at`, follow a walk to its end: 100,000 entries in 10 to 30 ms
 * (docs/storage-schema.md has the measurements). What an index does not hold is looked up in the row, which costs more,
 * and only for entries that meet every other condition.
 */

import type { ExecutionQuery } from "../app/ports.ts";
import type { Position } from "../domain/cursor.ts";
import type { ExecutionStatus } from "../domain/execution/execution.ts";
import type { StatusCondition } from "../domain/execution/statusFilter.ts";
import { statusCondition } from "../domain/execution/statusFilter.ts";
import { executionIdFloor } from "../domain/ids.ts";
import { foldName } from "./jobRow.ts";

/** Which jobs' executions are asked for, after names and ids have been looked up. */
export type JobScope =
  | { readonly type: "all" }
  | { readonly type: "one"; readonly jobId: string }
  | { readonly type: "few"; readonly jobIds: readonly string[] }
  /** Too many to name: they are selected again inside the statement. */
  | { readonly type: "many" };

/** The place that a page begins after, or ends before. */
export interface Place {
  readonly position: Position;
  readonly isBefore: boolean;
}

/** `SELECT … FROM ${from} WHERE ${where}`, with the parameters of both in their order. */
export interface Walk {
  readonly from: string;
  readonly where: string;
  readonly params: readonly (string | number)[];
  /** The id of an entry, for selecting and ordering. */
  readonly id: string;
  /** Whether it passes several ranges of ids, one after the other. */
  readonly isMerged: boolean;
}

/** Far more than a caller asks for; so many are still put together in one statement. */
const TAG_WALKS_MOST = 25;
/** Up to so many jobs, their own index ranges are shorter than everything that did not succeed. */
const MERGED_BY_STATUS_MOST = 50;
/** The merge of many ranges sorts whatever it passes; so far down, walking the whole workspace is cheaper. */
const MERGED_OFFSET_MOST = 1_000;

type Index = "executions_by_job" | "executions_by_workspace" | "executions_unsucceeded";

/** Beyond those that every index of executions has. */
const COVERED: Readonly<Record<Index, readonly string[]>> = {
  executions_by_job: [],
  executions_by_workspace: [],
  executions_unsucceeded: ["error_code", "scheduled_for"],
};

/**
 * One walk, or one for each of several statuses or tags: between them they pass every execution of the list. For a count
 * they pass each once; for a page an execution with several of the tags is passed once for each.
 */
export function walksOf(
  purpose: "page" | "count",
  workspaceId: string,
  query: ExecutionQuery,
  scope: JobScope,
  place: Place | null,
  nowMs: number,
): readonly Walk[] {
  const conditions = statusConditionsOf(query, nowMs);
  const sources = markedSources(purpose, workspaceId, query, place);
  if (sources !== null) return sources.map((each) => walk(each, { workspaceId, query, scope, place, conditions }));
  const index = indexFor(query, conditions, scope, place);
  const source = { from: `executions INDEXED BY ${index}`, where: [], params: [], id: "executions.id", index };
  if (index !== "executions_unsucceeded" || conditions === null) {
    return [walk(source, { workspaceId, query, scope, place, conditions })];
  }
  const byStatus = Map.groupBy(conditions, (condition) => condition.status);
  return [...byStatus.values()].map((same) => walk(source, { workspaceId, query, scope, place, conditions: same }));
}

/** The order in which ids are met: away from the place. */
export function walkedOrder(query: ExecutionQuery, place: Place | null): "asc" | "desc" {
  if (place?.isBefore !== true) return query.order;
  return query.order === "desc" ? "asc" : "desc";
}

/** `null`: any status. */
function statusConditionsOf(query: ExecutionQuery, nowMs: number): readonly StatusCondition[] | null {
  const { status, statuses } = query;
  if (statuses === undefined) return status === null ? null : [{ status }];
  const conditions = statuses.map((filter) => statusCondition(filter, nowMs));
  return status === null ? conditions : conditions.filter((condition) => condition.status === status);
}

interface Source {
  readonly from: string;
  readonly where: readonly string[];
  readonly params: readonly (string | number)[];
  readonly id: string;
  /** `null`: the row itself is read. */
  readonly index: Index | null;
}

/** Executions by what hangs on them. Their rows are read one by one, in the order of the entries. */
function markedSources(
  purpose: "page" | "count",
  workspaceId: string,
  query: ExecutionQuery,
  place: Place | null,
): readonly Source[] | null {
  const { batchId, bulkActionId, tags } = query;
  if (batchId !== undefined) {
    const items = "json_each((SELECT items FROM batches WHERE id = ? AND workspace_id = ?))";
    return [chosen(`SELECT DISTINCT value ->> 'executionId' AS execution_id FROM ${items}`, [batchId, workspaceId])];
  }
  if (bulkActionId !== undefined) {
    return [marked("bulk_action_runs", ["marked.bulk_action_id = ?"], [bulkActionId])];
  }
  if (tags === undefined) return null;
  const distinct = [...new Set(tags)];
  if (distinct.length === 1 || (purpose === "page" && distinct.length > 1 && distinct.length <= TAG_WALKS_MOST)) {
    const where = ["marked.workspace_id = ?", "marked.tag = ?"];
    return distinct.map((tag) => marked("execution_tags", where, [workspaceId, tag]));
  }
  const [range, bounds] = idRange("execution_id", query, place);
  const where = ["workspace_id = ?", "tag IN (SELECT value FROM json_each(?))", ...range].join(" AND ");
  const params = [workspaceId, JSON.stringify(tags), ...bounds];
  return [chosen(`SELECT DISTINCT execution_id FROM execution_tags WHERE ${where}`, params)];
}

/** A table whose entries are followed. */
function marked(table: string, where: readonly string[], params: readonly string[]): Source {
  const from = `${table} AS marked CROSS JOIN executions ON executions.id = marked.execution_id`;
  return { from, where, params, id: "marked.execution_id", index: null };
}

/** A selection of ids that is made first. */
function chosen(select: string, params: readonly string[]): Source {
  const from = `(${select}) AS chosen CROSS JOIN executions ON executions.id = chosen.execution_id`;
  return { from, where: [], params, id: "chosen.execution_id", index: null };
}

interface Asked {
  readonly workspaceId: string;
  readonly query: ExecutionQuery;
  readonly scope: JobScope;
  readonly place: Place | null;
  readonly conditions: readonly StatusCondition[] | null;
}

function walk(source: Source, { workspaceId, query, scope, place, conditions }: Asked): Walk {
  const where: string[] = [...source.where];
  const params: (string | number)[] = [...source.params];
  const add: Add = (condition, ...values) => {
    where.push(condition);
    params.push(...values);
  };
  if (source.index !== "executions_by_job") add("executions.workspace_id = ?", workspaceId);
  addStatuses(add, conditions);
  // The planner takes a partial index only for a statement that repeats its condition to the letter.
  if (source.index === "executions_unsucceeded") add("status <> 'succeeded'");
  if (query.source !== null) add("source = ?", query.source);
  if (query.sources !== undefined) add("source IN (SELECT value FROM json_each(?))", JSON.stringify(query.sources));
  const [range, bounds] = idRange(source.id, query, place);
  for (const [position, bound] of range.entries()) add(bound, bounds[position] ?? "");
  if (query.createdFromMs !== undefined) add("created_at >= ?", query.createdFromMs);
  if (query.createdToMs !== undefined) add("created_at < ?", query.createdToMs);
  addCreatedPlace(add, query, place);
  // Last, because SQLite tests conditions in this order, and looking something up costs more than a comparison.
  addJobs(add, workspaceId, query, scope);
  addMarks(add, workspaceId, query);
  if (query.jobVersion !== undefined) add(`${column(source.index, "job_version")} = ?`, query.jobVersion);
  addDetails(add, source.index, conditions);
  const isMerged = source.index === "executions_by_job" && scope.type !== "one";
  return { from: source.from, where: where.join(" AND "), params, id: source.id, isMerged };
}

type Add = (condition: string, ...values: (string | number)[]) => void;

function indexFor(
  query: ExecutionQuery,
  conditions: readonly StatusCondition[] | null,
  scope: JobScope,
  place: Place | null,
): Index {
  const offset = place === null ? query.page.offset : 0;
  if (scope.type === "one") return "executions_by_job";
  const isFew = scope.type === "few" && scope.jobIds.length <= MERGED_BY_STATUS_MOST;
  const isUnsucceeded = conditions !== null && conditions.every(({ status }) => status !== "succeeded");
  // No condition at all is one that nothing meets.
  if (isUnsucceeded && conditions.length > 0 && !isFew) return "executions_unsucceeded";
  return scope.type === "all" || offset > MERGED_OFFSET_MOST ? "executions_by_workspace" : "executions_by_job";
}

function addStatuses(add: Add, conditions: readonly StatusCondition[] | null): void {
  if (conditions === null) return;
  const statuses: ExecutionStatus[] = [...new Set(conditions.map(({ status }) => status))];
  const [only] = statuses;
  if (statuses.length === 1 && only !== undefined) add("status = ?", only);
  else add("status IN (SELECT value FROM json_each(?))", JSON.stringify(statuses));
}

/** What tells parts of one status apart. */
function addDetails(add: Add, index: Index | null, conditions: readonly StatusCondition[] | null): void {
  if (conditions === null || conditions.every((condition) => !isPart(condition))) return;
  const values: (string | number)[] = [];
  const parts = conditions.map((condition) => {
    const { status, errorCodes, due } = condition;
    const terms = ["status = ?"];
    values.push(status);
    if (errorCodes !== undefined) {
      const known = `coalesce(${column(index, "error_code")}, '')`;
      terms.push(`${known} ${errorCodes.isOneOf ? "IN" : "NOT IN"} (SELECT value FROM json_each(?))`);
      values.push(JSON.stringify(errorCodes.codes));
    }
    if (due !== undefined) {
      terms.push(`${column(index, "scheduled_for")} ${due.isAfter ? ">" : "<="} ?`);
      values.push(due.momentMs);
    }
    return `(${terms.join(" AND ")})`;
  });
  add(parts.length === 1 ? parts.join("") : `(${parts.join(" OR ")})`, ...values);
}

function isPart({ errorCodes, due }: StatusCondition): boolean {
  return errorCodes !== undefined || due !== undefined;
}

/** From the walked index, or else from the row. */
function column(index: Index | null, name: string): string {
  if (index === null || COVERED[index].includes(name)) return `executions.${name}`;
  return `(SELECT whole.${name} FROM executions AS whole WHERE whole.id = executions.id)`;
}

/** By what hangs on an execution, where that is not what is walked. */
function addMarks(add: Add, workspaceId: string, { batchId, bulkActionId, tags }: ExecutionQuery): void {
  if (bulkActionId !== undefined && batchId !== undefined) {
    const ofAction = "SELECT 1 FROM bulk_action_runs WHERE bulk_action_id = ? AND execution_id = executions.id";
    add(`EXISTS (${ofAction})`, bulkActionId);
  }
  if (tags !== undefined && (batchId !== undefined || bulkActionId !== undefined)) {
    const tagged = `SELECT 1 FROM execution_tags WHERE workspace_id = ? AND tag IN (SELECT value FROM json_each(?))
  AND execution_id = executions.id`;
    add(`EXISTS (${tagged})`, workspaceId, JSON.stringify(tags));
  }
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
 * Bounds of the due time and the place as one range of ids: given two upper bounds, SQLite would seek by one and step
 * over everything up to the other. The floor of a due time is shorter than any id, so it equals none.
 */
function idRange(id: string, query: ExecutionQuery, place: Place | null): [string[], string[]] {
  const above = query.fromMs === null ? [] : [executionIdFloor(query.fromMs)];
  const below = query.toMs === null ? [] : [executionIdFloor(query.toMs)];
  if (place !== null && query.sort === "scheduled_for") {
    (walkedOrder(query, place) === "desc" ? below : above).push(place.position.id);
  }
  const highest = above.toSorted().at(-1);
  const lowest = below.toSorted().at(0);
  const bounds = [
    ...(highest === undefined ? [] : [[`${id} > ?`, highest] as const]),
    ...(lowest === undefined ? [] : [[`${id} < ?`, lowest] as const]),
  ];
  return [bounds.map(([condition]) => condition), bounds.map(([, bound]) => bound)];
}

function addCreatedPlace(add: Add, query: ExecutionQuery, place: Place | null): void {
  if (query.sort !== "created_at" || place === null || place.position.timeMs === null) return;
  const { timeMs, id } = place.position;
  const beyond = walkedOrder(query, place) === "desc" ? "<" : ">";
  add(`(created_at ${beyond} ? OR (created_at = ? AND executions.id ${beyond} ?))`, timeMs, timeMs, id);
}
