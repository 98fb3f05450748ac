/**
 * One job in the SQLite of its object: loads a `JobState`, and saves one by writing what differs from the state saved
 * before.
 *
 * Rows written are what an execution costs, so one live execution sits in the same row as the schedule's cursor (`hot`):
 * a job that runs one execution at a time writes one row per event. Every further execution has a row of its own.
 * Columns: docs/storage-schema.md.
 */

import type { KeyChange, KnownKeys } from "../../domain/engine/dedupe.ts";
import type { Errand } from "../../domain/engine/errands.ts";
import type { JobState, LiveExecution, OwedRecord } from "../../domain/engine/state.ts";
import { withNextDue } from "../../domain/engine/state.ts";
import type { Execution } from "../../domain/execution/execution.ts";
import { type Job, PLAIN_JOB, QUEUE_DEFAULTS } from "../../domain/job/job.ts";
import { migrate } from "./jobMigrations.ts";
import { type Kept, KeptSizes } from "./keptSizes.ts";
import { changeStatements, type KeyRow, lookUpStatement, type Statement, toKnownKeys } from "./keyTable.ts";
import { deletionOf, keyIn, numberIn, slotOfKey, slotOfNumber, withoutSlot } from "./slots.ts";

/** The execution in the hot row, among the rows whose sizes are known. */
const INLINE = "inline";

/** Where a live execution is kept: its place in the queue, and whether in the hot row or in a row of its own. */
interface Place {
  readonly position: number;
  readonly inline: boolean;
}

/** A row of any table, its columns laid side by side. `place` is its key, by which its slot is known. */
export interface StoredRow extends Record<string, SqlStorageValue> {
  part: "hot" | "definitions" | "live" | "outbox" | "errands";
  place: number | string;
  number: number | null;
  position: number | null;
  text: string | null;
  created: number | null;
  created_before: number | null;
}

/** All but the keys, which are looked up one by one. The runtime takes at most five terms in a statement. */
const READ_ALL = `
SELECT 'hot' AS part, id AS place, cursor_ms AS number, inline_position AS position, inline_execution AS text, created, created_before FROM hot
UNION ALL SELECT 'definitions', version, NULL, NULL, definition, NULL, NULL FROM definitions
UNION ALL SELECT 'live', position, NULL, NULL, execution, NULL, NULL FROM live
UNION ALL SELECT 'outbox', id, NULL, NULL, record, NULL, NULL FROM outbox
UNION ALL SELECT 'errands', id, NULL, NULL, errand, NULL, NULL FROM errands`;

/** Keys to remember or to forget together with a state. */
export interface KeyChanges {
  readonly changes: readonly KeyChange[];
  readonly nowMs: number;
}
const NO_KEYS: KeyChanges = { changes: [], nowMs: 0 };

export interface RowCounts {
  read: number;
  written: number;
}

/**
 * What the object holds, slot by slot. Everything in one statement: a herd of jobs wakes cold, and each statement of each
 * of them counts.
 */
export function readSlots(sql: SqlStorage, counts: RowCounts): Map<number, StoredRow[]> {
  return Map.groupBy(readAll(sql, counts), ({ place }) =>
    typeof place === "number" ? slotOfNumber(place) : slotOfKey(place),
  );
}

/** Whose rows these are, also where nothing else can be read of them. */
export function jobIdIn(rows: readonly StoredRow[]): string | null {
  for (const { part, text } of rows) {
    const id = part === "definitions" ? /"id":"(job_\w+)"/.exec(text ?? "")?.[1] : undefined;
    if (id !== undefined) return id;
  }
  return null;
}

function readAll(sql: SqlStorage, counts: RowCounts): StoredRow[] {
  try {
    return rowsOf<StoredRow>(sql, counts, { sql: READ_ALL, bindings: [] });
  } catch (error) {
    // An object without a job, or one of a release that had fewer tables or columns.
    if (!/no such (table|column)/.test(String(error))) throw error;
  }
  const known = sql.exec("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'hot'").toArray();
  if (known.length === 0) return [];
  migrate(sql);
  return rowsOf<StoredRow>(sql, counts, { sql: READ_ALL, bindings: [] });
}

function rowsOf<Row extends Record<string, SqlStorageValue>>(
  sql: SqlStorage,
  counts: RowCounts,
  statement: Statement,
): Row[] {
  const cursor = sql.exec<Row>(statement.sql, ...statement.bindings);
  const rows = cursor.toArray();
  counts.read += cursor.rowsRead;
  return rows;
}

export class JobStore {
  readonly #storage: DurableObjectStorage;
  readonly #sql: SqlStorage;
  readonly #counts: RowCounts;
  readonly #slot: number;
  readonly #sizes: KeptSizes;
  #saved: JobState | null = null;
  #places = new Map<string, Place>();
  /** `created` as the hot row has it. */
  #hotCreated = 0;
  /** What the save under way has to write. */
  #statements: Statement[] = [];

