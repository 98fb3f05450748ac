/** The five fields of a cron expression: their grammar, what is wrong with a token, and the values that it stands for. */

import { CronExpressionParser } from "cron-parser";
import { err, ok } from "../result.ts";
import type { Result } from "../result.ts";

export type CronFieldName = "minute" | "hour" | "day-of-month" | "month" | "day-of-week";

interface FieldRule {
  readonly name: CronFieldName;
  readonly min: number;
  readonly max: number;
  /** How many different values the field has; 7 for day-of-week, where 0 and 7 are one. */
  readonly size: number;
  /** Three-letter names, the first one standing for `min`. */
  readonly names: readonly string[];
  readonly accepts: string;
}

/** The bounds are those of crontab(5); `L` and `#` are the two extensions that cron-parser and cronstrue share. */
const FIELD_RULES: readonly [FieldRule, FieldRule, FieldRule, FieldRule, FieldRule] = [
  { name: "minute", min: 0, max: 59, size: 60, names: [], accepts: "0-59" },
  { name: "hour", min: 0, max: 23, size: 24, names: [], accepts: "0-23" },
  { name: "day-of-month", min: 1, max: 31, size: 31, names: [], accepts: "1-31, or L for the month's last day" },
  {
    name: "month",
    min: 1,
    max: 12,
    size: 12,
    names: ["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"],
    accepts: "1-12 or JAN-DEC",
  },
  {
    name: "day-of-week",
    min: 0,
    max: 7,
    size: 7,
    names: ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"],
    accepts: "0-7 or SUN-SAT (0 and 7 are Sunday), 5L for the last Friday, 5#2 for the second Friday",
  },
];

const LIST_GRAMMAR = "with *, ranges (a-b), steps (*/n, a-b/n) and lists (a,b)";

/** How much of a bad token a message repeats; enough to find it, not enough to flood a log. */
const QUOTED_CHARACTERS = 40;

/** Explicit values, so that the library neither reads the clock nor draws a seed. */
const PURE_OPTIONS = { currentDate: new Date(0), tz: "UTC", hashSeed: "carillon" } as const;

/** One value of a field: a plain number, the month's last day, or the last or nth weekday of the month. */
export type CronValue =
  | { readonly kind: "number"; readonly value: number }
  | { readonly kind: "lastDay" }
  | { readonly kind: "lastWeekday"; readonly weekday: number }
  | { readonly kind: "nthWeekday"; readonly weekday: number; readonly nth: number };

export type ExpandedFields = readonly [
  minute: readonly CronValue[],
  hour: readonly CronValue[],
  dayOfMonth: readonly CronValue[],
  month: readonly CronValue[],
  dayOfWeek: readonly CronValue[],
];

export type FieldTexts = readonly [minute: string, hour: string, dayOfMonth: string, month: string, dayOfWeek: string];

/** Quotes user input for a message, shortened. */
export function quoted(text: string): string {
  return `"${text.length > QUOTED_CHARACTERS ? `${text.slice(0, QUOTED_CHARACTERS)}…` : text}"`;
}

/**
 * Expands the five fields, in upper case, into the values that they stand for (possibly with duplicates).
 *
 * The grammar is checked here, token by token, because the message must name the field and the token; cron-parser then
 * expands. It expands the whole expression at once, except where it refuses what crontab(5) allows (lists that overlap,
 * such as `1-5,3` or `0,7`; several `#` in one list) or judges the days before we do: there it is given one token at a
 * time.
 */
export function expandFields(texts: FieldTexts): Result<ExpandedFields, string> {
  for (const [index, rule] of FIELD_RULES.entries()) {
    const text = texts[index] ?? "";
    for (const token of text.split(",")) {
      const problem = problemOf(rule, token);
      if (problem !== null) {
        const where = token === text ? quoted(token) : `${quoted(token)} in ${quoted(text)}`;
        return err(`The ${rule.name} field has ${where}: ${problem}. Accepted: ${rule.accepts}, ${LIST_GRAMMAR}.`);
      }
    }
  }
  return ok(
    expand(texts) ?? [
      expandTokens(texts[0], (token) => [token, "*", "*", "*", "*"])[0],
      expandTokens(texts[1], (token) => ["*", token, "*", "*", "*"])[1],
      expandTokens(texts[2], (token) => ["*", "*", token, "*", "*"])[2],
      expandTokens(texts[3], (token) => ["*", "*", "*", token, "*"])[3],
      expandTokens(texts[4], (token) => ["*", "*", "*", "*", token])[4],
    ],
  );
}

