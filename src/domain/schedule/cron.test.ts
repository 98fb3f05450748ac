import { describe, expect, it } from "vitest";
import { parseCron } from "./cron.ts";
import { nextWallTime } from "./wallClock.ts";

function messageOf(expression: string): string {
  const parsed = parseCron(expression, "schedule.cron");
  if (parsed.ok) throw new Error(`accepted: ${expression}`);
  expect(parsed.error.path).toBe("schedule.cron");
  return parsed.error.message;
}

/** The first `count` wall times from the start of 2026 (a Thursday). */
function wallTimes(expression: string, count: number): string[] {
  const parsed = parseCron(expression);
  if (!parsed.ok) throw new Error(parsed.error.message);
  const times: string[] = [];
  let fromMs = Date.UTC(2026, 0, 1);
  while (times.length < count) {
    const wallMs = nextWallTime(parsed.value, fromMs, Date.UTC(2126, 0, 1));
    if (wallMs === null) break;
    times.push(new Date(wallMs).toISOString().slice(0, 16));
    fromMs = wallMs + 1;
  }
  return times;
}

const days = (expression: string, count: number): string[] =>
  wallTimes(expression, count).map((time) => time.slice(0, 10));

describe("parseCron", () => {
  it.each([
    ["*/20 9-10 * * *", ["09:00", "09:20", "09:40", "10:00", "10:20", "10:40"]],
    ["5/25 12 * * *", ["12:05", "12:30", "12:55", "12:05", "12:30", "12:55"]],
    ["10-20/5,15,59 0 * * *", ["00:10", "00:15", "00:20", "00:59", "00:10", "00:15"]],
    ["*/60 0-5 * * *", ["00:00", "01:00", "02:00", "03:00", "04:00", "05:00"]],
    ["  05\t07  * * *  ", ["07:05", "07:05", "07:05", "07:05", "07:05", "07:05"]],
  ])("reads minutes and hours of %s", (expression, expected) => {
    expect(wallTimes(expression, 6).map((time) => time.slice(11))).toEqual(expected);
  });

  it.each([
    ["0 0 * * 7", ["2026-01-04", "2026-01-11"]],
    ["0 0 * * 0,7", ["2026-01-04", "2026-01-11"]],
    ["0 0 * * fri-7", ["2026-01-02", "2026-01-03", "2026-01-04", "2026-01-09"]],
    ["0 0 * * 1-5,3", ["2026-01-01", "2026-01-02", "2026-01-05"]],
    ["0 0 * jan-FEB,12 Mon", ["2026-01-05", "2026-01-12"]],
    ["0 0 L * *", ["2026-01-31", "2026-02-28", "2026-03-31"]],
    ["0 0 15,L 2 *", ["2026-02-15", "2026-02-28", "2027-02-15"]],
    ["0 0 * * 5L", ["2026-01-30", "2026-02-27", "2026-03-27"]],
    ["0 0 * * friL", ["2026-01-30", "2026-02-27"]],
    ["0 0 * * mon#1,5#3", ["2026-01-05", "2026-01-16", "2026-02-02"]],
    ["0 0 29 2 *", ["2028-02-29", "2032-02-29"]],
    ["0 0 * 2 1#5", ["2044-02-29", "2072-02-29", "2112-02-29"]],
    ["0 0 31 4,5 *", ["2026-05-31", "2027-05-31"]],
  ])("reads the days of %s", (expression, expected) => {
    expect(days(expression, expected.length)).toEqual(expected);
  });

  it("takes either day field when both are restricted", () => {
    expect(days("0 0 10 * 1", 4)).toEqual(["2026-01-05", "2026-01-10", "2026-01-12", "2026-01-19"]);
    expect(days("0 0 31 2 1", 2)).toEqual(["2026-02-02", "2026-02-09"]);
  });

  it("takes both day fields when one begins with a star", () => {
    expect(days("0 0 */2 * 1", 3)).toEqual(["2026-01-05", "2026-01-19", "2026-02-09"]);
    expect(days("0 0 13 * */5", 2)).toEqual(["2026-02-13", "2026-03-13"]);
  });

  it("counts only plain numbers in minute and hour as fixed", () => {
    const fixed = (expression: string): boolean => {
      const parsed = parseCron(expression);
      return parsed.ok && parsed.value.fixed;
    };
    expect(["30 2 * * *", "0,30 2,14 */2 1-3 MON-FRI"].map(fixed)).toEqual([true, true]);
    expect(["0,30 * * * *", "*/30 1 * * *", "0 1-2 * * *", "0-1 1 * * *"].map(fixed)).toEqual([
      false,
      false,
      false,
      false,
    ]);
  });

  it.each([
    ["", "The cron expression is empty. Carillon's cron has five fields"],
    [
      "* * * *",
      'Carillon\'s cron has five fields (minute, hour, day-of-month, month, day-of-week) and "* * * *" has 4.',
    ],
    ["0 0 2 * * *", '"0 0 2 * * *" has 6; seconds and years are not supported'],
    ["@daily", 'write "0 0 * * *" instead of "@daily"'],
    ["@Weekly", 'write "0 0 * * 0" instead of "@Weekly"'],
    ["@reboot", '"@reboot" is not supported'],
    ["60 * * * *", 'The minute field has "60": 60 is outside 0-59. Accepted: 0-59, with *, ranges (a-b), steps'],
    ["0 1,24 * * *", 'The hour field has "24" in "1,24": 24 is outside 0-23'],
    ["0 0 0 * *", 'The day-of-month field has "0": 0 is outside 1-31'],
    ["0 0 32 * *", "32 is outside 1-31"],
    ["0 0 * 13 *", 'The month field has "13": 13 is outside 1-12. Accepted: 1-12 or JAN-DEC'],
    ["0 0 * FOO *", 'The month field has "FOO": FOO is not known here'],
    ["0 0 * * 8", 'The day-of-week field has "8": 8 is outside 0-7'],
    ["0 0 * * JAN", "JAN is not known here"],
    ["0 0 * * 9L", "9 is not a weekday"],
    ["0 0 * * 1#6", "#6 is outside #1-#5"],
    ["0 22-3 * * *", 'The hour field has "22-3": the range runs backwards, write two: 22-23,0-3'],
    ["*/0 * * * *", "the step 0 is not a positive number"],
    ["*/90 * * * *", "the step 90 is longer than the field"],
    ["*/1.5 * * * *", "it is not a value, a range or a step"],
    ["*/ * * * *", "it is not a value, a range or a step"],
    ["1,,2 * * * *", 'The minute field has "" in "1,,2": a value is missing'],
    ["-5 * * * *", "it is not a value, a range or a step"],
    ["H * * * *", "H is not known here"],
    ["0 0 ? * 1", "? is not supported, write *"],
    ["L * * * *", "L is not known here"],
    ["0 0 15W * *", "15W is not known here"],
    ["0 0 31 2 *", 'The day-of-month field has "31" and the month field "2": no such date ever comes'],
    ["0 0 30 2 *", "no such date ever comes"],
    ["0 0 31 4,6,9,11 *", "no such date ever comes"],
    ["0 0 31 2 */2", "no such date ever comes"],
    ["0 0 * * 1 # Monday", "has 7"],
    [`${"1,".repeat(600)}1 * * * *`, "characters; 1024 are the most"],
  ])("refuses %s and says why", (expression, reason) => {
    expect(messageOf(expression)).toContain(reason);
  });

  it("repeats no more than a piece of a long token", () => {
    expect(messageOf(`${"9".repeat(500)} * * * *`).length).toBeLessThan(800);
  });
});
