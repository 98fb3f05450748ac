import { describe, expect, it } from "vitest";
import { describeSchedule } from "./preview.ts";
import { DEFAULT_DST_POLICY } from "./schedule.ts";

const cron = (expression: string, timezone = "UTC"): string =>
  describeSchedule({ type: "cron", expression, timezone, dst: DEFAULT_DST_POLICY });
const interval = (everyMs: number): string => describeSchedule({ type: "interval", everyMs, anchorMs: 0 });

describe("describeSchedule", () => {
  it.each([
    ["0 2 * * *", "At 02:00, UTC"],
    ["*/5 * * * *", "Every 5 minutes, UTC"],
    ["0 0 * * FRIL", "At 00:00, on the last Friday of the month, UTC"],
    ["0 0 * * 1#2", "At 00:00, on the second Monday of the month, UTC"],
    ["0 0 L * *", "At 00:00, on the last day of the month, UTC"],
    ["0 0 1 * 1", "At 00:00, on day 1 of the month, and on Monday, UTC"],
    ["0 0 */2 * 1", "At 00:00, every 2 days in a month, only on Monday, UTC"],
  ])("tells %s", (expression, sentence) => {
    expect(cron(expression)).toBe(sentence);
  });

  it("names the time zone", () => {
    expect(cron("30 14 * * 1-5", "Europe/Berlin")).toBe("At 14:30, Monday through Friday, Europe/Berlin");
  });

  it("tells an interval in the largest unit that divides it", () => {
    expect([60_000, 300_000, 5_400_000, 86_400_000, 1_209_600_000, 1500].map(interval)).toEqual([
      "Every minute",
      "Every 5 minutes",
      "Every 90 minutes",
      "Every day",
      "Every 2 weeks",
      "Every 1500 milliseconds",
    ]);
  });

  it("tells a single time and none", () => {
    expect(describeSchedule({ type: "once", atMs: Date.UTC(2026, 4, 5, 6, 7) })).toBe(
      "Once at 2026-05-05T06:07:00.000Z",
    );
    expect(describeSchedule({ type: "none" })).toBe("Only when started by hand, by the API or by a webhook");
  });
});
