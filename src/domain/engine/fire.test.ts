/** When a job fires, and what becomes of a due time that comes late or finds every slot taken. */

import { describe, expect, it } from "vitest";
import { scheduledExecutionId } from "../ids.ts";
import { owedHistory } from "./control.ts";
import { EngineDriver, makeJob, MINUTE, START } from "./engine.fixture.ts";
import { isAnnouncementOnly } from "./reduce.ts";
import { nextWakeMs } from "./timers.ts";

const FIRST = START + MINUTE;

describe("a due time", () => {
  it("becomes one execution, dispatched at once", () => {
    const engine = new EngineDriver();
    engine.tick(FIRST + 3);
    expect(engine.takeDispatches()).toMatchObject([
      { executionId: scheduledExecutionId(engine.state.job.id, FIRST), step: "request", fence: 1, lane: "short" },
    ]);
    expect(engine.state.nextDueMs).toBe(FIRST + MINUTE);
  });

  it("is not repeated by a second alarm, nor by a clock that steps back", () => {
    const engine = new EngineDriver();
    engine.tick(FIRST);
    engine.finish(engine.mustClaim(engine.takeDispatches()[0], FIRST + 1), FIRST + 2);
    engine.tick(FIRST + 5);
    engine.tick(FIRST - 30_000);
    engine.tick(FIRST + 5);
    expect(engine.takeDispatches()).toEqual([]);
    expect(engine.state.live.size).toBe(0);
  });

  it("is worked out again with the same id and fence when its announcement was never saved", () => {
    const engine = new EngineDriver();
    const saved = engine.state;
    engine.tick(FIRST + 1);
    const [announced] = engine.takeDispatches();
    expect(isAnnouncementOnly(saved, engine.state)).toBe(true);
    engine.state = saved;
    const work = engine.mustClaim(announced, FIRST + 40);
    expect(work.executionId).toBe(announced?.executionId);
    engine.finish(work, FIRST + 50);
    engine.tick(FIRST + 1_600);
    expect(engine.takeDispatches()).toEqual([]);
    expect(engine.state.live.size).toBe(0);
  });

  it("keeps an alarm armed that repeats an unsaved announcement", () => {
    const engine = new EngineDriver();
    engine.tick(FIRST);
    expect(nextWakeMs(engine.state)).toBeGreaterThanOrEqual(FIRST + 20_000);
    expect(nextWakeMs(engine.state)).toBeLessThanOrEqual(FIRST + 30_000);
  });

  it("of a one-time job fires at once and completes the job", () => {
    const engine = new EngineDriver(makeJob({ schedule: { kind: "one_time" }, concurrencyLimit: 10 }));
    engine.tick(START);
    const work = engine.mustClaim(engine.takeDispatches()[0], START + 2);
    expect(work.completesJob).toBe(true);
    engine.finish(work, START + 5);
    expect(nextWakeMs(engine.state)).toBeNull();
  });
});

describe("misfire policy", () => {
  const later = FIRST + 10 * MINUTE + 61_000;
  const fired = (policy: "fire_once" | "skip" | "catch_up", overlap: "queue" | "skip" = "queue") => {
    const engine = new EngineDriver(makeJob({ misfirePolicy: policy, overlapPolicy: overlap, concurrencyLimit: 100 }));
    engine.tick(later);
    return [...engine.state.live.values()].map((live) => (live.execution.scheduledForMs - FIRST) / MINUTE);
  };

  it("fire_once makes one execution of everything that was missed, unless a punctual one stands for it", () => {
    expect(fired("fire_once")).toEqual([11]);
    const engine = new EngineDriver(makeJob({ schedule: { kind: "recurring", everyMinutes: 5 } }));
    engine.tick(START + 17 * MINUTE);
    expect([...engine.state.live.values()].map((live) => live.execution.scheduledForMs)).toEqual([START + 15 * MINUTE]);
  });

  it("skip passes over what is more than a minute late", () => {
    expect(fired("skip")).toEqual([11]);
  });

  it("catch_up runs every missed time, at most 100", () => {
    expect(fired("catch_up")).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]);
    const engine = new EngineDriver(makeJob({ misfirePolicy: "catch_up" }));
    engine.tick(START + 5_000 * MINUTE);
    expect(engine.state.live.size).toBe(100);
    expect([...engine.state.live.values()].at(-1)?.execution.scheduledForMs).toBe(START + 5_000 * MINUTE);
  });

  it("never treats a restart of less than a minute as a miss", () => {
    for (const policy of ["fire_once", "skip", "catch_up"] as const) {
      const engine = new EngineDriver(makeJob({ misfirePolicy: policy }));
      engine.tick(FIRST + 59_000);
      expect(engine.state.live.size).toBe(1);
    }
  });
});

describe("overlap policy", () => {
  const overlapping = (overlapPolicy: "queue" | "skip" | "cancel_running") => {
    const engine = new EngineDriver(makeJob({ overlapPolicy }));
    engine.tick(FIRST);
    const first = engine.mustClaim(engine.takeDispatches()[0], FIRST + 30_000);
    engine.tick(FIRST + MINUTE);
    return { engine, first, dispatched: engine.takeDispatches() };
  };

  it("queue lets the next one wait for the slot", () => {
    const { engine, first, dispatched } = overlapping("queue");
    expect(dispatched).toEqual([]);
    engine.finish(first, FIRST + MINUTE + 10);
    expect(engine.takeDispatches()).toHaveLength(1);
  });

  it("skip records the due time as cancelled, and why", () => {
    const { engine, dispatched } = overlapping("skip");
    expect(dispatched).toEqual([]);
    expect(owedHistory(engine.state).map((each) => [each.execution.status, each.execution.error?.code])).toEqual([
      ["cancelled", "skipped_overlap"],
      ["running", undefined],
    ]);
  });

  it("cancel_running ends the older one, whose result is then late", () => {
    const { engine, first, dispatched } = overlapping("cancel_running");
    expect(dispatched).toHaveLength(1);
    expect(engine.finish(first, FIRST + MINUTE + 10)).toBe(false);
    expect(owedHistory(engine.state)[0]?.execution).toMatchObject({ id: first.executionId, status: "cancelled" });
  });
});
