/**
 * The write side of the history: pictures of executions, as the execution path records them.
 *
 * Guarantees, each kept by one clause of the statements below:
 * - a picture only replaces an older one, so records may arrive late, twice or out of order (`WHERE excluded.rev > …`);
 * - a job that is deleted, or was never there, takes no more records (`FROM jobs … deleted_at IS NULL`);
 * - a one-shot job is `completed` in the same transaction as the record of its end, and only by the schedule that the
 *   execution stems from: every re-activation and every change of the schedule moves `schedule_from` past it, and no
 *   other edit does (`schedule_from <= ?`). The version stays, because the actor knows already.
 */

import type { History } from "../app/ports.ts";
import type { HistoryEntry } from "../domain/engine/protocol.ts";
import { isFinished } from "../domain/execution/execution.ts";
import type { StorageDeps } from "./calls.ts";
import { repeated } from "./calls.ts";
import type { StorageError } from "./errors.ts";
import { StorageUnavailable, toStorageError } from "./errors.ts";
import type { ExecutionRow } from "./executionRow.ts";
import { toExecutionRow } from "./executionRow.ts";

export interface HistoryDeps extends StorageDeps {
  /** Whoever waits for the history holds a claim, and its lease runs. Default 5 s. */
  readonly deadlineMs?: number;
  /** Hears of every record that failed. A fault other than `StorageUnavailable` will not heal by itself. Never throws. */
  report(error: StorageError): void;
}

const DEFAULT_DEADLINE_MS = 5_000;
/** One batch is one transaction, and blocks D1's single writer for as long as it takes. */
const MOST_ENTRIES = 50;
/** D1 takes a text of up to 2 MB, and a character may take three bytes of it. */
const MOST_CHARACTERS = 600_000;

/** In the order in which `UPSERT` binds them. */
const COLUMNS = [
  "id",
  "workspace_id",
  "job_id",
  "job_version",
  "status",
  "source",
  "scheduled_for",
  "created_at",
  "started_at",
  "finished_at",
  "rev",
  "replayed_from",
  "job_name",
  "attempt_count",
  "last_status_code",
  "error_code",
  "error_message",
  "output",
  "attempts",
  "parent",
  "approvals",
  "workflow",
  "start_options",
] as const satisfies readonly (keyof ExecutionRow)[];

/** What never changes in the life of an execution; leaving it out spares the indexes. */
const FIXED: ReadonlySet<string> = new Set([
  "id",
  "workspace_id",
  "job_id",
  "source",
  "created_at",
  "replayed_from",
  "parent",
  "start_options",
]);

const RECORD_COLUMNS = `INSERT INTO executions (${COLUMNS.join(", ")})`;
const OVER_OLDER_ONES = `
ON CONFLICT (id) DO UPDATE SET ${COLUMNS.filter((column) => !FIXED.has(column))
  .map((column) => `${column} = excluded.${column}`)
  .join(", ")}
WHERE excluded.rev > executions.rev`;

/** Takes rows as a JSON array of arrays: one statement for a group costs D1 a fraction of one for each of its rows. */
const UPSERT_GROUP = `
${RECORD_COLUMNS}
SELECT ${COLUMNS.map((_, index) => `given.value ->> ${index}`).join(", ")}
FROM json_each(?1) AS given CROSS JOIN jobs
WHERE jobs.id = given.value ->> 2 AND jobs.workspace_id = given.value ->> 1 AND jobs.deleted_at IS NULL
${OVER_OLDER_ONES}`;

/** Takes one row whose columns are too large to travel inside of another text. */
const UPSERT_ONE = `
${RECORD_COLUMNS}
SELECT ${COLUMNS.map((_, index) => `?${index + 1}`).join(", ")}
FROM jobs WHERE jobs.id = ?3 AND jobs.workspace_id = ?2 AND jobs.deleted_at IS NULL
${OVER_OLDER_ONES}`;

