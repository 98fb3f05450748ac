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

interface HotRow extends Record<string, SqlStorageValue> {
  cursor_ms: number;
  inline_position: number | null;
  inline_execution: string | null;
}

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
    const known = this.#sql.exec("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'hot'").toArray();
    if (known.length === 0) return null;
    migrate(this.#sql);
    const [hot] = this.#all<HotRow>("SELECT cursor_ms, inline_position, inline_execution FROM hot WHERE id = 1");
    const definitions = this.#all<{ version: number; definition: string }>(
      "SELECT version, definition FROM definitions ORDER BY version",
    ).map((row): Job => ({ ...PLAIN_JOB, ...parse<Job>(row.definition) }));
    const job = definitions.at(-1);
    if (!hot || !job) return null;

    const rows = this.#all<{ position: number; execution: string }>("SELECT position, execution FROM live").map(
      (row) => ({ position: row.position, inline: false, live: parseLive(row.execution) }),
    );
    if (hot.inline_execution !== null && hot.inline_position !== null) {
      const live = parseLive(hot.inline_execution);
      rows.push({ position: hot.inline_position, inline: true, live });
    }
    rows.sort((a, b) => a.position - b.position);
    this.#places = new Map(rows.map((row) => [row.live.execution.id, row]));
    this.#lastPosition = rows.at(-1)?.position ?? 0;

    const owed = this.#all<{ record: string }>("SELECT record FROM outbox ORDER BY id").map((row) =>
      withDefaults(parse<OwedRecord>(row.record)),
    );
    const errands = this.#all<{ errand: string }>("SELECT errand FROM errands").map((row) => parse<Errand>(row.errand));
    const dedupe = this.#all<{ key: string; execution_id: string; until_ms: number }>(
      "SELECT key, execution_id, until_ms FROM dedupe",
    );
    this.#saved = withNextDue({
      job,
      olderVersions: new Map(definitions.slice(0, -1).map((each) => [each.version, each])),
      cursorMs: hot.cursor_ms,
      nextDueMs: null,
      live: new Map(rows.map(({ live }) => [live.execution.id, live])),
      outbox: new Map(owed.map((each) => [each.execution.id, each])),
      errands: new Map(errands.map((each) => [each.id, each])),
      dedupe: new Map(dedupe.map((row) => [row.key, { executionId: row.execution_id, untilMs: row.until_ms }])),
    });
    return this.#saved;
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
