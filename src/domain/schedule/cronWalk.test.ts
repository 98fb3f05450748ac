import { describe, expect, it } from "vitest";
import { DEFAULT_DST_POLICY, upcoming } from "./schedule.ts";
import type { DstPolicy, Schedule } from "./schedule.ts";

const SKIP: DstPolicy = { gap: "skip", repeat: "once" };
const TWICE: DstPolicy = { gap: "run", repeat: "twice" };

/** The due times after `after`, as UTC minutes. */
function due(zone: string, expression: string, after: string, count: number, dst = DEFAULT_DST_POLICY): string[] {
  const schedule: Schedule = { type: "cron", expression, timezone: zone, dst };
  return upcoming(schedule, Date.parse(after), count).map((ms) => new Date(ms).toISOString().slice(0, 16));
}

describe("America/New_York", () => {
  it("runs 02:30 at the gap's end (03:00) on 8 March 2026", () => {
    expect(due("America/New_York", "30 2 * * *", "2026-03-07T00:00Z", 3)).toEqual([
      "2026-03-07T07:30",
      "2026-03-08T07:00",
      "2026-03-09T06:30",
    ]);
  });

  it("skips 02:30 under gap: skip", () => {
    expect(due("America/New_York", "30 2 * * *", "2026-03-07T00:00Z", 2, SKIP)).toEqual([
      "2026-03-07T07:30",
      "2026-03-09T06:30",
    ]);
  });

  it("makes one run of all fixed times in the gap and the one at its end", () => {
    expect(due("America/New_York", "0,15,45 2,3 * * *", "2026-03-08T06:00Z", 4)).toEqual([
      "2026-03-08T07:00",
      "2026-03-08T07:15",
      "2026-03-08T07:45",
      "2026-03-09T06:00",
    ]);
  });

  it("runs a repeated 01:30 once on 1 November 2026, the first time", () => {
    expect(due("America/New_York", "30 1 * * *", "2026-10-31T12:00Z", 2)).toEqual([
      "2026-11-01T05:30",
      "2026-11-02T06:30",
    ]);
    expect(due("America/New_York", "30 1 * * *", "2026-11-01T05:45Z", 1)).toEqual(["2026-11-02T06:30"]);
  });

  it("runs a repeated 01:30 twice under repeat: twice", () => {
    expect(due("America/New_York", "30 1 * * *", "2026-10-31T12:00Z", 3, TWICE)).toEqual([
      "2026-11-01T05:30",
      "2026-11-01T06:30",
      "2026-11-02T06:30",
    ]);
  });

  it("runs the fixed times of the repeated hour in their first order", () => {
    expect(due("America/New_York", "0,30 1,2 * * *", "2026-11-01T04:00Z", 5)).toEqual([
      "2026-11-01T05:00",
      "2026-11-01T05:30",
      "2026-11-01T07:00",
      "2026-11-01T07:30",
      "2026-11-02T06:00",
    ]);
  });
});

