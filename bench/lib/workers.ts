/**
 * The Workers that are measured: Carillon's deployed bundle, the bare ones that it is compared with, and Carillon with
 * every use of the platform counted. All run with the compatibility and the queue settings of `wrangler.toml`, and all are
 * bundled by wrangler.
 */

import { mkdirSync, writeFileSync } from "node:fs";
import { join, relative } from "node:path";
import { DIST_DIR, MIGRATIONS_DIR, ROOT, WRANGLER_CONFIG } from "../../scripts/lib/paths.ts";
import { buildWorkerIfStale, runWrangler } from "../../scripts/lib/workerBundle.ts";

/** As `startLocalInstance` takes it; `null` for Carillon's own bundle. */
export type BuiltWorker = {
  readonly script: string;
  readonly configPath: string;
  readonly migrationsDir: string | null;
} | null;

const WORKERS_DIR = join(ROOT, "bench", "workers");
const BUILD_DIR = join(DIST_DIR, "bench");

export async function buildCarillon(): Promise<BuiltWorker> {
  await buildWorkerIfStale();
  return null;
}

/** Carillon from `countedEntry.ts`, with Carillon's own configuration. */
export async function buildCounted(): Promise<BuiltWorker> {
  return {
    script: await bundle("countedEntry", WRANGLER_CONFIG),
    configPath: WRANGLER_CONFIG,
    migrationsDir: MIGRATIONS_DIR,
  };
}

/** A Worker of `bench/workers/`, with one queue, Carillon's database, and one class of objects if it has any. */
export async function buildBare(
  name: "bareQueue" | "bareFetch" | "bareAlarm" | "bareKept",
  className: string | null,
): Promise<BuiltWorker> {
  const { unstable_readConfig: readConfig } = await import("wrangler");
  const carillon = readConfig({ config: WRANGLER_CONFIG });
  const [shortQueue] = carillon.queues.consumers ?? [];
  if (shortQueue === undefined) throw new Error("wrangler.toml configures no queue consumer.");
  const queue = `${name.toLowerCase()}-executions`;
  const config = {
    name: name.toLowerCase(),
    main: relative(BUILD_DIR, join(WORKERS_DIR, `${name}.ts`)),
    compatibility_date: carillon.compatibility_date,
    compatibility_flags: carillon.compatibility_flags,
    d1_databases: [{ binding: "DB", database_name: name.toLowerCase(), database_id: name.toLowerCase() }],
    queues: { producers: [{ binding: "QUEUE", queue }], consumers: [{ ...shortQueue, queue }] },
    ...(className === null
      ? {}
      : {
          durable_objects: { bindings: [{ name: "OBJECTS", class_name: className }] },
          migrations: [{ tag: "v1", new_sqlite_classes: [className] }],
        }),
  };
  mkdirSync(BUILD_DIR, { recursive: true });
  const configPath = join(BUILD_DIR, `${name}.json`);
  writeFileSync(configPath, JSON.stringify(config, null, 2));
  return { script: await bundle(name, configPath), configPath, migrationsDir: MIGRATIONS_DIR };
}

async function bundle(name: string, configPath: string): Promise<string> {
  const outDir = join(BUILD_DIR, name);
  const entry = join(WORKERS_DIR, `${name}.ts`);
  await runWrangler(["deploy", entry, "--dry-run", "--outdir", outDir, "--config", configPath]);
  return join(outDir, `${name}.js`);
}
