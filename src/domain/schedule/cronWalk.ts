/**
 * Due times of a cron expression in a time zone, through every jump of its clock.
 *
 * The rule for daylight saving (DESIGN.md section 6, after Vixie cron and Cronos):
 *
 * - An expression is FIXED when its minute and its hour field are lists of plain numbers (`30 2 * * *`,
 *   `0,30 2,14 * * 1-5`). Anything else in either field (`*`, a range, a step) makes it an INTERVAL.
 * - An interval runs whenever the wall clock shows a matching minute. Where the clock goes back, the repeated hour
 *   matches again; where it goes forward, the missing minutes are never shown and nothing stands in for them. So
 *   `0,30 * * * *` runs every 30 real minutes through both jumps, and `0-45/15 2 * * *` has no run on a day without
 *   02:xx. The policy has no say in it.
 * - A fixed time that the clock jumps over runs at the gap's end, the first instant after the jump (`gap: "run"`), or
 *   not at all (`gap: "skip"`). All the fixed times in one gap are one run there, also together with a fixed time that
 *   equals the gap's end. A gap may be a whole day (Pacific/Apia, 2011-12-30): the day's times run when the next day
 *   begins.
 * - A fixed time that the clock shows twice runs the first time only (`repeat: "once"`) or both (`repeat: "twice"`).
 *
 * The jump need not be daylight saving: a zone that changes its offset for good is treated alike. Due times are strictly
 * increasing and never doubled, because the walk goes over periods of unbroken offset in the order of real time, and
 * within one period wall time and real time differ by a constant.
 */

import type { ParsedCron } from "./cron.ts";
import { EARLIEST_MS, LATEST_MS, offsetPeriodAt } from "./timezone.ts";
import type { OffsetPeriod } from "./timezone.ts";
import { nextWallTime, previousWallTime } from "./wallClock.ts";

/** What to do with fixed times at a jump of the clock. */
export interface DstPolicy {
  readonly gap: "run" | "skip";
  readonly repeat: "once" | "twice";
}

/**
 * More than any offset from UTC, and more than any jump of a clock. Once nothing was due for so long in real time, no
 * later jump can show again a wall time that was due before; so the walk may leap to this long before the next match.
 */
const WIDEST_JUMP_MS = 26 * 3_600_000;

/** 29 February on a given weekday comes after at most 40 years; the rest is for fixed times that fall into gaps. */
const HORIZON_MS = 100 * 366 * 86_400_000;

/** The first due time strictly after an instant, or null when none comes within the horizon. */
export function nextCronTime(cron: ParsedCron, timezone: string, dst: DstPolicy, afterMs: number): number | null {
  const startMs = Math.max(Math.floor(afterMs) + 1, EARLIEST_MS);
  const endMs = Math.min(startMs + HORIZON_MS, LATEST_MS);
  let cursorMs = startMs;
  while (cursorMs < endMs) {
    const period = offsetPeriodAt(timezone, cursorMs);
    const found = firstInPeriod(cron, dst, period, cursorMs, Math.min(period.untilMs, endMs));
    if (found !== null) return found;
    cursorMs = period.untilMs;
    if (cursorMs - startMs >= WIDEST_JUMP_MS) {
      const wallMs = nextWallTime(cron, cursorMs + period.offsetMs, endMs + WIDEST_JUMP_MS);
      if (wallMs === null) return null;
      cursorMs = Math.max(cursorMs, wallMs - WIDEST_JUMP_MS);
    }
  }
  return null;
}

/** The last due time in [notBeforeMs, atMs], or null. */
export function previousCronTime(
  cron: ParsedCron,
  timezone: string,
  dst: DstPolicy,
  atMs: number,
  notBeforeMs: number,
): number | null {
  const startMs = Math.min(Math.floor(atMs), LATEST_MS - 1);
  const endMs = Math.max(notBeforeMs, startMs - HORIZON_MS, EARLIEST_MS);
  let cursorMs = startMs;
  while (cursorMs >= endMs) {
    const period = offsetPeriodAt(timezone, cursorMs);
    const found = lastInPeriod(cron, dst, period, cursorMs, Math.max(period.fromMs, endMs));
    if (found !== null) return found;
    cursorMs = period.fromMs - 1;
    if (startMs - cursorMs >= WIDEST_JUMP_MS) {
      const wallMs = previousWallTime(cron, cursorMs + period.previousOffsetMs, endMs - WIDEST_JUMP_MS);
      if (wallMs === null) return null;
      cursorMs = Math.min(cursorMs, wallMs + WIDEST_JUMP_MS);
    }
  }
  return null;
}

function firstInPeriod(
  cron: ParsedCron,
  dst: DstPolicy,
  period: OffsetPeriod,
  fromMs: number,
  untilMs: number,
): number | null {
  if (fromMs === period.fromMs && runsAtGapEnd(cron, dst, period)) return period.fromMs;
  const fromWallMs = Math.max(fromMs + period.offsetMs, firstFreshWallMs(cron, dst, period));
  const wallMs = nextWallTime(cron, fromWallMs, untilMs + period.offsetMs);
  return wallMs === null ? null : wallMs - period.offsetMs;
}

function lastInPeriod(
  cron: ParsedCron,
  dst: DstPolicy,
  period: OffsetPeriod,
  atMs: number,
  fromMs: number,
): number | null {
  const fromWallMs = Math.max(fromMs + period.offsetMs, firstFreshWallMs(cron, dst, period));
  const wallMs = previousWallTime(cron, atMs + period.offsetMs, fromWallMs);
  if (wallMs !== null) return wallMs - period.offsetMs;
  return fromMs === period.fromMs && runsAtGapEnd(cron, dst, period) ? period.fromMs : null;
}

/** Whether the jump at the period's start skipped a fixed time that runs there instead. */
function runsAtGapEnd(cron: ParsedCron, dst: DstPolicy, period: OffsetPeriod): boolean {
  if (!cron.fixed || dst.gap === "skip" || period.offsetMs <= period.previousOffsetMs) return false;
  return nextWallTime(cron, period.fromMs + period.previousOffsetMs, period.fromMs + period.offsetMs) !== null;
}

/** The first wall time of the period that counts: not a repeated one, for a fixed time that runs once. */
function firstFreshWallMs(cron: ParsedCron, dst: DstPolicy, period: OffsetPeriod): number {
  const repeats = cron.fixed && dst.repeat === "once" && period.previousOffsetMs > period.offsetMs;
  return period.fromMs + (repeats ? period.previousOffsetMs : period.offsetMs);
}