  constructor(storage: DurableObjectStorage, counts: RowCounts, slot = 0, kept: Kept = { characters: 0 }) {
    this.#storage = storage;
    this.#sql = storage.sql;
    this.#counts = counts;
    this.#slot = slot;
    this.#sizes = new KeptSizes(kept);
  }

  /** The state as it was last saved; `null` for a slot that holds no job. */
  get saved(): JobState | null {
    return this.#saved;
  }

  load(rows = readSlots(this.#sql, this.#counts).get(this.#slot) ?? []): JobState | null {
    this.#sizes.clear();
    const hot = rows.find((row) => row.part === "hot");
    const definitions = partOf(rows, "definitions")
      .toSorted((a, b) => Number(a.place) - Number(b.place))
      .map((row): Job => ({ ...PLAIN_JOB, ...QUEUE_DEFAULTS, ...parse<Job>(row.text) }));
    const job = definitions.at(-1);
    if (!hot || !job) return null;

    const placed = partOf(rows, "live").map((row) => ({
      position: withoutSlot(Number(row.place)),
      inline: false,
      live: parseLive(row.text),
    }));
    if (hot.text !== null && hot.position !== null) {
      placed.push({ position: hot.position, inline: true, live: parseLive(hot.text) });
    }
    placed.sort((a, b) => a.position - b.position);
    this.#places = new Map(placed.map((each) => [each.live.execution.id, each]));
    this.#hotCreated = hot.created ?? 0;

    const owed = partOf(rows, "outbox").map((row) => withDefaults(parse<OwedRecord>(row.text)));
    const errands = partOf(rows, "errands").map((row) => parse<Errand>(row.text));
    this.#saved = withNextDue({
      job,
      olderVersions: new Map(definitions.slice(0, -1).map((each) => [each.version, each])),
      cursorMs: hot.number ?? 0,
      nextDueMs: null,
      live: new Map(placed.map(({ live }) => [live.execution.id, live])),
      outbox: new Map(owed.map((each) => [each.execution.id, each])),
      errands: new Map(errands.map((each) => [each.id, each])),
      created: Math.max(this.#hotCreated, placed.at(-1)?.position ?? 0),
      createdBefore: hot.created_before,
    });
    for (const { part, place, text } of rows) {
      if (part !== "definitions" && text !== null) this.#sizes.put(part === "hot" ? INLINE : place, text.length);
    }
    return this.#saved;
  }

