/** Which machine and which runtime the numbers are from. */

import { execFileSync } from "node:child_process";
import { closeSync, fsyncSync, mkdtempSync, openSync, readFileSync, rmSync, writeSync } from "node:fs";
import { createRequire } from "node:module";
import { cpus, release, tmpdir, totalmem, type } from "node:os";
import { join } from "node:path";
import { ROOT } from "../../scripts/lib/paths.ts";
import { median } from "./stats.ts";

const FSYNCS = 100;

export interface Machine {
  readonly cores: number;
  readonly cpu: string;
  readonly memoryGiB: number;
  readonly system: string;
  readonly node: string;
  readonly workerd: string;
  readonly miniflare: string;
  /** Median of one `fsync` where instances keep their data: objects and D1 wait for one at every commit. */
  readonly fsyncMs: number;
  /** Short commit of the checkout, with `+` when files differ from it; `null` outside of git. */
  readonly commit: string | null;
}

export function describeMachine(): Machine {
  const [first] = cpus();
  return {
    cores: cpus().length,
    cpu: first?.model.trim() ?? "unknown",
    memoryGiB: Math.round(totalmem() / 1024 ** 3),
    system: `${type()} ${release()}`,
    node: process.versions.node,
    workerd: packageVersion("workerd"),
    miniflare: packageVersion("miniflare"),
    fsyncMs: fsyncMs(),
    commit: commit(),
  };
}

/** What stays the same from one measurement to the next. */
export function machineLine({ cores, cpu, memoryGiB, system, node, workerd, miniflare }: Machine): string {
  return `${cores} cores (${cpu}), ${memoryGiB} GiB, ${system}, Node ${node}, workerd ${workerd}, Miniflare ${miniflare}`;
}

/** What does not. */
export function conditionsLine({ fsyncMs, commit }: Machine): string {
  return `one fsync ${fsyncMs.toFixed(2)} ms${commit === null ? "" : `, commit ${commit}`}`;
}

function fsyncMs(): number {
  const directory = mkdtempSync(join(tmpdir(), "carillon-bench-"));
  const page = Buffer.alloc(4_096, 1);
  const file = openSync(join(directory, "probe"), "w");
  try {
    const samples = Array.from({ length: FSYNCS }, () => {
      writeSync(file, page);
      const startedAtMs = performance.now();
      fsyncSync(file);
      return performance.now() - startedAtMs;
    });
    return median(samples);
  } finally {
    closeSync(file);
    rmSync(directory, { recursive: true, force: true });
  }
}

function packageVersion(name: string): string {
  const path = join(ROOT, "node_modules", name, "package.json");
  return (JSON.parse(readFileSync(path, "utf8")) as { version: string }).version;
}

function commit(): string | null {
  const git = (...args: string[]) =>
    execFileSync("git", args, { cwd: ROOT, encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] }).trim();
  try {
    return (
      git("rev-parse", "--short", "HEAD") + (git("status", "--porcelain", "--", "src", "wrangler.toml") ? "+" : "")
    );
  } catch {
    return null;
  }
}

/** The runtime itself, for a start without Miniflare. */
export function workerdBinary(): string {
  const workerd = createRequire(join(ROOT, "package.json"))("workerd") as { default: string };
  return workerd.default;
}
