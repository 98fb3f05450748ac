/** Applies `migrations/*.sql` to a local D1, and records them just as `wrangler d1 migrations apply` does. */

import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

/** What this module needs of a D1 database; Miniflare's is a proxy of the real one. */
export interface MigratableDatabase {
  prepare(query: string): { run(): Promise<unknown>; all<Row>(): Promise<{ results: Row[] }> };
  batch(statements: unknown[]): Promise<unknown>;
}

/** In order, each once, each with its record in one transaction. Returns the names of those applied now. */
export async function applyMigrations(database: MigratableDatabase, directory: string): Promise<readonly string[]> {
  await database
    .prepare(
      `CREATE TABLE IF NOT EXISTS "d1_migrations"(
		id         INTEGER PRIMARY KEY AUTOINCREMENT,
		name       TEXT UNIQUE,
		applied_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP NOT NULL
);`,
    )
    .run();
  const { results } = await database.prepare(`SELECT name FROM "d1_migrations"`).all<{ name: string }>();
  const applied = new Set(results.map((row) => row.name));
  const due = migrationNames(directory).filter((name) => !applied.has(name));
  if (due.length === 0) return due;
  // Only now: importing wrangler costs more than a second.
  const { unstable_splitSqlQuery: splitSqlQuery } = await import("wrangler");
  for (const name of due) {
    const statements = splitSqlQuery(
      `${readFileSync(join(directory, name), "utf8")}\nINSERT INTO "d1_migrations" (name)\nvalues ('${name}');`,
    );
    await database.batch(statements.map((statement) => database.prepare(statement)));
  }
  return due;
}

function migrationNames(directory: string): readonly string[] {
  return readdirSync(directory)
    .filter((name) => name.endsWith(".sql"))
    .toSorted((a, b) => Number.parseInt(a, 10) - Number.parseInt(b, 10) || (a < b ? -1 : 1));
}
