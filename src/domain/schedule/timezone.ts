/** Time zones: which names are accepted, and at which instants a zone's offset from UTC changes. */

import type { FieldIssue } from "../issue.ts";
import { err, ok } from "../result.ts";
import type { Result } from "../result.ts";
import { BoundedCache } from "./boundedCache.ts";
import { quoted } from "./cronFields.ts";

/** A stretch of time in [fromMs, untilMs) in which a zone's clock runs `offsetMs` ahead of UTC without a jump. */
export interface OffsetPeriod {
  readonly fromMs: number;
  readonly untilMs: number;
  readonly offsetMs: number;
  /** The offset just before `fromMs`; it differs from `offsetMs` exactly when the clock jumps at `fromMs`. */
  readonly previousOffsetMs: number;
}

/**
 * Offsets are looked up at the ends of four-day blocks and a change between them is found by halving, so two changes
 * in one block would be missed. The closest two in the tz database since 1990 are seven days apart (America/Boa_Vista,
 * October 2000).
 */
const BLOCK_MS = 4 * 86_400_000;
const SECOND_MS = 1000;

/** The years that the tz database and Date's own arithmetic can be trusted with; far beyond any due time. */
export const EARLIEST_MS = Date.UTC(1000, 0, 1);
export const LATEST_MS = Date.UTC(9000, 0, 1);

/** Each zone holds an Intl formatter of some tens of kilobytes; each block is a few numbers. */
const MAX_ZONES = 64;
const MAX_BLOCKS_PER_ZONE = 256;

const WHOLE_TIME: OffsetPeriod = {
  fromMs: EARLIEST_MS,
  untilMs: LATEST_MS,
  offsetMs: 0,
  previousOffsetMs: 0,
};

interface Zone {
  readonly formatter: Intl.DateTimeFormat;
  readonly blocks: BoundedCache<number, readonly [OffsetPeriod, ...OffsetPeriod[]]>;
}

const zones = new BoundedCache<string, Zone>(MAX_ZONES);

/**
 * Checks an IANA time zone name, in any letter case, and gives it back as it was written. Fixed offsets are refused:
 * some engines accept them, but they are not names and know no daylight saving.
 *
 * @param path Where the zone stands in the input, for the issue; see `FieldIssue`.
 */
export function validateTimezone(timezone: string, path = ""): Result<string, FieldIssue> {
  const accepted = 'Accepted: an IANA name such as "Europe/Berlin" or "UTC".';
  if (/^[+-]|^(utc|gmt)[+-]/i.test(timezone)) {
    return err({ path, message: `The time zone ${quoted(timezone)} is a fixed offset, not a name. ${accepted}` });
  }
  try {
    zoneOf(timezone);
    return ok(timezone);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    return err({ path, message: `The time zone ${quoted(timezone)} is not known. ${accepted}` });
  }
}

/** The period of unbroken offset that holds an instant between `EARLIEST_MS` and `LATEST_MS`. */
export function offsetPeriodAt(timezone: string, atMs: number): OffsetPeriod {
  // The default zone needs no formatter and no blocks.
  if (timezone === "UTC") return WHOLE_TIME;
  const zone = zoneOf(timezone);
  const block = Math.floor(atMs / BLOCK_MS);
  let periods = zone.blocks.get(block);
  if (periods === undefined) {
    periods = periodsOf(zone.formatter, block);
    zone.blocks.set(block, periods);
  }
  return periods.find((period) => atMs < period.untilMs) ?? periods[0];
}

function zoneOf(timezone: string): Zone {
  const known = zones.get(timezone);
  if (known !== undefined) return known;
  const formatter = new Intl.DateTimeFormat("en-US", {
    timeZone: timezone,
    hourCycle: "h23",
    year: "numeric",
    month: "numeric",
    day: "numeric",
    hour: "numeric",
    minute: "numeric",
    second: "numeric",
  });
  const zone: Zone = { formatter, blocks: new BoundedCache(MAX_BLOCKS_PER_ZONE) };
  zones.set(timezone, zone);
  return zone;
}

function periodsOf(formatter: Intl.DateTimeFormat, block: number): readonly [OffsetPeriod, ...OffsetPeriod[]] {
  const fromMs = block * BLOCK_MS;
  const untilMs = fromMs + BLOCK_MS;
  const before = offsetAt(formatter, fromMs - SECOND_MS);
  const after = offsetAt(formatter, untilMs - SECOND_MS);
  if (before === after) return [{ fromMs, untilMs, offsetMs: before, previousOffsetMs: before }];

  // The offset is the old one at `low` and no longer at `high`; offsets change on whole seconds.
  let low = fromMs - SECOND_MS;
  let high = untilMs - SECOND_MS;
  while (high - low > SECOND_MS) {
    const middle = low + Math.floor((high - low) / 2 / SECOND_MS) * SECOND_MS;
    if (offsetAt(formatter, middle) === before) low = middle;
    else high = middle;
  }
  const changed: OffsetPeriod = { fromMs: high, untilMs, offsetMs: after, previousOffsetMs: before };
  if (high === fromMs) return [changed];
  return [{ fromMs, untilMs: high, offsetMs: before, previousOffsetMs: before }, changed];
}

/** How far the zone's clock is ahead of UTC at a whole second. */
function offsetAt(formatter: Intl.DateTimeFormat, atMs: number): number {
  const fields = new Map(formatter.formatToParts(atMs).map((part) => [part.type, Number(part.value)]));
  const field = (type: Intl.DateTimeFormatPartTypes): number => fields.get(type) ?? 0;
  const wallMs = Date.UTC(
    field("year"),
    field("month") - 1,
    field("day"),
    field("hour"),
    field("minute"),
    field("second"),
  );
  return wallMs - atMs;
}
