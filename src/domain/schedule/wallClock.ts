/**
 * The matcher: which times on a wall clock a cron expression names, with no time zone in sight.
 *
 * A wall time is written as the milliseconds of the UTC instant with the same calendar fields. Days and months that
 * cannot match are skipped by bit masks, so the rarest expression (29 February) costs a few hundred integer steps.
 */

import { monthShape } from "./cron.ts";
import type { ParsedCron } from "./cron.ts";

const MINUTE_MS = 60_000;
const DAY_MS = 86_400_000;
/** 1 January 1970 was a Thursday. */
const EPOCH_WEEKDAY = 4;
const ALL_DAYS = 0x7fffffff;

/** The first matching wall time in [fromWallMs, untilWallMs), or null. */
export function nextWallTime(cron: ParsedCron, fromWallMs: number, untilWallMs: number): number | null {
  const startDay = Math.floor(fromWallMs / DAY_MS);
  const startMinute = Math.ceil((fromWallMs - startDay * DAY_MS) / MINUTE_MS);
  const lastDay = Math.floor((untilWallMs - 1) / DAY_MS);
  let day = nextDay(cron, startDay, lastDay);
  let minute = firstAtLeast(cron.minutesOfDay, day === startDay ? startMinute : 0);
  if (minute === null) {
    day = nextDay(cron, startDay + 1, lastDay);
    minute = firstAtLeast(cron.minutesOfDay, 0);
  }
  if (day === null || minute === null) return null;
  const wallMs = day * DAY_MS + minute * MINUTE_MS;
  return wallMs < untilWallMs ? wallMs : null;
}

/** The last matching wall time in [fromWallMs, atWallMs], or null. */
export function previousWallTime(cron: ParsedCron, atWallMs: number, fromWallMs: number): number | null {
  const startDay = Math.floor(atWallMs / DAY_MS);
  const startMinute = Math.floor((atWallMs - startDay * DAY_MS) / MINUTE_MS);
  const firstDay = Math.floor(fromWallMs / DAY_MS);
  let day = previousDay(cron, startDay, firstDay);
  let minute = lastAtMost(cron.minutesOfDay, day === startDay ? startMinute : DAY_MS / MINUTE_MS);
  if (minute === null) {
    day = previousDay(cron, startDay - 1, firstDay);
    minute = lastAtMost(cron.minutesOfDay, DAY_MS / MINUTE_MS);
  }
  if (day === null || minute === null) return null;
  const wallMs = day * DAY_MS + minute * MINUTE_MS;
  return wallMs >= fromWallMs ? wallMs : null;
}

/** The first matching day in [day, lastDay], counted from 1 January 1970, or null. */
function nextDay(cron: ParsedCron, day: number, lastDay: number): number | null {
  const date = new Date(day * DAY_MS);
  let year = date.getUTCFullYear();
  let month = date.getUTCMonth();
  let candidates = ALL_DAYS << (date.getUTCDate() - 1);
  for (;;) {
    const firstOfMonth = Date.UTC(year, month, 1) / DAY_MS;
    if (firstOfMonth > lastDay) return null;
    const matching = daysOfMonth(cron, year, month, firstOfMonth) & candidates;
    if (matching !== 0) {
      const found = firstOfMonth + lowestBit(matching);
      return found <= lastDay ? found : null;
    }
    candidates = ALL_DAYS;
    month += 1;
    if (month === 12) {
      month = 0;
      year += 1;
    }
  }
}

/** The last matching day in [firstDay, day], or null. */
function previousDay(cron: ParsedCron, day: number, firstDay: number): number | null {
  const date = new Date(day * DAY_MS);
  let year = date.getUTCFullYear();
  let month = date.getUTCMonth();
  let candidates = ALL_DAYS >>> (31 - date.getUTCDate());
  for (;;) {
    const firstOfMonth = Date.UTC(year, month, 1) / DAY_MS;
    const matching = daysOfMonth(cron, year, month, firstOfMonth) & candidates;
    if (matching !== 0) {
      const found = firstOfMonth + highestBit(matching);
      return found >= firstDay ? found : null;
    }
    if (firstOfMonth <= firstDay) return null;
    candidates = ALL_DAYS;
    month -= 1;
    if (month < 0) {
      month = 11;
      year -= 1;
    }
  }
}

/** The matching days of one month as a mask, day d in bit d - 1; `month` counts from 0. */
function daysOfMonth(cron: ParsedCron, year: number, month: number, firstOfMonth: number): number {
  if ((cron.monthMask & (1 << (month + 1))) === 0) return 0;
  const length = Date.UTC(year, month + 1, 1) / DAY_MS - firstOfMonth;
  const firstWeekday = (((firstOfMonth + EPOCH_WEEKDAY) % 7) + 7) % 7;
  return cron.dayMasks[monthShape(length, firstWeekday)] ?? 0;
}

function lowestBit(mask: number): number {
  return 31 - Math.clz32(mask & -mask);
}

function highestBit(mask: number): number {
  return 31 - Math.clz32(mask);
}

function firstAtLeast(ascending: readonly number[], least: number): number | null {
  return ascending[countBelow(ascending, least)] ?? null;
}

function lastAtMost(ascending: readonly number[], most: number): number | null {
  return ascending[countBelow(ascending, most + 1) - 1] ?? null;
}

/** How many of the ascending numbers are smaller than the limit, by halving. */
function countBelow(ascending: readonly number[], limit: number): number {
  let low = 0;
  let high = ascending.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((ascending[middle] ?? limit) < limit) low = middle + 1;
    else high = middle;
  }
  return low;
}
