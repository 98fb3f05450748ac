/** Cron expressions: what Carillon accepts, and the compact form in which the matcher reads them. */

import type { FieldIssue } from "../issue.ts";
import { err, ok } from "../result.ts";
import type { Result } from "../result.ts";
import { BoundedCache } from "./boundedCache.ts";
import { expandFields, quoted } from "./cronFields.ts";
import type { CronValue, FieldTexts } from "./cronFields.ts";

/** A checked expression. Day masks carry day d of the month in bit d - 1, month masks month m in bit m. */
export interface ParsedCron {
  /** The expression in upper case with single spaces. */
  readonly expression: string;
  /** Minutes of the day that match hour and minute, ascending. */
  readonly minutesOfDay: readonly number[];
  readonly monthMask: number;
  /** Matching days for each shape of month, at `monthShape(length, weekday of its first day)`. */
  readonly dayMasks: readonly number[];
  /** Whether one of the two day fields is enough for a day to match; already part of `dayMasks`. */
  readonly eitherDay: boolean;
  /** Whether minute and hour are lists of plain numbers only; see the daylight-saving rule in cronWalk.ts. */
  readonly fixed: boolean;
}

/** The nicknames of crontab(5) and what they stand for; `@reboot` has no counterpart in a service that never boots. */
export const CRON_NICKNAMES: ReadonlyMap<string, string> = new Map([
  ["@hourly", "0 * * * *"],
  ["@daily", "0 0 * * *"],
  ["@midnight", "0 0 * * *"],
  ["@weekly", "0 0 * * 0"],
  ["@monthly", "0 0 1 * *"],
  ["@yearly", "0 0 1 1 *"],
  ["@annually", "0 0 1 1 *"],
]);

const FIVE_FIELDS = "Carillon's cron has five fields (minute, hour, day-of-month, month, day-of-week)";

/** Every value of every field, listed one by one, fits in half of this; it is also cron-parser's own bound. */
const MAX_EXPRESSION_CHARACTERS = 1024;

const DAYS_IN_WEEK = 7;
const MONTH_LENGTHS = [28, 29, 30, 31] as const;
/** Possible lengths by month, January first. */
const LENGTHS_OF_MONTH: readonly (readonly number[])[] = [
  [31],
  [28, 29],
  [31],
  [30],
  [31],
  [30],
  [31],
  [31],
  [30],
  [31],
  [30],
  [31],
];

/** Parsing takes tens of microseconds and every fire needs its expression, so the latest ones are remembered. */
const parsedExpressions = new BoundedCache<string, ParsedCron>(256);

/**
 * Checks a five-field cron expression. The message of a refusal says what is wrong, in which field and token, and what
 * is accepted.
 *
 * @param path Where the expression stands in the input, for the issue; see `FieldIssue`.
 */
export function parseCron(expression: string, path = ""): Result<ParsedCron, FieldIssue> {
  const known = parsedExpressions.get(expression);
  if (known !== undefined) return ok(known);
  const parsed = parse(expression);
  if (!parsed.ok) return err({ path, message: parsed.error });
  parsedExpressions.set(expression, parsed.value);
  return parsed;
}

/** Where `dayMasks` keeps the days of a month of this length that starts on this weekday (0 is Sunday). */
export function monthShape(length: number, firstWeekday: number): number {
  return (length - MONTH_LENGTHS[0]) * DAYS_IN_WEEK + firstWeekday;
}

function parse(expression: string): Result<ParsedCron, string> {
  const trimmed = expression.trim();
  if (trimmed === "") return err(`The cron expression is empty. ${FIVE_FIELDS}, such as "0 2 * * *".`);
  if (trimmed.length > MAX_EXPRESSION_CHARACTERS) {
    return err(`The cron expression has ${trimmed.length} characters; ${MAX_EXPRESSION_CHARACTERS} are the most.`);
  }
  if (trimmed.startsWith("@")) return err(nicknameRefusal(trimmed));

  const texts = trimmed.toUpperCase().split(/\s+/);
  const [minute, hour, dayOfMonth, month, dayOfWeek] = texts;
  if (
    minute === undefined ||
    hour === undefined ||
    dayOfMonth === undefined ||
    month === undefined ||
    dayOfWeek === undefined ||
    texts.length > 5
  ) {
    const count = `${quoted(trimmed)} has ${texts.length}`;
    return err(
      texts.length === 6 || texts.length === 7
        ? `${FIVE_FIELDS} and ${count}; seconds and years are not supported. Write the five without them.`
        : `${FIVE_FIELDS} and ${count}.`,
    );
  }

  const fields: FieldTexts = [minute, hour, dayOfMonth, month, dayOfWeek];
  const expanded = expandFields(fields);
  if (!expanded.ok) return expanded;
  const [minutes, hours, daysOfMonth, months, daysOfWeek] = expanded.value;
  const eitherDay = eitherDayMatches(dayOfMonth, dayOfWeek);
  const parsed: ParsedCron = {
    expression: fields.join(" "),
    minutesOfDay: minutesOfDay(numbersOf(minutes), numbersOf(hours)),
    monthMask: numbersOf(months).reduce((mask, value) => mask | (1 << value), 0),
    dayMasks: dayMasks(daysOfMonth, daysOfWeek, eitherDay),
    eitherDay,
    fixed: [minute, hour].every((text) => /^\d+(,\d+)*$/.test(text)),
  };
  if (!canComeTrue(parsed)) {
    return err(
      `The day-of-month field has ${quoted(dayOfMonth)} and the month field ${quoted(month)}: no such date ever comes, ` +
        "so the job would never run. Accepted: a day that one of the months has, or L for the month's last day.",
    );
  }
  return ok(parsed);
}