describe("Europe/Berlin", () => {
  it("keeps the cadence of an interval through both jumps", () => {
    expect(due("Europe/Berlin", "*/30 * * * *", "2026-03-29T00:00Z", 4)).toEqual([
      "2026-03-29T00:30",
      "2026-03-29T01:00",
      "2026-03-29T01:30",
      "2026-03-29T02:00",
    ]);
    expect(due("Europe/Berlin", "0 * * * *", "2026-10-24T23:30Z", 4)).toEqual([
      "2026-10-25T00:00",
      "2026-10-25T01:00",
      "2026-10-25T02:00",
      "2026-10-25T03:00",
    ]);
  });

  it("runs an interval of the repeated hour in both of them, whatever the policy", () => {
    const expected = ["2026-10-25T00:00", "2026-10-25T00:30", "2026-10-25T01:00", "2026-10-25T01:30"];
    expect(due("Europe/Berlin", "*/30 2 * * *", "2026-10-24T20:00Z", 4)).toEqual(expected);
    expect(due("Europe/Berlin", "*/30 2 * * *", "2026-10-24T20:00Z", 4, TWICE)).toEqual(expected);
  });

  it("has no run of an interval whose minutes are never shown", () => {
    expect(due("Europe/Berlin", "*/30 2 * * *", "2026-03-28T12:00Z", 1)).toEqual(["2026-03-30T00:00"]);
  });

  it("keeps a fixed time at the edges of the gap and of the repeated hour", () => {
    expect(due("Europe/Berlin", "0 2 * * *", "2026-03-29T00:59Z", 1)).toEqual(["2026-03-29T01:00"]);
    expect(due("Europe/Berlin", "59 1 * * *", "2026-03-29T00:00Z", 1)).toEqual(["2026-03-29T00:59"]);
    expect(due("Europe/Berlin", "0 3 * * *", "2026-10-25T00:00Z", 1)).toEqual(["2026-10-25T02:00"]);
    expect(due("Europe/Berlin", "0 2 * * *", "2026-10-24T12:00Z", 2)).toEqual(["2026-10-25T00:00", "2026-10-26T01:00"]);
  });

  it("gives up on a fixed time that only ever falls into skipped gaps", () => {
    expect(due("Europe/Berlin", "30 2 * 3 0L", "2026-01-01T00:00Z", 2, SKIP)).toEqual([]);
    expect(due("Europe/Berlin", "30 2 * 3 0L", "2026-01-01T00:00Z", 2)).toEqual([
      "2026-03-29T01:00",
      "2027-03-28T01:00",
    ]);
  });
});

describe("Australia/Lord_Howe, half an hour", () => {
  it("runs 02:15 at 02:30 on 4 October 2026 and loses no day", () => {
    expect(due("Australia/Lord_Howe", "15 2 * * *", "2026-10-02T20:00Z", 2)).toEqual([
      "2026-10-03T15:30",
      "2026-10-04T15:15",
    ]);
    expect(due("Australia/Lord_Howe", "15 2 * * *", "2026-10-02T20:00Z", 1, SKIP)).toEqual(["2026-10-04T15:15"]);
  });

  it("runs 02:45, just behind the gap, at its own time", () => {
    expect(due("Australia/Lord_Howe", "45 2 * * *", "2026-10-03T00:00Z", 1)).toEqual(["2026-10-03T15:45"]);
  });

  it("repeats 01:30 to 02:00 on 5 April 2026", () => {
    expect(due("Australia/Lord_Howe", "45 1 * * *", "2026-04-04T00:00Z", 2)).toEqual([
      "2026-04-04T14:45",
      "2026-04-05T15:15",
    ]);
    expect(due("Australia/Lord_Howe", "45 1 * * *", "2026-04-04T00:00Z", 2, TWICE)).toEqual([
      "2026-04-04T14:45",
      "2026-04-04T15:15",
    ]);
    expect(due("Australia/Lord_Howe", "*/15 1 * * *", "2026-04-04T13:50Z", 6)).toEqual([
      "2026-04-04T14:00",
      "2026-04-04T14:15",
      "2026-04-04T14:30",
      "2026-04-04T14:45",
      "2026-04-04T15:00",
      "2026-04-04T15:15",
    ]);
  });
});

describe("Pacific/Apia, the day that never was (30 December 2011)", () => {
  it("runs the day's fixed times as one when the 31st begins", () => {
    expect(due("Pacific/Apia", "0 2,14 * * *", "2011-12-29T12:00Z", 4)).toEqual([
      "2011-12-30T00:00",
      "2011-12-30T10:00",
      "2011-12-30T12:00",
      "2011-12-31T00:00",
    ]);
  });

  it("skips the day under gap: skip, and for intervals", () => {
    expect(due("Pacific/Apia", "0 12 30 12 *", "2011-01-01T00:00Z", 2, SKIP)).toEqual([
      "2012-12-29T22:00",
      "2013-12-29T22:00",
    ]);
    expect(due("Pacific/Apia", "*/30 * 30 12 *", "2011-01-01T00:00Z", 1)).toEqual(["2012-12-29T10:00"]);
  });

  it("keeps every real hour", () => {
    expect(due("Pacific/Apia", "0 * * * *", "2011-12-30T08:00Z", 3)).toEqual([
      "2011-12-30T09:00",
      "2011-12-30T10:00",
      "2011-12-30T11:00",
    ]);
  });
});

