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
/** The platform's limit for one RPC message is 32 MiB; strings may take two bytes per character on the way. */
const MOST_CHARACTERS = 8_000_000;

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

const UPSERT = `
INSERT INTO executions (${COLUMNS.join(", ")})
SELECT ${COLUMNS.map((_, index) => `?${index + 1}`).join(", ")}
FROM jobs WHERE jobs.id = ?3 AND jobs.workspace_id = ?2 AND jobs.deleted_at IS NULL
ON CONFLICT (id) DO UPDATE SET ${COLUMNS.filter((column) => !FIXED.has(column))
  .map((column) => `${column} = excluded.${column}`)
  .join(", ")}
WHERE excluded.rev > executions.rev`;

const COMPLETE = `
UPDATE jobs SET state = 'completed', updated_at = max(updated_at, ?1)
WHERE id = ?2 AND state IN ('active', 'paused') AND deleted_at IS NULL AND schedule_from <= ?3`;

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
  for (const chunk of chunksOf(entries.map((entry) => ({ entry, row: toExecutionRow(entry.execution) })))) {
    const statements = chunk.flatMap(({ entry, row }) => statementsOf(db, entry, row));
    await repeated(deps, "history.record", () => db.batch(statements), signal);
    // The deadline has answered already, with "not recorded"; the actor will bring the rest again.
    if (signal.aborted) return false;
  }
  return true;
}

function statementsOf(db: D1Database, entry: HistoryEntry, row: ExecutionRow): D1PreparedStatement[] {
  const upsert = db.prepare(UPSERT).bind(...COLUMNS.map((column) => row[column]));
  const { execution } = entry;
  if (!entry.completesJob || !isFinished(execution.status)) return [upsert];
  const endedAtMs = execution.finishedAtMs ?? execution.scheduledForMs;
  return [upsert, db.prepare(COMPLETE).bind(endedAtMs, execution.jobId, execution.scheduledForMs)];
}

interface Writable {
  readonly entry: HistoryEntry;
  readonly row: ExecutionRow;
}

function chunksOf(items: readonly Writable[]): Writable[][] {
  const chunks: Writable[][] = [];
  let chunk: Writable[] = [];
  let characters = 0;
  for (const item of items) {
    const { attempts, output, workflow, start_options: start } = item.row;
    const size = attempts.length + (output?.length ?? 0) + (workflow?.length ?? 0) + (start?.length ?? 0);
    if (chunk.length === MOST_ENTRIES || (chunk.length > 0 && characters + size > MOST_CHARACTERS)) {
      chunks.push(chunk);
      chunk = [];
      characters = 0;
    }
    chunk.push(item);
    characters += size;
  }
  if (chunk.length > 0) chunks.push(chunk);
  return chunks;
}
