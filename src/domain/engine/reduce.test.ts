/** The engine's specification: what fires, what is claimed, what counts, and what is owed. */

import { describe, expect, it } from "vitest";
import { scheduledExecutionId } from "../ids.ts";
import { EngineDriver, makeJob, MINUTE, START, SUCCEED } from "./engine.fixture.ts";
import { owedHistory } from "./control.ts";
import { isAnnouncementOnly, reduce } from "./reduce.ts";
import { LOST_MOST, nextWakeMs } from "./timers.ts";

const FIRST = START + MINUTE;
const RETRY = { type: "retry", delayMs: 500 } as const;
const FAIL = { type: "fail", error: { code: "http_status", message: "no" } } as const;

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

describe("a claim", () => {
  it("is granted once per message, however often it is delivered", () => {
    const engine = new EngineDriver();
    engine.tick(FIRST);
    const [message] = engine.takeDispatches();
    engine.mustClaim(message, FIRST + 1);
    expect(message && engine.claim(message, FIRST + 2)).toBe("stale");
  });

  it("is refused for an execution that ended, was cancelled, or never was", () => {
    const engine = new EngineDriver();
    engine.tick(FIRST);
    const [message] = engine.takeDispatches();
    engine.send<"cancel">({ type: "cancel", executionId: message?.executionId ?? "" }, FIRST + 1);
    expect(message && engine.claim(message, FIRST + 2)).toBe("unknown");
    expect(engine.claim({ executionId: "exe_x", step: "request", fence: 1 }, FIRST + 2)).toBe("unknown");
  });

  it("sends a lost message again, after longer and longer waits, under the same fence", () => {
    const engine = new EngineDriver();
    engine.tick(FIRST);
    const [message] = engine.takeDispatches();
    const sentAgain: number[] = [];
    for (let now = FIRST; now < FIRST + 250_000; now += 1_000) {
      engine.tick(now);
      const isRepeated = engine.takeDispatches().some((each) => each.executionId === message?.executionId);
      if (isRepeated) sentAgain.push((now - FIRST) / 1_000);
    }
    const [first = 0, second = 0, third = 0, ...more] = sentAgain;
    expect([first >= 20 && first <= 30, second - first >= 2 * first - 2, third - second >= 4 * first - 3]).toEqual([
      true,
      true,
      true,
    ]);
    expect(more).toEqual([]);
    expect(engine.mustClaim(message, FIRST + 250_000).attempt).toBe(1);
  });

  it("runs under the newest definition when it is the first, and under the same one afterwards", () => {
    const engine = new EngineDriver();
    engine.tick(FIRST);
    const [first] = engine.takeDispatches();
    const edited = (version: number) => ({
      type: "apply" as const,
      job: makeJob({ version, request: { ...makeJob().request, url: `https://example.com/${version}` } }),
    });
    engine.send<"apply">(edited(2), FIRST + 1);
    const work = engine.mustClaim(first, FIRST + 2);
    expect(work.job.version).toBe(2);
    engine.send<"apply">(edited(3), FIRST + 3);
    engine.finish(work, FIRST + 4, RETRY);
    engine.tick(FIRST + 600);
    expect(engine.mustClaim(engine.takeDispatches()[0], FIRST + 601).job.request.url).toBe("https://example.com/2");
    expect(engine.state.job.version).toBe(3);
  });
});