function nicknameRefusal(expression: string): string {
  const meaning = CRON_NICKNAMES.get(expression.toLowerCase());
  if (meaning !== undefined) return `${FIVE_FIELDS}: write "${meaning}" instead of ${quoted(expression)}.`;
  return `${FIVE_FIELDS}; ${quoted(expression)} is not supported. Write the fields, such as "0 2 * * *".`;
}

/**
 * Vixie cron's rule for the two day fields: when both are restricted, a day matches when either does; when one of them
 * begins with a star, it must match both. A star with a step begins with a star too, as it does in Vixie cron: every
 * second day of the month together with Monday means Mondays on odd days, not both (crontab(5), the note on days).
 */
function eitherDayMatches(dayOfMonth: string, dayOfWeek: string): boolean {
  return !dayOfMonth.startsWith("*") && !dayOfWeek.startsWith("*");
}

function numbersOf(values: readonly CronValue[]): readonly number[] {
  return values.flatMap((value) => (value.kind === "number" ? [value.value] : []));
}

function minutesOfDay(minutes: readonly number[], hours: readonly number[]): readonly number[] {
  const distinct = new Set(hours.flatMap((hour) => minutes.map((minute) => hour * 60 + minute)));
  return [...distinct].toSorted((a, b) => a - b);
}

function dayMasks(
  daysOfMonth: readonly CronValue[],
  daysOfWeek: readonly CronValue[],
  eitherDay: boolean,
): readonly number[] {
  return MONTH_LENGTHS.flatMap((length) =>
    Array.from({ length: DAYS_IN_WEEK }, (_, firstWeekday) => {
      const dates = dateMask(daysOfMonth, length);
      const weekdays = weekdayMask(daysOfWeek, length, firstWeekday);
      return eitherDay ? dates | weekdays : dates & weekdays;
    }),
  );
}

/** The days that the day-of-month field names in a month of this length. */
function dateMask(values: readonly CronValue[], length: number): number {
  let mask = 0;
  for (const value of values) {
    if (value.kind === "number" && value.value <= length) mask |= 1 << (value.value - 1);
    if (value.kind === "lastDay") mask |= 1 << (length - 1);
  }
  return mask;
}

/** The days that the day-of-week field names in a month of this shape. */
function weekdayMask(values: readonly CronValue[], length: number, firstWeekday: number): number {
  let mask = 0;
  for (const value of values) {
    if (value.kind === "lastDay") continue;
    const weekday = value.kind === "number" ? value.value : value.weekday;
    const firstDay = 1 + ((weekday - firstWeekday + DAYS_IN_WEEK) % DAYS_IN_WEEK);
    for (let day = firstDay; day <= length; day += DAYS_IN_WEEK) {
      const named =
        value.kind === "number" ||
        (value.kind === "lastWeekday" && day + DAYS_IN_WEEK > length) ||
        (value.kind === "nthWeekday" && Math.ceil(day / DAYS_IN_WEEK) === value.nth);
      if (named) mask |= 1 << (day - 1);
    }
  }
  return mask;
}

/** Every shape of a month comes again and again (29 February falls on each weekday), so one day in one shape is enough. */
function canComeTrue(cron: ParsedCron): boolean {
  return LENGTHS_OF_MONTH.some(
    (lengths, index) =>
      (cron.monthMask & (1 << (index + 1))) !== 0 &&
      lengths.some((length) =>
        cron.dayMasks.slice(monthShape(length, 0), monthShape(length, DAYS_IN_WEEK - 1) + 1).some((mask) => mask !== 0),
      ),
  );
}
