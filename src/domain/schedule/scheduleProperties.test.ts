/**
 * Properties of every cron schedule, against an independent reading of the rule in cronWalk.ts: walk real minutes, ask
 * Intl what the wall clock shows, and compare with sets of values that never went through the parser.
 */

import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { dueBetween, latestAtOrBefore, nextAfter, upcoming } from "./schedule.ts";
import type { DstPolicy, Schedule } from "./schedule.ts";

const MINUTE_MS = 60_000;
const DAY_MS = 86_400_000;

interface Field {
  readonly text: string;
  readonly values: ReadonlySet<number>;
  readonly plain: boolean;
  readonly star: boolean;
}

interface Expression {
  readonly minute: Field;
  readonly hour: Field;
  readonly day: Field;
  readonly month: Field;
  readonly weekday: Field;
}

interface Window {
  readonly timezone: string;
  readonly fromMs: number;
  /** What the clock shows at each real minute, as the UTC milliseconds of the same fields. */
  readonly wallMs: readonly number[];
}

function windowAround(timezone: string, around: string): Window {
  const format = new Intl.DateTimeFormat("sv-SE", { timeZone: timezone, dateStyle: "short", timeStyle: "medium" });
  const fromMs = Date.parse(around) - DAY_MS;
  const wallMs = Array.from({ length: 2 * 1440 }, (_, minute) =>
    Date.parse(`${format.format(fromMs + minute * MINUTE_MS).replace(" ", "T")}Z`),
  );
  return { timezone, fromMs, wallMs };
}

const WINDOWS = [
  windowAround("UTC", "2026-02-28T12:00:00Z"),
  windowAround("Asia/Kolkata", "2026-12-31T12:00:00Z"),
  windowAround("America/New_York", "2026-03-08T07:00:00Z"),
  windowAround("America/New_York", "2026-11-01T06:00:00Z"),
  windowAround("Europe/Berlin", "2026-03-29T01:00:00Z"),
  windowAround("Europe/Berlin", "2026-10-25T01:00:00Z"),
  windowAround("Australia/Lord_Howe", "2026-10-03T15:30:00Z"),
  windowAround("Australia/Lord_Howe", "2026-04-04T15:00:00Z"),
  windowAround("Pacific/Apia", "2011-12-30T10:00:00Z"),
  windowAround("Asia/Beirut", "2026-03-28T22:00:00Z"),
  windowAround("Asia/Beirut", "2026-10-24T21:00:00Z"),
  windowAround("America/Sao_Paulo", "2018-11-04T03:00:00Z"),
  windowAround("America/Sao_Paulo", "2018-02-18T02:00:00Z"),
  windowAround("America/St_Johns", "2010-11-07T02:31:00Z"),
  windowAround("Africa/Casablanca", "2026-03-22T02:00:00Z"),
];

function matches(expression: Expression, wallMs: number): boolean {
  const wall = new Date(wallMs);
  const byDay = expression.day.values.has(wall.getUTCDate());
  const weekday = wall.getUTCDay();
  const byWeekday = expression.weekday.values.has(weekday) || (weekday === 0 && expression.weekday.values.has(7));
  const either = !expression.day.star && !expression.weekday.star;
  return (
    expression.minute.values.has(wall.getUTCMinutes()) &&
    expression.hour.values.has(wall.getUTCHours()) &&
    expression.month.values.has(wall.getUTCMonth() + 1) &&
    (either ? byDay || byWeekday : byDay && byWeekday)
  );
}

function bruteForce(expression: Expression, dst: DstPolicy, window: Window): number[] {
  const fixed = expression.minute.plain && expression.hour.plain;
  const due: number[] = [];
  const shown = new Set<number>();
  for (const [minute, wallMs] of window.wallMs.entries()) {
    const repeated = shown.has(wallMs);
    shown.add(wallMs);
    let fires = matches(expression, wallMs) && !(fixed && dst.repeat === "once" && repeated);
    if (fixed && dst.gap === "run") {
      const before = window.wallMs[minute - 1] ?? wallMs;
      for (let missing = before + MINUTE_MS; missing < wallMs; missing += MINUTE_MS) {
        fires ||= matches(expression, missing);
      }
    }
    if (fires) due.push(window.fromMs + minute * MINUTE_MS);
  }
  return due;
}

function range(first: number, last: number, step: number): ReadonlySet<number> {
  return new Set(Array.from({ length: Math.floor((last - first) / step) + 1 }, (_, index) => first + index * step));
}

function plainList(value: fc.Arbitrary<number>): fc.Arbitrary<Field> {
  return fc.array(value, { minLength: 1, maxLength: 4 }).map((values) => ({
    text: values.join(","),
    values: new Set(values),
    plain: true,
    star: false,
  }));
}

