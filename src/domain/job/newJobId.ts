/** Where a new job is to live: the id says it, and never changes. */

import type { Random } from "../clock.ts";
import { newId, newSharedJobId } from "../ids.ts";
import type { JobChanges } from "./editMerge.ts";

/**
 * A plain job that fires once shares an object with others of its hour: an object of its own costs more than the whole
 * execution, and thousands that are due at one instant would each wake one (ADR 0018). What lives on has its own.
 */
export function newJobId(changes: Pick<JobChanges, "kind" | "schedule">, nowMs: number, random: Random): string {
  const dueMs = onceAtMs(changes, nowMs);
  return dueMs === null ? newId("job", nowMs, random) : newSharedJobId(nowMs, dueMs, random);
}

/** When a plain one-shot job is due; `null` for any other, and for a time that will be refused. */
function onceAtMs({ kind, schedule }: Pick<JobChanges, "kind" | "schedule">, nowMs: number): number | null {
  if (kind === "one_time") return nowMs;
  const runAtMs = schedule?.runAtMs ?? Number.NaN;
  return kind === "scheduled" && Number.isSafeInteger(runAtMs) && runAtMs >= 0 ? runAtMs : null;
}
