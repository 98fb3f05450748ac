/** Fails when `migrations/` and `src/db/schema.ts` say different things, or when the migrations contradict each other. */

import { execFileSync } from "node:child_process";
import { cpSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { MIGRATIONS_DIR, ROOT } from "./lib/paths.ts";

const DRIZZLE_KIT = join(ROOT, "node_modules", "drizzle-kit", "bin.cjs");

/** drizzle-kit would write what is missing, so it works on a copy: whatever it adds there is missing here. */
const copy = mkdtempSync(join(tmpdir(), "carillon-migrations-"));
try {
  cpSync(MIGRATIONS_DIR, copy, { recursive: true });
  const before = sqlFiles(copy);
  // drizzle-kit puts "./" before whatever path it is given.
  const out = relative(ROOT, copy);
  drizzleKit("check", "--dialect", "sqlite", "--out", out);
  drizzleKit("generate", "--dialect", "sqlite", "--schema", "src/db/schema.ts", "--out", out);
  const missing = sqlFiles(copy).filter((name) => !before.includes(name));
  if (missing.length > 0) {
    process.stderr.write("src/db/schema.ts has changes that no migration makes. Run: npm run db:generate\n");
    process.exitCode = 1;
  } else {
    process.stdout.write(`${before.length} migrations, in sync with src/db/schema.ts\n`);
  }
} catch (error) {
  const { stdout, stderr } = error as { stdout?: string; stderr?: string };
  process.stderr.write(
    `drizzle-kit failed:\n${stdout ?? ""}${stderr ?? ""}${stdout === undefined ? String(error) : ""}\n`,
  );
  process.exitCode = 1;
} finally {
  rmSync(copy, { recursive: true, force: true });
}

function drizzleKit(...args: readonly string[]): void {
  execFileSync(process.execPath, [DRIZZLE_KIT, ...args], {
    cwd: ROOT,
    encoding: "utf8",
    stdio: ["ignore", "pipe", "pipe"],
  });
}

function sqlFiles(directory: string): readonly string[] {
  return readdirSync(directory).filter((name) => name.endsWith(".sql"));
}
