/** Which machine and which runtime the numbers are from. */

import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { cpus, release, totalmem, type } from "node:os";
import { join } from "node:path";
import { ROOT } from "../../scripts/lib/paths.ts";

export interface Machine {
  readonly cores: number;
  readonly cpu: string;
  readonly memoryGiB: number;
  readonly system: string;
  readonly node: string;
  readonly workerd: string;
  readonly miniflare: string;
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
    commit: commit(),
  };
}

export function machineLine(machine: Machine): string {
  const { cores, cpu, memoryGiB, system, node, workerd, miniflare, commit } = machine;
  return (
    `${cores} cores (${cpu}), ${memoryGiB} GiB, ${system}, Node ${node}, workerd ${workerd}, Miniflare ${miniflare}` +
    (commit === null ? "" : `, commit ${commit}`)
  );
}

function packageVersion(name: string): string {
  const path = join(ROOT, "node_modules", name, "package.json");
  return (JSON.parse(readFileSync(path, "utf8")) as { version: string }).version;
}

function commit(): string | null {
  const git = (...args: string[]) =>
    execFileSync("git", args, { cwd: ROOT, encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] }).trim();
  try {
    return git("rev-parse", "--short", "HEAD") + (git("status", "--porcelain", "--", "src", "wrangler.toml") ? "+" : "");
  } catch {
    return null;
  }
}

/** The runtime itself, for a start without Miniflare. */
export function workerdBinary(): string {
  const workerd = createRequire(join(ROOT, "package.json"))("workerd") as { default: string };
  return workerd.default;
}
