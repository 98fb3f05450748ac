/**
 * The actor's own SQLite: loads a `JobState`, and saves one by writing what differs from the state saved before.
 *
 * Rows written are what an execution costs, so one live execution sits in the same row as the schedule's cursor (`hot`):
 * a job that runs one execution at a time writes one row per event. Every further execution has a row of its own.
 * Columns: docs/storage-schema.md.
 */

import type { Errand } from "../../domain/engine/errands.ts";
import type { JobState, LiveExecution, OwedRecord } from "../../domain/engine/state.ts";
import { withNextDue } from "../../domain/engine/state.ts";
import type { Execution } from "../../domain/execution/execution.ts";
import { type Job, PLAIN_JOB } from "../../domain/job/job.ts";
import { migrate } from "./jobMigrations.ts";

/** Where a live execution is kept: its place in the queue, and whether in the hot row or in a row of its own. */
interface Place {
  readonly position: number;
  readonly inline: boolean;
}

/** A row of any table, its columns laid side by side. */
interface StoredRow extends Record<string, SqlStorageValue> {
  part: "hot" | "definitions" | "live" | "outbox" | "errands" | "dedupe";
  number: number | null;
  position: number | null;
  id: string | null;
  text: string | null;
}

/** Two statements, because the runtime takes at most five terms in one (found by trying; SQLITE_LIMIT_COMPOUND_SELECT). */
const READ_JOB = `
SELECT 'hot' AS part, cursor_ms AS number, inline_position AS position, NULL AS id, inline_execution AS text FROM hot
UNION ALL SELECT 'definitions', version, NULL, NULL, definition FROM definitions
UNION ALL SELECT 'live', NULL, position, NULL, execution FROM live
UNION ALL SELECT 'outbox', NULL, NULL, id, record FROM outbox`;
const READ_REST = `
SELECT 'errands' AS part, NULL AS number, NULL AS position, id, errand AS text FROM errands
UNION ALL SELECT 'dedupe', until_ms, NULL, key, execution_id FROM dedupe`;

export interface RowCounts {
  read: number;
  written: number;
}

export class JobStore {
  readonly #storage: DurableObjectStorage;
  readonly #sql: SqlStorage;
  readonly #counts: RowCounts;
  #saved: JobState | null = null;
  #places = new Map<string, Place>();
  #lastPosition = 0;
  /** What the save under way has to write. */
  #statements: { readonly sql: string; readonly bindings: readonly SqlStorageValue[] }[] = [];

  constructor(storage: DurableObjectStorage, counts: RowCounts) {
    this.#storage = storage;
    this.#sql = storage.sql;
    this.#counts = counts;
  }

  /** The state as it was last saved; `null` for an object that holds no job. */
  get saved(): JobState | null {
    return this.#saved;
  }

