/** Questions about processes, and their end. Linux through /proc, others through ps and pgrep. */

import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";

/** A process, told apart from a later one that was given the same pid. */
export interface ProcessId {
  readonly pid: number;
  /** When it started, in a form that only compares. */
  readonly startedAt: string;
}

/** `null` when there is no such process, or only its zombie. */
export function identify(pid: number): ProcessId | null {
  const stat = readStat(pid);
  if (stat !== null) return stat.state === "Z" ? null : { pid, startedAt: stat.startTicks };
  if (process.platform === "linux") return null;
  const startedAt = tryRun("ps", ["-o", "lstart=", "-p", String(pid)]);
  return startedAt === "" ? null : { pid, startedAt };
}

export function isRunning(id: ProcessId): boolean {
  return identify(id.pid)?.startedAt === id.startedAt;
}

export function childrenOf(pid: number): readonly number[] {
  if (process.platform === "linux") {
    return readdirSync("/proc")
      .map(Number)
      .filter((candidate) => Number.isInteger(candidate) && readStat(candidate)?.parentPid === pid);
  }
  return tryRun("pgrep", ["-P", String(pid)])
    .split("\n")
    .filter((line) => line !== "")
    .map(Number);
}

/** Children, their children, and so on. */
export function descendantsOf(pid: number): readonly number[] {
  return childrenOf(pid).flatMap((child) => [child, ...descendantsOf(child)]);
}

/** Ends them at once; one that is gone already is no error. */
export function killNow(pids: readonly number[]): void {
  for (const pid of pids) {
    try {
      process.kill(pid, "SIGKILL");
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
    }
  }
}

function readStat(pid: number): { state: string; parentPid: number; startTicks: string } | null {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, "utf8");
    // The second field, the command, may hold blanks and brackets: count from its last bracket (proc_pid_stat(5)).
    const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
    const [state = "", parentPid = ""] = fields;
    return { state, parentPid: Number(parentPid), startTicks: fields[19] ?? "" };
  } catch {
    return null; // No such process, or no /proc here.
  }
}

function tryRun(command: string, args: readonly string[]): string {
  try {
    return execFileSync(command, args, { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] }).trim();
  } catch {
    return ""; // Both commands end with 1 for "nothing found".
  }
}