describe("a result", () => {
  it("counts once: a second finish under the same fence is refused", () => {
    const engine = new EngineDriver();
    engine.tick(FIRST);
    const work = engine.mustClaim(engine.takeDispatches()[0], FIRST + 1);
    expect(engine.finish(work, FIRST + 5, RETRY)).toBe(true);
    expect(engine.finish(work, FIRST + 6, SUCCEED)).toBe(false);
  });

  it("that was recorded ahead leaves nothing behind; one that was not is owed", () => {
    for (const recorded of [true, false]) {
      const engine = new EngineDriver();
      engine.tick(FIRST);
      engine.finish(engine.mustClaim(engine.takeDispatches()[0], FIRST + 1), FIRST + 5, SUCCEED, recorded);
      expect(engine.state.live.size).toBe(0);
      expect(engine.state.outbox.size).toBe(recorded ? 0 : 1);
    }
  });

  it("that asks for a retry gives the next attempt its number after the wait", () => {
    const engine = new EngineDriver();
    engine.tick(FIRST);
    engine.finish(engine.mustClaim(engine.takeDispatches()[0], FIRST + 1), FIRST + 5, RETRY);
    engine.tick(FIRST + 504);
    expect(engine.takeDispatches()).toEqual([]);
    engine.tick(FIRST + 505);
    const second = engine.mustClaim(engine.takeDispatches()[0], FIRST + 506);
    expect([second.attempt, second.countedBefore, second.frozen]).toEqual([
      2,
      1,
      { timestampMs: FIRST + 1, uuid: "uuid" },
    ]);
  });

  it("that comes after the lease ended is shown as late and changes nothing", () => {
    const engine = new EngineDriver();
    engine.tick(FIRST);
    const lost = engine.mustClaim(engine.takeDispatches()[0], FIRST + 1);
    engine.tick(lost.leaseUntilMs);
    const again = engine.mustClaim(
      engine.takeDispatches().find((each) => each.executionId === lost.executionId),
      lost.leaseUntilMs + 1,
    );
    expect([again.attempt, again.countedBefore]).toEqual([2, 0]);
    expect(engine.finish(lost, lost.leaseUntilMs + 2)).toBe(false);
    expect(engine.state.live.get(lost.executionId)?.execution.attempts).toMatchObject([
      { status: "SUCCESS", late: true },
    ]);
    expect(engine.finish(again, lost.leaseUntilMs + 9)).toBe(true);
  });

  it("that was recorded ahead is owed all the same when a late attempt was shown since its claim", () => {
    const engine = new EngineDriver();
    engine.tick(FIRST);
    const lost = engine.mustClaim(engine.takeDispatches()[0], FIRST + 1);
    engine.tick(lost.leaseUntilMs);
    const again = engine.mustClaim(
      engine.takeDispatches().find((each) => each.executionId === lost.executionId),
      lost.leaseUntilMs + 1,
    );
    engine.finish(lost, lost.leaseUntilMs + 2);
    // The history may have this picture, whose revision is above that of the record that the second attempt wrote.
    const shown = owedHistory(engine.state).find((owed) => owed.execution.id === lost.executionId)?.execution;
    expect(shown?.rev).toBeGreaterThan(again.execution.rev + 1);
    engine.finish(again, lost.leaseUntilMs + 9, SUCCEED, true);
    const owed = engine.state.outbox.get(lost.executionId)?.execution;
    expect(owed).toMatchObject({ status: "succeeded", attempts: [{ number: 1, late: true }, { number: 2 }] });
    expect(owed?.rev).toBeGreaterThan(shown?.rev ?? 0);
  });

  it("that never comes fails the execution after several lost workers", () => {
    const engine = new EngineDriver(makeJob({ schedule: { kind: "one_time" } }));
    let now = START;
    engine.tick(now);
    for (let i = 0; i < LOST_MOST; i++) {
      now = engine.mustClaim(engine.takeDispatches()[0], now).leaseUntilMs;
      engine.tick(now);
    }
    expect([...engine.state.outbox.values()]).toMatchObject([
      { completesJob: true, execution: { status: "failed", error: { code: "worker_lost" } } },
    ]);
  });

  it("under the actor's later revision loses in the history", () => {
    const engine = new EngineDriver();
    engine.tick(FIRST);
    const work = engine.mustClaim(engine.takeDispatches()[0], FIRST + 1);
    const cancelled = engine.send<"cancel">({ type: "cancel", executionId: work.executionId }, FIRST + 2);
    expect(cancelled?.rev).toBeGreaterThan(work.execution.rev + 1);
  });
});

describe("pausing", () => {
  it("stops fires, frees the slots of what the schedule started, and refuses its messages", () => {
    const engine = new EngineDriver();
    engine.tick(FIRST);
    const [message] = engine.takeDispatches();
    engine.send<"apply">({ type: "apply", job: makeJob({ version: 2, state: "paused" }) }, FIRST + 1);
    expect(message && engine.claim(message, FIRST + 2)).toBe("held");
    engine.tick(FIRST + 10 * MINUTE);
    expect(engine.takeDispatches()).toEqual([]);
    engine.trigger({ id: "exe_manual" }, FIRST + 10 * MINUTE);
    expect(engine.takeDispatches()).toMatchObject([{ executionId: "exe_manual" }]);
  });

  it("holds a retry until the job is resumed; what passed meanwhile is not made up for", () => {
    const engine = new EngineDriver();
    engine.tick(FIRST);
    const work = engine.mustClaim(engine.takeDispatches()[0], FIRST + 1);
    engine.send<"apply">({ type: "apply", job: makeJob({ version: 2, state: "paused" }) }, FIRST + 2);
    expect(engine.finish(work, FIRST + 3, RETRY)).toBe(true);
    engine.tick(FIRST + 9 * MINUTE);
    expect(engine.takeDispatches()).toEqual([]);
    const resumedMs = FIRST + 10 * MINUTE + 1;
    engine.send<"apply">({ type: "apply", job: makeJob({ version: 3, scheduleFromMs: resumedMs }) }, resumedMs);
    expect(engine.takeDispatches()).toMatchObject([{ executionId: work.executionId }]);
    expect(engine.state.live.size).toBe(1);
    expect(engine.state.nextDueMs).toBe(FIRST + 11 * MINUTE);
  });
});