  load(): JobState | null {
    const rows = this.#readAll();
    const hot = rows.find((row) => row.part === "hot");
    const definitions = partOf(rows, "definitions")
      .toSorted((a, b) => (a.number ?? 0) - (b.number ?? 0))
      .map((row): Job => ({ ...PLAIN_JOB, ...parse<Job>(row.text) }));
    const job = definitions.at(-1);
    if (!hot || !job) return null;

    const placed = partOf(rows, "live").map((row) => ({
      position: row.position ?? 0,
      inline: false,
      live: parseLive(row.text),
    }));
    if (hot.text !== null && hot.position !== null) {
      placed.push({ position: hot.position, inline: true, live: parseLive(hot.text) });
    }
    placed.sort((a, b) => a.position - b.position);
    this.#places = new Map(placed.map((each) => [each.live.execution.id, each]));
    this.#lastPosition = placed.at(-1)?.position ?? 0;

    const owed = partOf(rows, "outbox").map((row) => withDefaults(parse<OwedRecord>(row.text)));
    const errands = partOf(rows, "errands").map((row) => parse<Errand>(row.text));
    const dedupe = partOf(rows, "dedupe");
    this.#saved = withNextDue({
      job,
      olderVersions: new Map(definitions.slice(0, -1).map((each) => [each.version, each])),
      cursorMs: hot.number ?? 0,
      nextDueMs: null,
      live: new Map(placed.map(({ live }) => [live.execution.id, live])),
      outbox: new Map(owed.map((each) => [each.execution.id, each])),
      errands: new Map(errands.map((each) => [each.id, each])),
      dedupe: new Map(dedupe.map((row) => [row.id ?? "", { executionId: row.text, untilMs: row.number ?? 0 }])),
    });
    return this.#saved;
  }

  /** Everything in two statements: a herd of jobs wakes cold, and each statement of each of them counts. */
  #readAll(): StoredRow[] {
    const readBoth = () => [...this.#all<StoredRow>(READ_JOB), ...this.#all<StoredRow>(READ_REST)];
    try {
      return readBoth();
    } catch (error) {
      // An object without a job, or one of a release that had fewer tables.
      if (!String(error).includes("no such table")) throw error;
    }
    const known = this.#sql.exec("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'hot'").toArray();
    if (known.length === 0) return [];
    migrate(this.#sql);
    return readBoth();
  }

  /**
   * Must run without an `await` around it, so that all of it and a `setAlarm` beside it commit as one. Of several statements
   * all or none count; one alone needs no transaction, and most saves are one.
   */
  save(next: JobState): void {
    if (this.#saved === null) migrate(this.#sql);
    const before = this.#saved;
    this.#statements = [];
    this.#saveDefinitions(before, next);
    this.#saveLive(before, next);
    this.#saveOutbox(before, next);
    this.#saveErrands(before, next);
    this.#saveDedupe(before, next);
    if (this.#statements.length > 1) this.#storage.transactionSync(() => this.#runAll());
    else this.#runAll();
    this.#saved = next;
  }

  /** Says that the object's storage was deleted. */
  forget(): void {
    this.#saved = null;
    this.#places = new Map();
    this.#lastPosition = 0;
  }

  #saveDefinitions(before: JobState | null, next: JobState): void {
    if (before?.job !== next.job) {
      this.#run(
        "INSERT INTO definitions (version, definition) VALUES (?, ?) ON CONFLICT (version) DO UPDATE SET definition = excluded.definition",
        next.job.version,
        JSON.stringify(next.job),
      );
    }
    if (before === null || (before.job === next.job && before.olderVersions === next.olderVersions)) return;
    for (const version of [...before.olderVersions.keys(), before.job.version]) {
      if (version === next.job.version || next.olderVersions.has(version)) continue;
      this.#run("DELETE FROM definitions WHERE version = ?", version);
    }
  }

  #saveLive(before: JobState | null, next: JobState): void {
    let hotChanged = before === null || before.cursorMs !== next.cursorMs;
    for (const id of before?.live.keys() ?? []) {
      if (next.live.has(id)) continue;
      const place = this.#places.get(id);
      this.#places.delete(id);
      if (place?.inline) hotChanged = true;
      else if (place) this.#run("DELETE FROM live WHERE position = ?", place.position);
    }
    let inlineTaken = [...this.#places.values()].some((place) => place.inline);
    for (const [id, live] of next.live) {
      if (before?.live.get(id) === live) continue;
      let place = this.#places.get(id);
      if (!place) {
        this.#lastPosition += 1;
        place = { position: this.#lastPosition, inline: !inlineTaken };
        this.#places.set(id, place);
        inlineTaken = true;
      }
      if (place.inline) hotChanged = true;
      else {
        this.#run(
          "INSERT INTO live (position, execution) VALUES (?, ?) ON CONFLICT (position) DO UPDATE SET execution = excluded.execution",
          place.position,
          JSON.stringify(live),
        );
      }
    }
    if (hotChanged) this.#saveHot(next);
  }

  #saveHot(next: JobState): void {
    const inline = [...this.#places].find(([, place]) => place.inline);
    const live = inline && next.live.get(inline[0]);
    this.#run(
      "INSERT INTO hot (id, cursor_ms, inline_position, inline_execution) VALUES (1, ?, ?, ?) ON CONFLICT (id) DO UPDATE SET cursor_ms = excluded.cursor_ms, inline_position = excluded.inline_position, inline_execution = excluded.inline_execution",
      next.cursorMs,
      inline?.[1].position ?? null,
      live ? JSON.stringify(live) : null,
    );
  }

  #saveOutbox(before: JobState | null, next: JobState): void {
    if (before?.outbox === next.outbox) return;
    for (const id of before?.outbox.keys() ?? []) {
      if (!next.outbox.has(id)) this.#run("DELETE FROM outbox WHERE id = ?", id);
    }
    for (const [id, owed] of next.outbox) {
      if (before?.outbox.get(id) === owed) continue;
      this.#run(
        "INSERT INTO outbox (id, record) VALUES (?, ?) ON CONFLICT (id) DO UPDATE SET record = excluded.record",
        id,
        JSON.stringify(owed),
      );
    }
  }

  #saveErrands(before: JobState | null, next: JobState): void {
    if (before?.errands === next.errands) return;
    for (const id of before?.errands.keys() ?? []) {
      if (!next.errands.has(id)) this.#run("DELETE FROM errands WHERE id = ?", id);
    }
    for (const [id, errand] of next.errands) {
      if (before?.errands.get(id) === errand) continue;
      this.#run(
        "INSERT INTO errands (id, errand) VALUES (?, ?) ON CONFLICT (id) DO UPDATE SET errand = excluded.errand",
        id,
        JSON.stringify(errand),
      );
    }
  }

  #saveDedupe(before: JobState | null, next: JobState): void {
    if (before?.dedupe === next.dedupe) return;
    for (const key of before?.dedupe.keys() ?? []) {
      if (!next.dedupe.has(key)) this.#run("DELETE FROM dedupe WHERE key = ?", key);
    }
    for (const [key, { executionId, untilMs }] of next.dedupe) {
      if (before?.dedupe.get(key)?.executionId === executionId) continue;
      this.#run(
        "INSERT INTO dedupe (key, execution_id, until_ms) VALUES (?, ?, ?) ON CONFLICT (key) DO UPDATE SET execution_id = excluded.execution_id, until_ms = excluded.until_ms",
        key,
        executionId,
        untilMs,
      );
    }
  }

  #run(sql: string, ...bindings: SqlStorageValue[]): void {
    this.#statements.push({ sql, bindings });
  }

  #runAll(): void {
    for (const { sql, bindings } of this.#statements) {
      const cursor = this.#sql.exec(sql, ...bindings);
      this.#counts.written += cursor.rowsWritten;
      this.#counts.read += cursor.rowsRead;
    }
  }

  #all<Row extends Record<string, SqlStorageValue>>(sql: string): Row[] {
    const cursor = this.#sql.exec<Row>(sql);
    const rows = cursor.toArray();
    this.#counts.read += cursor.rowsRead;
    return rows;
  }
}

/** The rows of one table; all but `hot` have their `text`. */
function partOf(rows: readonly StoredRow[], part: StoredRow["part"]): (StoredRow & { text: string })[] {
  return rows.filter((row): row is StoredRow & { text: string } => row.part === part && row.text !== null);
}

/** The store reads back only what it wrote, in a form that later releases extend but never change. */
function parse<T>(text: string): T {
  return JSON.parse(text) as T;
}

/** Rows of releases that knew no steps lack what belongs to them. */
function parseLive(text: string): LiveExecution {
  const stored = parse<LiveExecution>(text);
  return withDefaults({ ...stored, key: stored.key ?? null, early: stored.early ?? {} });
}

function withDefaults<T extends { readonly execution: Execution }>(stored: T): T {
  const { execution } = stored;
  const parent = execution.parent ?? null;
  return { ...stored, execution: { ...execution, parent, workflow: execution.workflow ?? null } };
}