  /** What is remembered of these keys. An object that holds no job has no table to ask. */
  lookUp(keys: readonly string[]): KnownKeys {
    if (keys.length === 0 || this.#saved === null) return new Map();
    const rows = rowsOf<KeyRow>(this.#sql, this.#counts, lookUpStatement(keys, this.#slot));
    return toKnownKeys(rows, this.#slot);
  }

  /**
   * Must run without an `await` around it, so that all of it and a `setAlarm` beside it commit as one. Of several statements
   * all or none count; one alone needs no transaction, and most saves are one.
   */
  save(next: JobState, keys: KeyChanges = NO_KEYS): void {
    if (this.#saved === null) migrate(this.#sql);
    const before = this.#saved;
    this.#statements = [];
    this.#saveDefinitions(before, next);
    this.#saveLive(before, next);
    this.#saveOutbox(before, next);
    this.#saveErrands(before, next);
    for (const change of keys.changes) this.#statements.push(...changeStatements(change, this.#slot, keys.nowMs));
    if (this.#statements.length > 1) this.#storage.transactionSync(() => this.#runAll());
    else this.#runAll();
    this.#saved = next;
  }

  /** Deletes what the job has in the tables. Must run without an `await` around it, as `save`. */
  erase(): void {
    if (this.#saved === null) return;
    this.#statements = [...deletionOf(this.#slot)];
    this.#storage.transactionSync(() => this.#runAll());
    this.forget();
  }

  /** Says that the object's storage was deleted. */
  forget(): void {
    this.#saved = null;
    this.#places = new Map();
    this.#hotCreated = 0;
    this.#sizes.clear();
  }

  #saveDefinitions(before: JobState | null, next: JobState): void {
    if (before?.job !== next.job) {
      this.#run(
        "INSERT INTO definitions (version, definition) VALUES (?, ?) ON CONFLICT (version) DO UPDATE SET definition = excluded.definition",
        numberIn(this.#slot, next.job.version),
        JSON.stringify(next.job),
      );
    }
    if (before === null || (before.job === next.job && before.olderVersions === next.olderVersions)) return;
    for (const version of [...before.olderVersions.keys(), before.job.version]) {
      if (version === next.job.version || next.olderVersions.has(version)) continue;
      this.#run("DELETE FROM definitions WHERE version = ?", numberIn(this.#slot, version));
    }
  }

  #saveLive(before: JobState | null, next: JobState): void {
    let hotChanged =
      before === null || before.cursorMs !== next.cursorMs || before.createdBefore !== next.createdBefore;
    // Within what was created since: so the row of a new execution says how many there are, and `hot` need not.
    let lastPosition = before?.created ?? 0;
    for (const id of before?.live.keys() ?? []) {
      if (next.live.has(id)) continue;
      const place = this.#places.get(id);
      this.#places.delete(id);
      if (place?.inline) hotChanged = true;
      else if (place) this.#delete("DELETE FROM live WHERE position = ?", numberIn(this.#slot, place.position));
    }
    let inlineTaken = [...this.#places.values()].some((place) => place.inline);
    for (const [id, live] of next.live) {
      if (before?.live.get(id) === live) continue;
      let place = this.#places.get(id);
      if (!place) {
        lastPosition += 1;
        place = { position: lastPosition, inline: !inlineTaken };
        this.#places.set(id, place);
        inlineTaken = true;
      }
      if (place.inline) hotChanged = true;
      else {
        this.#put(
          "INSERT INTO live (position, execution) VALUES (?, ?) ON CONFLICT (position) DO UPDATE SET execution = excluded.execution",
          numberIn(this.#slot, place.position),
          live,
        );
      }
    }
    if (hotChanged || this.#countIsLost(next)) this.#saveHot(next);
  }

  /** Whether no row would say any more how many executions there ever were. */
  #countIsLost(next: JobState): boolean {
    if (next.created === this.#hotCreated) return false;
    return [...this.#places.values()].every(({ position }) => position < next.created);
  }

  #saveHot(next: JobState): void {
    const inline = [...this.#places].find(([, place]) => place.inline);
    const live = inline && next.live.get(inline[0]);
    const text = live ? JSON.stringify(live) : null;
    this.#sizes.put(INLINE, text?.length ?? 0);
    this.#run(
      `INSERT INTO hot (id, cursor_ms, inline_position, inline_execution, created, created_before)
       VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO UPDATE SET cursor_ms = excluded.cursor_ms,
       inline_position = excluded.inline_position, inline_execution = excluded.inline_execution,
       created = excluded.created, created_before = excluded.created_before`,
      numberIn(this.#slot, 1),
      next.cursorMs,
      inline?.[1].position ?? null,
      text,
      next.created,
      next.createdBefore,
    );
    this.#hotCreated = next.created;
  }

  #saveOutbox(before: JobState | null, next: JobState): void {
    if (before?.outbox === next.outbox) return;
    for (const id of before?.outbox.keys() ?? []) {
      if (!next.outbox.has(id)) this.#delete("DELETE FROM outbox WHERE id = ?", keyIn(this.#slot, id));
    }
    for (const [id, owed] of next.outbox) {
      if (before?.outbox.get(id) === owed) continue;
      this.#put(
        "INSERT INTO outbox (id, record) VALUES (?, ?) ON CONFLICT (id) DO UPDATE SET record = excluded.record",
        keyIn(this.#slot, id),
        owed,
      );
    }
  }

  #saveErrands(before: JobState | null, next: JobState): void {
    if (before?.errands === next.errands) return;
    for (const id of before?.errands.keys() ?? []) {
      if (!next.errands.has(id)) this.#delete("DELETE FROM errands WHERE id = ?", keyIn(this.#slot, id));
    }
    for (const [id, errand] of next.errands) {
      if (before?.errands.get(id) === errand) continue;
      this.#put(
        "INSERT INTO errands (id, errand) VALUES (?, ?) ON CONFLICT (id) DO UPDATE SET errand = excluded.errand",
        keyIn(this.#slot, id),
        errand,
      );
    }
  }

  /** Writes a row whose size counts. Should the save fail, all sizes are taken from the rows again (`load`). */
  #put(sql: string, place: number | string, value: object): void {
    const text = JSON.stringify(value);
    this.#sizes.put(place, text.length);
    this.#run(sql, place, text);
  }

  #delete(sql: string, place: number | string): void {
    this.#sizes.drop(place);
    this.#run(sql, place);
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
}

/** The rows of one table; all but `hot` have their `text`. */
function partOf(rows: readonly StoredRow[], part: StoredRow["part"]): (StoredRow & { text: string })[] {
  return rows.filter((row): row is StoredRow & { text: string } => row.part === part && row.text !== null);
}

/** The store reads back only what it wrote, in a form that later releases extend but never change. */
function parse<T>(text: string): T {
  return JSON.parse(text) as T;
}

/** Rows of releases that knew neither steps nor options of a start lack what belongs to them. */
function parseLive(text: string): LiveExecution {
  const stored = parse<LiveExecution>(text);
  return withDefaults({ ...stored, key: stored.key ?? null, early: stored.early ?? {} });
}

function withDefaults<T extends { readonly execution: Execution }>(stored: T): T {
  const { execution } = stored;
  const { parent = null, workflow = null, start = null } = execution;
  return { ...stored, execution: { ...execution, parent, workflow, start } };
}