/** What is wrong with one token of a list, or null. */
function problemOf(rule: FieldRule, token: string): string | null {
  if (token === "") return "a value is missing";
  if (token === "?") return "? is not supported, write *";
  if (rule.name === "day-of-month" && token === "L") return null;
  const weekday = rule.name === "day-of-week" ? /^(\w+?)(?:L|#(\d+))$/.exec(token) : null;
  if (weekday !== null) {
    if (numberOf(rule, weekday[1] ?? "") === null) return `${weekday[1]} is not a weekday`;
    const nth = weekday[2];
    return nth === undefined || (Number(nth) >= 1 && Number(nth) <= 5) ? null : `#${nth} is outside #1-#5`;
  }
  const parts = /^(\*|(\w+)(?:-(\w+))?)(?:\/(\w+))?$/.exec(token);
  if (parts === null) return "it is not a value, a range or a step";
  const [, base, firstText, lastText, stepText] = parts;
  for (const text of [firstText, lastText]) {
    if (text === undefined || numberOf(rule, text) !== null) continue;
    return /^\d+$/.test(text) ? `${text} is outside ${rule.min}-${rule.max}` : `${text} is not known here`;
  }
  if (firstText !== undefined && lastText !== undefined) {
    const first = numberOf(rule, firstText) ?? rule.min;
    const last = numberOf(rule, lastText) ?? rule.max;
    if (first > last) {
      return `the range runs backwards, write two: ${firstText}-${rule.max},${rule.min}-${lastText}`;
    }
  }
  if (stepText === undefined) return null;
  if (!/^\d+$/.test(stepText) || Number(stepText) === 0) return `the step ${stepText} is not a positive number`;
  if (Number(stepText) > rule.size) {
    return `the step ${stepText} is longer than the field, so ${base} would never be stepped through`;
  }
  return null;
}

/** The value of a number or name within the field's bounds, or null. */
function numberOf(rule: FieldRule, text: string): number | null {
  const named = rule.names.indexOf(text);
  if (named >= 0) return rule.min + named;
  if (!/^\d{1,2}$/.test(text)) return null;
  const value = Number(text);
  return value >= rule.min && value <= rule.max ? value : null;
}

function expandTokens(text: string, alone: (token: string) => FieldTexts): ExpandedFields {
  const merged: [CronValue[], CronValue[], CronValue[], CronValue[], CronValue[]] = [[], [], [], [], []];
  for (const token of text.split(",")) {
    const expanded = expand(alone(token));
    if (expanded === null) throw new Error(`cron-parser refuses the checked token ${quoted(token)}`);
    for (const [index, values] of merged.entries()) values.push(...(expanded[index] ?? []));
  }
  return merged;
}

/** cron-parser's reading of the fields, or null where it refuses. */
function expand(texts: FieldTexts): ExpandedFields | null {
  try {
    const fields = CronExpressionParser.parse(texts.join(" "), PURE_OPTIONS).fields;
    const nth = fields.dayOfWeek.nthDay;
    return [
      fields.minute.values.map((value) => valueOf(value, 0)),
      fields.hour.values.map((value) => valueOf(value, 0)),
      fields.dayOfMonth.values.map((value) => valueOf(value, 0)),
      fields.month.values.map((value) => valueOf(value, 0)),
      fields.dayOfWeek.values.map((value) => valueOf(value, nth)),
    ];
  } catch {
    // The library reports a refusal only by throwing; every caller handles it as a value.
    return null;
  }
}

/** `nth` is 0 unless the field was written with `#`; `L` alone occurs in day-of-month only, `5L` in day-of-week only. */
function valueOf(value: number | string, nth: number): CronValue {
  if (value === "L") return { kind: "lastDay" };
  if (typeof value === "string") return { kind: "lastWeekday", weekday: Number.parseInt(value, 10) % 7 };
  return nth > 0 ? { kind: "nthWeekday", weekday: value % 7, nth } : { kind: "number", value };
}
