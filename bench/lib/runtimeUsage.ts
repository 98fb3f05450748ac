/** What a workerd process has used so far. From /proc; other systems cannot tell, and get `null`. */

import { readdirSync, readFileSync } from "node:fs";
import { childrenOf } from "../../scripts/lib/processes.ts";

export interface RuntimeUsage {
  /** CPU time of all threads. Local, so it holds Miniflare's stand-ins for D1 and queues as well as the Worker. */
  readonly cpuMs: number | null;
  readonly peakRssMiB: number | null;
}

export function usageOf(pid: number | null): RuntimeUsage {
  if (pid === null) return { cpuMs: null, peakRssMiB: null };
  return { cpuMs: cpuMsOf(pid), peakRssMiB: peakRssMiBOf(pid) };
}

/** The workerd processes that this process has started. */
export function runtimePids(): readonly number[] {
  return childrenOf(process.pid).filter((pid) => readOrNull(`/proc/${pid}/comm`)?.trim() === "workerd");
}

/** Nanoseconds on a CPU, the first field of each thread's schedstat: `stat` counts in ticks of 10 ms. */
function cpuMsOf(pid: number): number | null {
  try {
    const threads = readdirSync(`/proc/${pid}/task`);
    const nanoseconds = threads.map((thread) =>
      Number(readOrNull(`/proc/${pid}/task/${thread}/schedstat`)?.split(" ")[0]),
    );
    return nanoseconds.reduce((sum, each) => sum + (Number.isFinite(each) ? each : 0), 0) / 1_000_000;
  } catch {
    return null; // No such process, or no /proc here.
  }
}

function peakRssMiBOf(pid: number): number | null {
  const kibibytes = /^VmHWM:\s+(\d+) kB$/m.exec(readOrNull(`/proc/${pid}/status`) ?? "")?.[1];
  return kibibytes === undefined ? null : Number(kibibytes) / 1024;
}

function readOrNull(path: string): string | null {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return null;
  }
}