describe("Asia/Beirut, a jump at midnight", () => {
  it("runs 00:30 at 01:00 on 29 March 2026 and a monthly midnight with it", () => {
    expect(due("Asia/Beirut", "30 0 * * *", "2026-03-28T12:00Z", 2)).toEqual(["2026-03-28T22:00", "2026-03-29T21:30"]);
    expect(due("Asia/Beirut", "0 0 29 3 *", "2026-01-01T00:00Z", 1)).toEqual(["2026-03-28T22:00"]);
    expect(due("Asia/Beirut", "0 0 29 3 *", "2026-01-01T00:00Z", 1, SKIP)).toEqual(["2027-03-28T21:00"]);
  });

  it("repeats 23:30 of the day before on 25 October 2026", () => {
    expect(due("Asia/Beirut", "30 23 * * *", "2026-10-24T12:00Z", 2)).toEqual(["2026-10-24T20:30", "2026-10-25T21:30"]);
    expect(due("Asia/Beirut", "30 23 24 * *", "2026-10-24T12:00Z", 2, TWICE)).toEqual([
      "2026-10-24T20:30",
      "2026-10-24T21:30",
    ]);
    expect(due("Asia/Beirut", "0 0 * * *", "2026-10-24T12:00Z", 1)).toEqual(["2026-10-24T22:00"]);
  });
});

describe("America/St_Johns, where until 2011 the clock went back at 00:01", () => {
  it("keeps the order of real time when two days take turns", () => {
    expect(due("America/St_Johns", "0,30 0,23 * * *", "2010-11-07T01:30Z", 5, TWICE)).toEqual([
      "2010-11-07T02:00",
      "2010-11-07T02:30",
      "2010-11-07T03:00",
      "2010-11-07T03:30",
      "2010-11-07T04:00",
    ]);
    expect(due("America/St_Johns", "0,30 0,23 * * *", "2010-11-07T01:45Z", 4)).toEqual([
      "2010-11-07T02:00",
      "2010-11-07T02:30",
      "2010-11-07T04:00",
      "2010-11-08T02:30",
    ]);
  });
});

describe("Asia/Kolkata, half an hour from UTC and no jumps", () => {
  it("is due at the same UTC time all year", () => {
    expect(due("Asia/Kolkata", "0 9 1 3,10 *", "2026-01-01T00:00Z", 3)).toEqual([
      "2026-03-01T03:30",
      "2026-10-01T03:30",
      "2027-03-01T03:30",
    ]);
  });
});

describe("Africa/Casablanca, one hour less during Ramadan", () => {
  it("repeats 02:30 as Ramadan begins and jumps over it as it ends (2026)", () => {
    expect(due("Africa/Casablanca", "30 2 * * *", "2026-02-14T12:00Z", 2)).toEqual([
      "2026-02-15T01:30",
      "2026-02-16T02:30",
    ]);
    expect(due("Africa/Casablanca", "30 2 * * *", "2026-03-21T12:00Z", 2)).toEqual([
      "2026-03-22T02:00",
      "2026-03-23T01:30",
    ]);
  });
});

describe("far apart", () => {
  it("leaps over the years between two leap days", () => {
    expect(due("America/New_York", "0 0 29 2 *", "2096-03-01T00:00Z", 1)).toEqual(["2104-02-29T05:00"]);
  });

  it("is strictly after, to the millisecond", () => {
    const schedule: Schedule = { type: "cron", expression: "0 0 * * *", timezone: "UTC", dst: DEFAULT_DST_POLICY };
    const midnightMs = Date.parse("2026-05-05T00:00:00Z");
    expect(upcoming(schedule, midnightMs - 1, 1)).toEqual([midnightMs]);
    expect(upcoming(schedule, midnightMs, 1)).toEqual([midnightMs + 86_400_000]);
  });
});
