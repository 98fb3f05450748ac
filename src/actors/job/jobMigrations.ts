/** The schema of an actor's SQLite, as an ordered list that only grows. */

const MIGRATIONS: readonly string[] = [
  // `id` is always 1. `definitions` holds the newest version and those that running executions started under.
  `CREATE TABLE hot (id INTEGER PRIMARY KEY, cursor_ms INTEGER NOT NULL, inline_position INTEGER, inline_execution TEXT);
   CREATE TABLE definitions (version INTEGER PRIMARY KEY, definition TEXT NOT NULL);
   CREATE TABLE live (position INTEGER PRIMARY KEY, execution TEXT NOT NULL);
   CREATE TABLE outbox (id TEXT PRIMARY KEY, record TEXT NOT NULL) WITHOUT ROWID;`,
  // What executions with steps need: errands to other actors, and events that started an execution already.
  `CREATE TABLE errands (id TEXT PRIMARY KEY, errand TEXT NOT NULL) WITHOUT ROWID;
   CREATE TABLE dedupe (key TEXT PRIMARY KEY, execution_id TEXT NOT NULL, until_ms INTEGER NOT NULL) WITHOUT ROWID;`,
  // How many executions there ever were. Places in the queue were given out one by one and had no other use.
  `ALTER TABLE hot ADD COLUMN created INTEGER NOT NULL DEFAULT 0;
   ALTER TABLE hot ADD COLUMN created_before INTEGER;
   UPDATE hot SET created = max(coalesce(inline_position, 0), coalesce((SELECT max(position) FROM live), 0));`,
];

/** Brings the schema up to date. Runs at the first save of a new actor and at every load of an old one; cheap when current. */
export function migrate(sql: SqlStorage): void {
  sql.exec("CREATE TABLE IF NOT EXISTS _migrations (version INTEGER PRIMARY KEY)");
  const [row] = sql.exec<{ version: number | null }>("SELECT max(version) AS version FROM _migrations").toArray();
  const done = row?.version ?? 0;
  for (const [index, statements] of MIGRATIONS.entries()) {
    const version = index + 1;
    if (version <= done) continue;
    sql.exec(statements);
    sql.exec("INSERT INTO _migrations (version) VALUES (?)", version);
  }
}
