/**
 * The Worker as one file in `dist/`, made by wrangler itself: what runs locally is byte for byte what is deployed.
 *
 * `wrangler deploy --dry-run` takes about 1.5 s, most of it wrangler's own start; esbuild alone would take 0.2 s, but its
 * options, conditions and shims would then be our copy of wrangler's.
 */

import { spawn } from "node:child_process";
import { mkdir, mkdtemp, readdir, rename, rm, stat, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { DIST_DIR, ROOT, WORKER_BUNDLE, WORKER_OPTIONS, WRANGLER_BIN, WRANGLER_CONFIG } from "./paths.ts";
import { readWorkerOptions } from "./workerOptions.ts";

const SOURCES = ["src", "wrangler.toml", "tsconfig.json", "package-lock.json"];

/** Builds, and returns what wrangler said about it. Rejects with wrangler's whole output when it fails. */
export async function buildWorker(): Promise<string> {
  const startedAt = new Date();
  await mkdir(DIST_DIR, { recursive: true });
  const outDir = await mkdtemp(join(DIST_DIR, ".build-"));
  try {
    const [output, workerOptions] = await Promise.all([
      runWrangler(["deploy", "--dry-run", "--outdir", outDir]),
      readWorkerOptions(WRANGLER_CONFIG),
    ]);
    await writeFile(join(outDir, "worker.options.json"), JSON.stringify(workerOptions));
    // By rename, so that another process that starts at this moment never reads half a file. The bundle comes last: its
    // age stands for all three.
    await rename(join(outDir, "worker.options.json"), WORKER_OPTIONS);
    await rename(join(outDir, "worker.js.map"), `${WORKER_BUNDLE}.map`);
    await rename(join(outDir, "worker.js"), WORKER_BUNDLE);
    // As old as the sources that it was made of: one that was saved during the build makes it stale.
    await utimes(WORKER_BUNDLE, startedAt, startedAt);
    return output;
  } finally {
    await rm(outDir, { recursive: true, force: true });
  }
}

/** Builds if any source is newer than the bundle; says whether it did. */
export async function buildWorkerIfStale(): Promise<boolean> {
  const builtAtMs = await modifiedAtMs(WORKER_BUNDLE);
  if (builtAtMs !== null && builtAtMs > (await newestSourceMs())) return false;
  await buildWorker();
  return true;
}

async function newestSourceMs(): Promise<number> {
  const times = await Promise.all(SOURCES.map((source) => newestIn(join(ROOT, source))));
  return Math.max(...times);
}

/** Directories count too: theirs is the time that changes when a file is deleted. */
async function newestIn(path: string): Promise<number> {
  const info = await stat(path).catch(() => null);
  if (info === null) return 0;
  if (!info.isDirectory()) return path.endsWith(".test.ts") ? 0 : info.mtimeMs;
  const names = await readdir(path);
  const times = await Promise.all(names.map((name) => newestIn(join(path, name))));
  return Math.max(info.mtimeMs, ...times);
}

async function modifiedAtMs(path: string): Promise<number | null> {
  const info = await stat(path).catch(() => null);
  return info?.mtimeMs ?? null;
}

/** Resolves to what wrangler wrote; rejects with it when it fails. */
export function runWrangler(args: readonly string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [WRANGLER_BIN, ...args], {
      cwd: ROOT,
      stdio: ["ignore", "pipe", "pipe"],
      env: { ...process.env, WRANGLER_SEND_METRICS: "false", NO_COLOR: "1", FORCE_COLOR: "0" },
    });
    let output = "";
    child.stdout.setEncoding("utf8").on("data", (chunk: string) => (output += chunk));
    child.stderr.setEncoding("utf8").on("data", (chunk: string) => (output += chunk));
    child.on("error", reject);
    child.on("close", (code) => {
      if (code === 0) resolve(output);
      else reject(new Error(`The Worker could not be built (wrangler ended with ${code}):\n${output}`));
    });
  });
}
