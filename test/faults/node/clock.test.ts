/**
 * Clock faults against the engine with its real schedules: jumps forward and back, an hour of sleep, clocks that change
 * for daylight saving while a job runs. Pure, so that a year passes in milliseconds.
 */

import { describe, expect, it } from "vitest";
import { EngineDriver, makeJob, MINUTE, START } from "../../../src/domain/engine/engine.fixture.ts";
import { nextWakeMs } from "../../../src/domain/engine/timers.ts";
import type { Job } from "../../../src/domain/job/job.ts";
import { scheduleOf } from "../../../src/domain/job/job.ts";
import { dueBetween } from "../../../src/domain/schedule/schedule.ts";
import { createChance, seedOf } from "../../support/random.ts";

const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const SEED = seedOf(process.env["FAULTS_SEED"]);

/** An engine whose every message is claimed and finished at once; `fired` collects the due times in order. */
function running(job: Job) {
  const engine = new EngineDriver(job);
  const fired: number[] = [];
  const tick = (nowMs: number) => {
    engine.tick(nowMs);
    for (let messages = engine.takeDispatches(); messages.length > 0; messages = engine.takeDispatches()) {
      for (const message of messages) {
        const work = engine.claim(message, nowMs);
        if (typeof work === "string") continue;
        fired.push(work.execution.scheduledForMs);
        engine.finish(work, nowMs);
      }
    }
  };
  return { engine, fired, tick };
}

describe("a clock that jumps", () => {
  it("back by an hour repeats no fire and skips none", () => {
    const { fired, tick } = running(makeJob());
    for (let at = 0; at <= 10; at++) tick(START + at * MINUTE);
    for (let at = -50; at <= 20; at++) tick(START + at * MINUTE);
    expect(fired).toEqual(Array.from({ length: 20 }, (_, index) => START + (index + 1) * MINUTE));
  });

  it("back while an attempt is claimed neither ends its lease nor grants it twice", () => {
    const engine = new EngineDriver();
    engine.tick(START + MINUTE);
    const [message] = engine.takeDispatches();
    const work = engine.mustClaim(message, START + MINUTE);
    engine.tick(START - HOUR);
    expect(message && engine.claim(message, START - HOUR)).toBe("stale");
    expect(engine.takeDispatches()).toEqual([]);
    expect(engine.finish(work, START - HOUR)).toBe(true);
  });

  it.each([
    ["catch_up", Array.from({ length: 61 }, (_, index) => index + 1)],
    ["skip", [1, 60, 61]],
    ["fire_once", [1, 60, 61]],
  ] as const)("forward over an hour of sleep is answered by the misfire policy: %s", (misfirePolicy, minutes) => {
    const { fired, tick } = running(makeJob({ misfirePolicy, concurrencyLimit: 100 }));
    tick(START + MINUTE);
    tick(START + 61 * MINUTE);
    expect(fired.map((dueMs) => (dueMs - START) / MINUTE)).toEqual(minutes);
  });

  it(`at random, forward and back, gives each due time one fire under catch_up (seed ${SEED})`, () => {
    const chance = createChance(SEED);
    const job = makeJob({ misfirePolicy: "catch_up", concurrencyLimit: 100 });
    const { fired, tick } = running(job);
    let nowMs = START;
    let latestMs = START;
    for (let step = 0; step < 3_000; step++) {
      nowMs += chance.pick([
        () => chance.between(0, 2_000),
        () => chance.between(0, 90_000),
        () => -chance.between(0, HOUR),
        () => chance.between(0, HOUR),
      ])();
      // A jump of more than 100 due times is cut by the policy itself; this clock stays below.
      nowMs = Math.min(nowMs, latestMs + 90 * MINUTE);
      latestMs = Math.max(latestMs, nowMs);
      tick(nowMs);
    }
    tick(latestMs);
    expect(fired).toEqual(dueBetween(scheduleOf(job), START, latestMs, 1_000_000).times);
  });

  it("never leaves the alarm in the past for good: whoever follows it comes to rest", () => {
    const { engine, tick } = running(makeJob());
    tick(START + DAY);
    const wakeMs = nextWakeMs(engine.state);
    expect(wakeMs).toBe(START + DAY + MINUTE);
  });
});

describe("daylight saving that begins or ends while a job runs", () => {
  const cron = (expression: string, timezone: string, fromMs: number, dst = {}) =>
    makeJob({
      schedule: { kind: "cron", cron: expression, timezone, dst: { gap: "run", repeat: "once", ...dst } },
      createdAtMs: fromMs,
      scheduleFromMs: fromMs,
    });
  /** Follows the engine's own alarms, as the actor does, and returns the due times in UTC. */
  const follow = (job: Job, untilMs: number) => {
    const { engine, fired, tick } = running(job);
    for (
      let wakeMs = nextWakeMs(engine.state);
      wakeMs !== null && wakeMs <= untilMs;
      wakeMs = nextWakeMs(engine.state)
    ) {
      tick(wakeMs);
    }
    return fired.map((dueMs) => new Date(dueMs).toISOString().slice(5, 16));
  };

  it("runs a time that the spring leaves out at the gap's end, once", () => {
    // Europe/Berlin, 2026-03-29: 02:00 becomes 03:00, which is 01:00 UTC.
    const job = cron("30 2 * * *", "Europe/Berlin", Date.UTC(2026, 2, 28));
    expect(follow(job, Date.UTC(2026, 2, 31))).toEqual(["03-28T01:30", "03-29T01:00", "03-30T00:30"]);
  });

  it("runs a time that the autumn repeats once, or twice if asked to", () => {
    // America/New_York, 2026-11-01: 02:00 becomes 01:00 at 06:00 UTC.
    const fromMs = Date.UTC(2026, 9, 31, 12);
    const untilMs = Date.UTC(2026, 10, 1, 12);
    expect(follow(cron("30 1 * * *", "America/New_York", fromMs), untilMs)).toEqual(["11-01T05:30"]);
    const twice = cron("30 1 * * *", "America/New_York", fromMs, { repeat: "twice" });
    expect(follow(twice, untilMs)).toEqual(["11-01T05:30", "11-01T06:30"]);
  });

  it("keeps the cadence of a wildcard through both changes", () => {
    const spring = follow(cron("*/30 * * * *", "Europe/Berlin", Date.UTC(2026, 2, 29)), Date.UTC(2026, 2, 29, 4));
    expect(spring).toHaveLength(9);
    const autumn = follow(cron("*/30 * * * *", "Europe/Berlin", Date.UTC(2026, 9, 25)), Date.UTC(2026, 9, 25, 4));
    expect(autumn).toHaveLength(9);
  });

  it("is not confused by a clock that steps back over the change", () => {
    const job = cron("30 2 * * *", "Europe/Berlin", Date.UTC(2026, 2, 28));
    const { fired, tick } = running(job);
    const gapEndMs = Date.UTC(2026, 2, 29, 1);
    for (const nowMs of [gapEndMs, gapEndMs - HOUR, gapEndMs + 1, gapEndMs - MINUTE, gapEndMs + 2 * HOUR]) tick(nowMs);
    expect(fired.filter((dueMs) => dueMs > gapEndMs - HOUR)).toEqual([gapEndMs]);
  });
});