/** Takes ends of jobs as a JSON array of `[ended, job id, due time]`. */
const COMPLETE_GROUP = `
UPDATE jobs SET state = 'completed', updated_at = max(updated_at, ended.value ->> 0)
FROM json_each(?1) AS ended
WHERE jobs.id = ended.value ->> 1 AND state IN ('active', 'paused') AND deleted_at IS NULL
  AND schedule_from <= ended.value ->> 2`;

export function createHistory(db: D1Database, deps: HistoryDeps): History {
  return {
    async record(entries) {
      const deadline = new AbortController();
      try {
        return await Promise.race([
          writeAll(db, deps, entries, deadline.signal),
          deps.sleep(deps.deadlineMs ?? DEFAULT_DEADLINE_MS, deadline.signal).then(() => {
            if (!deadline.signal.aborted) {
              deps.report(new StorageUnavailable("history.record", "transient", "our deadline passed"));
            }
            return false;
          }),
        ]);
      } catch (thrown) {
        deps.report(toStorageError("history.record", thrown));
        return false;
      } finally {
        deadline.abort();
      }
    },
  };
}

async function writeAll(
  db: D1Database,
  deps: HistoryDeps,
  entries: readonly HistoryEntry[],
  signal: AbortSignal,
): Promise<boolean> {
  for (const group of groupsOf(entries)) {
    await repeated(deps, "history.record", () => db.batch(statementsOf(db, group)), signal);
    // The deadline has answered already, with "not recorded"; the actor will bring the rest again.
    if (signal.aborted) return false;
  }
  return true;
}

/** What one transaction writes. */
interface Group {
  readonly entries: readonly HistoryEntry[];
  /** The rows of `entries` as JSON texts, in that order; or the row of the one entry that is too large to be one. */
  readonly rows: readonly string[] | ExecutionRow;
}

function groupsOf(entries: readonly HistoryEntry[]): Group[] {
  const groups: Group[] = [];
  let group: { entries: HistoryEntry[]; rows: string[] } = { entries: [], rows: [] };
  let characters = 0;
  for (const entry of entries) {
    const row = toExecutionRow(entry.execution);
    const json = toJsonRow(row);
    if (json.length > MOST_CHARACTERS) {
      groups.push({ entries: [entry], rows: row });
      continue;
    }
    if (group.rows.length === MOST_ENTRIES || characters + json.length > MOST_CHARACTERS) {
      groups.push(group);
      group = { entries: [], rows: [] };
      characters = 0;
    }
    group.entries.push(entry);
    group.rows.push(json);
    characters += json.length;
  }
  return group.rows.length > 0 ? [...groups, group] : groups;
}

/** SQLite ends a text from JSON at a NUL, and knows no half of a surrogate pair. */
function toJsonRow(row: ExecutionRow): string {
  const values = COLUMNS.map((column) => row[column]);
  return JSON.stringify(values.map((value) => (typeof value === "string" ? printable(value) : value)));
}

function printable(text: string): string {
  return text.includes("\0") ? text.toWellFormed().replaceAll("\0", "\ufffd") : text.toWellFormed();
}

function statementsOf(db: D1Database, { entries, rows }: Group): D1PreparedStatement[] {
  const upsert = Array.isArray(rows)
    ? db.prepare(UPSERT_GROUP).bind(`[${rows.join(",")}]`)
    : db.prepare(UPSERT_ONE).bind(...COLUMNS.map((column) => (rows as ExecutionRow)[column]));
  const ended = entries
    .filter((entry) => entry.completesJob && isFinished(entry.execution.status))
    .map(({ execution }) => [
      execution.finishedAtMs ?? execution.scheduledForMs,
      execution.jobId,
      execution.scheduledForMs,
    ]);
  return ended.length > 0 ? [upsert, db.prepare(COMPLETE_GROUP).bind(JSON.stringify(ended))] : [upsert];
}
