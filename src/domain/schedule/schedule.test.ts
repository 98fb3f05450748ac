import { describe, expect, it } from "vitest";
import { DEFAULT_DST_POLICY, dueBetween, latestAtOrBefore, nextAfter } from "./schedule.ts";
import type { Schedule } from "./schedule.ts";

const MINUTE_MS = 60_000;

describe("interval", () => {
  const schedule: Schedule = { type: "interval", everyMs: 300, anchorMs: 1000 };

  it("is first due one interval after its anchor", () => {
    expect(nextAfter(schedule, -5000)).toBe(1300);
    expect(nextAfter(schedule, 1300)).toBe(1600);
    expect(nextAfter(schedule, 1599)).toBe(1600);
  });

  it("looks back as far as it may", () => {
    expect(latestAtOrBefore(schedule, 1299, 0)).toBeNull();
    expect(latestAtOrBefore(schedule, 1600, 0)).toBe(1600);
    expect(latestAtOrBefore(schedule, 1700, 1601)).toBeNull();
  });

  it("is a bug when it is not positive", () => {
    expect(() => nextAfter({ type: "interval", everyMs: 0, anchorMs: 0 }, 0)).toThrow("not positive");
  });
});

describe("once and none", () => {
  it("is due at its only time", () => {
    const schedule: Schedule = { type: "once", atMs: 500 };
    expect([nextAfter(schedule, 499), nextAfter(schedule, 500)]).toEqual([500, null]);
    expect([latestAtOrBefore(schedule, 499, 0), latestAtOrBefore(schedule, 500, 500)]).toEqual([null, 500]);
    expect(latestAtOrBefore(schedule, 900, 501)).toBeNull();
    expect(dueBetween(schedule, 0, 1000, 5)).toEqual({ times: [500], truncated: false });
  });

  it("is never due without a schedule", () => {
    expect(nextAfter({ type: "none" }, 0)).toBeNull();
    expect(dueBetween({ type: "none" }, 0, 1e12, 5)).toEqual({ times: [], truncated: false });
  });
});

describe("dueBetween", () => {
  const everyMinute: Schedule = { type: "cron", expression: "* * * * *", timezone: "UTC", dst: DEFAULT_DST_POLICY };

  it("keeps the latest of years of missed minutes", () => {
    const untilMs = Date.parse("2026-06-01T00:00:00Z");
    expect(dueBetween(everyMinute, Date.parse("1990-01-01T00:00:00Z"), untilMs, 3)).toEqual({
      times: [untilMs - 2 * MINUTE_MS, untilMs - MINUTE_MS, untilMs],
      truncated: true,
    });
  });

  it("leaves out the start, takes in the end, and tells when nothing is left out", () => {
    expect(dueBetween(everyMinute, 0, 2 * MINUTE_MS, 2)).toEqual({
      times: [MINUTE_MS, 2 * MINUTE_MS],
      truncated: false,
    });
    expect(dueBetween(everyMinute, 0, MINUTE_MS, 0)).toEqual({ times: [], truncated: true });
    expect(dueBetween(everyMinute, 5 * MINUTE_MS, MINUTE_MS, 9)).toEqual({ times: [], truncated: false });
  });
});

it("reports an expression that was never validated as the bug it is", () => {
  expect(() =>
    nextAfter({ type: "cron", expression: "99 * * * *", timezone: "UTC", dst: DEFAULT_DST_POLICY }, 0),
  ).toThrow('The minute field has "99"');
});
