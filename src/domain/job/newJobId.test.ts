import { describe, expect, it } from "vitest";
import { isJobId, isShared, jobKey, objectOf, timeOf } from "../ids.ts";
import type { ScheduleSpec } from "./job.ts";
import { newJobId } from "./newJobId.ts";

const NOW = Date.UTC(2030, 0, 1, 10, 20);
const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DST = { gap: "run", repeat: "once" } as const;

function keyOf(schedule: ScheduleSpec, createdAtMs = NOW): string {
  const id = newJobId({ schedule, createdAtMs, scheduleFromMs: createdAtMs }, () => 0.5);
  expect(isJobId(id)).toBe(true);
  expect(timeOf(id)).toBe(createdAtMs);
  return jobKey(id);
}

const objectFor = (schedule: ScheduleSpec, createdAtMs?: number) => objectOf(keyOf(schedule, createdAtMs));
const once = (runAtMs: number): ScheduleSpec => ({ kind: "scheduled", runAtMs });
const cron = (expression: string, timezone = "UTC"): ScheduleSpec => ({
  kind: "cron",
  cron: expression,
  timezone,
  dst: DST,
});
const every = (everyMinutes: number): ScheduleSpec => ({ kind: "recurring", everyMinutes });

describe("the id of a new job", () => {
  it.each<[string, ScheduleSpec]>([
    ["runs at once", { kind: "one_time" }],
    ["is due at a time", once(NOW + 1)],
    ["is due by cron", cron("* * * * *")],
    ["is due in intervals", every(5)],
  ])("of a plain one that %s names an object that it shares", (_which, schedule) => {
    expect(isShared(keyOf(schedule))).toBe(true);
  });

  it.each<[string, ScheduleSpec]>([
    ["with steps", { kind: "workflow", timing: null }],
    ["with steps that are due once", { kind: "workflow", timing: { kind: "scheduled", runAtMs: NOW + 1 } }],
    ["with steps that are due by cron", { kind: "workflow", timing: { kind: "recurring", everyMinutes: 5 } }],
    ["started by webhooks", { kind: "webhook_trigger" }],
  ])("of one %s names an object of its own", (_which, schedule) => {
    expect(isShared(keyOf(schedule))).toBe(false);
  });

  it("goes by the hour in which one that fires once is due, and not by that of its creation", () => {
    expect(objectFor(once(NOW + 5 * HOUR))).not.toBe(objectFor(once(NOW + 1)));
    expect(objectFor(once(NOW + 1))).toBe(objectFor({ kind: "one_time" }));
    expect(objectFor(once(NOW + 5 * HOUR), NOW + 4 * HOUR)).toBe(objectFor(once(NOW + 5 * HOUR)));
  });

  it("goes by the minute in which one that repeats is first due, whatever the hour, the interval and the zone are", () => {
    const onTheHour = objectFor(cron("0 9 * * *"));
    expect(objectFor(cron("0 * * * *"))).toBe(onTheHour);
    expect(objectFor(cron("0 3 1 * *", "Europe/Berlin"))).toBe(onTheHour);
    expect(objectFor(cron("0 9 * * *"), NOW + 40 * 24 * HOUR + 7 * MINUTE)).toBe(onTheHour);
    expect(objectFor(every(40))).toBe(onTheHour);
    expect(objectFor(cron("30 9 * * *", "Asia/Kolkata"))).toBe(onTheHour);
    expect(objectFor(cron("1 9 * * *"))).not.toBe(onTheHour);
    expect(objectFor(once(NOW + 40 * MINUTE))).not.toBe(onTheHour);
  });
});