describe("concurrency", () => {
  it("counts every execution, whatever started it, and hands slots out in order of arrival", () => {
    const engine = new EngineDriver(makeJob({ concurrencyLimit: 2 }));
    for (const id of ["exe_a", "exe_b", "exe_c"]) {
      engine.trigger({ id }, START);
    }
    const [a, b, ...none] = engine.takeDispatches();
    expect([a?.executionId, b?.executionId, none.length]).toEqual(["exe_a", "exe_b", 0]);
    engine.finish(engine.mustClaim(b, START + 1), START + 2);
    expect(engine.takeDispatches()).toMatchObject([{ executionId: "exe_c" }]);
  });

  it("refuses a run beyond a thousand waiting ones", () => {
    const engine = new EngineDriver();
    for (let i = 0; i < 1_000; i++) {
      engine.trigger({ id: `exe_${i}` }, START);
    }
    const refused = engine.trigger({ id: "exe_x" }, START);
    expect(refused).toEqual({ ok: false, error: "backlog_full" });
  });
});

describe("history", () => {
  it("is asked for when an execution waits for a slot longer than lists may lag", () => {
    const engine = new EngineDriver();
    for (const id of ["exe_a", "exe_b"]) {
      engine.trigger({ id }, START);
    }
    engine.commands = [];
    engine.tick(START + 1_499);
    expect(engine.commands).toEqual([]);
    engine.tick(START + 1_500);
    expect(engine.commands).toEqual([{ type: "collect_history" }]);
  });

  it("of an attempt under way is left to the worker that makes it, and asked for should that one have died", () => {
    const engine = new EngineDriver(makeJob({ schedule: { kind: "one_time" } }));
    engine.tick(START);
    engine.mustClaim(engine.takeDispatches()[0], START + 1);
    engine.tick(START + 19_000);
    expect(engine.commands).toEqual([]);
    engine.tick(START + 30_000);
    expect(engine.commands).toEqual([{ type: "collect_history" }]);
  });

  it("of an execution that waits for its retry is asked for, unless the worker has recorded it", () => {
    for (const recorded of [true, false]) {
      const engine = new EngineDriver(makeJob({ schedule: { kind: "one_time" } }));
      engine.tick(START);
      const work = engine.mustClaim(engine.takeDispatches()[0], START + 1);
      engine.finish(work, START + 2, { type: "retry", delayMs: 60_000 }, recorded);
      engine.tick(START + 30_000);
      expect(engine.commands.length).toBe(recorded ? 0 : 1);
    }
  });

  it("is owed until it is confirmed at its newest revision", () => {
    const engine = new EngineDriver();
    engine.tick(FIRST);
    const work = engine.mustClaim(engine.takeDispatches()[0], FIRST + 1);
    engine.tick(FIRST + 1_500);
    engine.finish(work, FIRST + 1_600, RETRY);
    engine.send<"confirm">(
      { type: "confirm", confirmed: [{ id: work.executionId, rev: work.execution.rev }] },
      FIRST + 1_700,
    );
    expect(owedHistory(engine.state)).toHaveLength(1);
    const newest = owedHistory(engine.state)[0]?.execution.rev ?? 0;
    engine.send<"confirm">({ type: "confirm", confirmed: [{ id: work.executionId, rev: newest }] }, FIRST + 1_800);
    expect(owedHistory(engine.state)).toEqual([]);
  });

  it("of a failed execution keeps asking while nobody confirms", () => {
    const engine = new EngineDriver(makeJob({ schedule: { kind: "one_time" } }));
    engine.tick(START);
    engine.finish(engine.mustClaim(engine.takeDispatches()[0], START + 1), START + 5, FAIL, false);
    let asked = 0;
    for (let now = START; now < START + 600_000; now += 1_000) {
      engine.commands = [];
      engine.tick(now);
      asked += engine.commands.filter((command) => command.type === "collect_history").length;
    }
    expect(asked).toBeGreaterThan(9);
    expect(asked).toBeLessThan(20);
  });
});

describe("reduce", () => {
  it("does not touch the state it was given", () => {
    const engine = new EngineDriver();
    const before = structuredClone(engine.state);
    const state = engine.state;
    reduce<"tick">(state, { type: "tick" }, FIRST, () => 0.5);
    expect(state).toEqual(before);
  });
});
