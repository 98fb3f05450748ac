/** Schedules: when a job is due, for every kind of schedule, as pure functions of the time that is handed in. */

import { parseCron } from "./cron.ts";
import type { ParsedCron } from "./cron.ts";
import { nextCronTime, previousCronTime } from "./cronWalk.ts";
import type { DstPolicy } from "./cronWalk.ts";

export type { DstPolicy } from "./cronWalk.ts";

export type Schedule =
  /** Due at anchorMs + k * everyMs for every k >= 1. */
  | { readonly type: "interval"; readonly everyMs: number; readonly anchorMs: number }
  | { readonly type: "cron"; readonly expression: string; readonly timezone: string; readonly dst: DstPolicy }
  | { readonly type: "once"; readonly atMs: number }
  /** Never due: started by hand, by the API or by a webhook. */
  | { readonly type: "none" };

/** What a job gets that does not say otherwise: nothing lost in the gap, nothing doubled in the repeated hour. */
export const DEFAULT_DST_POLICY: DstPolicy = { gap: "run", repeat: "once" };

/** Due times of a stretch of time, ascending. */
export interface DueTimes {
  readonly times: number[];
  /** Whether earlier ones were left out. */
  readonly truncated: boolean;
}

/**
 * The first due time strictly after an instant, or null when there is none (a cron expression is followed for 100 years).
 *
 * Throws on a schedule that was never validated: an expression that `parseCron` refuses, a zone that `validateTimezone`
 * refuses, an interval that is not positive.
 */
export function nextAfter(schedule: Schedule, afterMs: number): number | null {
  switch (schedule.type) {
    case "interval": {
      const { everyMs, anchorMs } = checkedInterval(schedule);
      return anchorMs + Math.max(1, Math.floor((afterMs - anchorMs) / everyMs) + 1) * everyMs;
    }
    case "cron":
      return nextCronTime(checkedCron(schedule.expression), schedule.timezone, schedule.dst, afterMs);
    case "once":
      return schedule.atMs > afterMs ? schedule.atMs : null;
    case "none":
      return null;
  }
}

/** The last due time in [notBeforeMs, atMs], or null. Throws as `nextAfter` does. */
export function latestAtOrBefore(schedule: Schedule, atMs: number, notBeforeMs: number): number | null {
  switch (schedule.type) {
    case "interval": {
      const { everyMs, anchorMs } = checkedInterval(schedule);
      const count = Math.floor((atMs - anchorMs) / everyMs);
      const dueMs = anchorMs + count * everyMs;
      return count >= 1 && dueMs >= notBeforeMs ? dueMs : null;
    }
    case "cron":
      return previousCronTime(checkedCron(schedule.expression), schedule.timezone, schedule.dst, atMs, notBeforeMs);
    case "once":
      return schedule.atMs <= atMs && schedule.atMs >= notBeforeMs ? schedule.atMs : null;
    case "none":
      return null;
  }
}

/**
 * The due times in (afterMs, untilMs], ascending, only the latest `keepLatest` of them. The walk goes backwards from the
 * end, so its cost depends on how many are kept and not on how many were missed.
 */
export function dueBetween(schedule: Schedule, afterMs: number, untilMs: number, keepLatest: number): DueTimes {
  const notBeforeMs = Math.floor(afterMs) + 1;
  const latestFirst: number[] = [];
  let dueMs = latestAtOrBefore(schedule, untilMs, notBeforeMs);
  while (dueMs !== null && latestFirst.length < keepLatest) {
    latestFirst.push(dueMs);
    dueMs = latestAtOrBefore(schedule, dueMs - 1, notBeforeMs);
  }
  return { times: latestFirst.toReversed(), truncated: dueMs !== null };
}

/** The first `count` due times strictly after an instant; fewer when the schedule ends. */
export function upcoming(schedule: Schedule, afterMs: number, count: number): number[] {
  const times: number[] = [];
  while (times.length < count) {
    const dueMs = nextAfter(schedule, times.at(-1) ?? afterMs);
    if (dueMs === null) break;
    times.push(dueMs);
  }
  return times;
}

function checkedCron(expression: string): ParsedCron {
  const parsed = parseCron(expression);
  if (!parsed.ok) throw new Error(`A stored schedule has an invalid cron expression. ${parsed.error.message}`);
  return parsed.value;
}

function checkedInterval<T extends { readonly everyMs: number }>(interval: T): T {
  if (!(interval.everyMs > 0)) throw new Error(`A stored interval is not positive: ${interval.everyMs} ms.`);
  return interval;
}