/** `listMax` keeps lists and ranges of days to those that every month has. */
function anyField(min: number, max: number, starWeight: number, listMax = max): fc.Arbitrary<Field> {
  const value = fc.integer({ min, max: listMax });
  const star: Field = { text: "*", values: range(min, max, 1), plain: false, star: true };
  const steppedStar = fc.integer({ min: 2, max: max - min }).map((step) => ({
    text: `*/${step}`,
    values: range(min, max, step),
    plain: false,
    star: true,
  }));
  const steppedRange = fc.tuple(value, value, fc.integer({ min: 1, max: 4 })).map(([a, b, step]) => ({
    text: `${Math.min(a, b)}-${Math.max(a, b)}${step === 1 ? "" : `/${step}`}`,
    values: range(Math.min(a, b), Math.max(a, b), step),
    plain: false,
    star: false,
  }));
  return fc.oneof(
    { weight: starWeight, arbitrary: fc.constant(star) },
    { weight: 1, arbitrary: steppedStar },
    { weight: 3, arbitrary: plainList(value) },
    { weight: 2, arbitrary: steppedRange },
  );
}

const anyExpression: fc.Arbitrary<Expression> = fc.record({
  minute: anyField(0, 59, 1),
  // Half of the hours lie near the jumps, which lists drawn from all 24 would mostly miss.
  hour: fc.oneof(plainList(fc.constantFrom(0, 1, 2, 3, 23)), anyField(0, 23, 2)),
  day: anyField(1, 31, 8, 28),
  month: anyField(1, 12, 8),
  weekday: anyField(0, 7, 8),
});

const anyPolicy: fc.Arbitrary<DstPolicy> = fc.record({
  gap: fc.constantFrom("run", "skip"),
  repeat: fc.constantFrom("once", "twice"),
});

const anyWindow = fc.constantFrom(...WINDOWS);

function scheduleOf(expression: Expression, timezone: string, dst: DstPolicy): Schedule {
  const { minute, hour, day, month, weekday } = expression;
  return {
    type: "cron",
    expression: [minute, hour, day, month, weekday].map((field) => field.text).join(" "),
    timezone,
    dst,
  };
}

const anySchedule: fc.Arbitrary<{ schedule: Schedule; window: Window }> = fc
  .tuple(anyExpression, anyWindow, anyPolicy)
  .map(([expression, window, dst]) => ({ schedule: scheduleOf(expression, window.timezone, dst), window }));

/** The due times in (afterMs, untilMs] by repeated nextAfter, which the properties below take as the truth. */
function walk(schedule: Schedule, afterMs: number, untilMs: number): number[] {
  const times: number[] = [];
  let dueMs = nextAfter(schedule, afterMs);
  while (dueMs !== null && dueMs <= untilMs) {
    times.push(dueMs);
    dueMs = nextAfter(schedule, dueMs);
  }
  return times;
}

describe("every cron schedule", () => {
  it("agrees with a walk over the minutes that the wall clock shows, around every kind of jump", () => {
    fc.assert(
      fc.property(anyExpression, anyWindow, anyPolicy, (expression, window, dst) => {
        const schedule = scheduleOf(expression, window.timezone, dst);
        const untilMs = window.fromMs + (window.wallMs.length - 1) * MINUTE_MS;
        expect(walk(schedule, window.fromMs - 1, untilMs)).toEqual(bruteForce(expression, dst, window));
      }),
      { numRuns: 400 },
    );
  });

  it("is due strictly later each time, on any date", () => {
    fc.assert(
      fc.property(
        anyExpression,
        anyWindow,
        anyPolicy,
        fc.integer({ min: Date.UTC(1960, 0, 1), max: Date.UTC(2100, 0, 1) }),
        (expression, { timezone }, dst, afterMs) => {
          let beforeMs = afterMs;
          for (const dueMs of upcoming(scheduleOf(expression, timezone, dst), afterMs, 20)) {
            expect(dueMs).toBeGreaterThan(beforeMs);
            beforeMs = dueMs;
          }
        },
      ),
      { numRuns: 100 },
    );
  });

  it("has the same due times backwards as forwards", () => {
    fc.assert(
      fc.property(
        anySchedule,
        fc.nat({ max: 2 * DAY_MS }),
        fc.nat({ max: 2 * DAY_MS }),
        fc.nat({ max: 40 }),
        ({ schedule, window }, a, b, keepLatest) => {
          const afterMs = window.fromMs + Math.min(a, b);
          const untilMs = window.fromMs + Math.max(a, b);
          const times = walk(schedule, afterMs, untilMs);
          expect(dueBetween(schedule, afterMs, untilMs, keepLatest)).toEqual({
            times: times.slice(Math.max(0, times.length - keepLatest)),
            truncated: times.length > keepLatest,
          });
          expect(latestAtOrBefore(schedule, untilMs, afterMs + 1)).toBe(times.at(-1) ?? null);
        },
      ),
      { numRuns: 300 },
    );
  });

  it("finds its way back over months and years", () => {
    fc.assert(
      fc.property(anyExpression, anyWindow, anyPolicy, (expression, window, dst) => {
        const schedule = scheduleOf(expression, window.timezone, dst);
        const dueMs = nextAfter(schedule, window.fromMs);
        if (dueMs === null) return;
        const followingMs = nextAfter(schedule, dueMs) ?? dueMs + 1;
        expect(latestAtOrBefore(schedule, followingMs - 1, window.fromMs)).toBe(dueMs);
        expect(latestAtOrBefore(schedule, dueMs - 1, window.fromMs + 1)).toBeNull();
      }),
      { numRuns: 200 },
    );
  });
});
