/**
 * The schema of an actor's SQLite: what a new object gets at once, and the upgrades by which an older one comes to the same.
 * A table costs two written rows, an upgrade one or more: a job that lives for one execution is not to pay for history.
 */

/** One row of `hot` for each slot (`slots.ts`). `definitions` holds the newest version and those that running executions started under. */
const SCHEMA = `
CREATE TABLE hot (id INTEGER PRIMARY KEY, cursor_ms INTEGER NOT NULL, inline_position INTEGER, inline_execution TEXT,
  created INTEGER NOT NULL DEFAULT 0, created_before INTEGER);
CREATE TABLE definitions (version INTEGER PRIMARY KEY, definition TEXT NOT NULL);
CREATE TABLE live (position INTEGER PRIMARY KEY, execution TEXT NOT NULL);
CREATE TABLE outbox (id TEXT PRIMARY KEY, record TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE errands (id TEXT PRIMARY KEY, errand TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE dedupe (key TEXT PRIMARY KEY, execution_id TEXT NOT NULL, until_ms INTEGER NOT NULL) WITHOUT ROWID;`;

/** From version 1 to 2, from 2 to 3, …: only grows. */
const UPGRADES: readonly string[] = [
  // What executions with steps need: errands to other actors, and events that started an execution already.
  `CREATE TABLE errands (id TEXT PRIMARY KEY, errand TEXT NOT NULL) WITHOUT ROWID;
   CREATE TABLE dedupe (key TEXT PRIMARY KEY, execution_id TEXT NOT NULL, until_ms INTEGER NOT NULL) WITHOUT ROWID;`,
  // How many executions there ever were. Places in the queue were given out one by one and had no other use.
  `ALTER TABLE hot ADD COLUMN created INTEGER NOT NULL DEFAULT 0;
   ALTER TABLE hot ADD COLUMN created_before INTEGER;
   UPDATE hot SET created = max(coalesce(inline_position, 0), coalesce((SELECT max(position) FROM live), 0));`,
];
const NEWEST = UPGRADES.length + 1;

/** Brings the schema up to date. Runs at the first save of a new actor, and at the load of one that lacks something. */
export function migrate(sql: SqlStorage): void {
  sql.exec("CREATE TABLE IF NOT EXISTS _migrations (version INTEGER PRIMARY KEY)");
  const [row] = sql.exec<{ version: number | null }>("SELECT max(version) AS version FROM _migrations").toArray();
  const version = row?.version ?? 0;
  if (version === NEWEST) return;
  if (version === 0) sql.exec(SCHEMA);
  else for (const upgrade of UPGRADES.slice(version - 1)) sql.exec(upgrade);
  sql.exec("INSERT INTO _migrations (version) VALUES (?)", NEWEST);
}
