/** Who gets a slot, and who is held back. */

import { describe, expect, it } from "vitest";
import { EngineDriver, makeJob, MINUTE, START } from "./engine.fixture.ts";

const FIRST = START + MINUTE;
const RETRY = { type: "retry", delayMs: 500 } as const;

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

describe("a concurrency key", () => {
  const QUIET = makeJob({ schedule: { kind: "scheduled", runAtMs: START - 1 }, concurrencyLimit: 1 });
  const dispatched = (engine: EngineDriver) => engine.takeDispatches().map(({ executionId }) => executionId);

  it("gives each key as many slots as the job has, and those without one the same", () => {
    const engine = new EngineDriver(QUIET);
    for (const id of ["a1", "a2", "b1"]) engine.trigger({ id, concurrencyKey: id.slice(0, 1) }, START);
    for (const id of ["none1", "none2"]) engine.trigger({ id }, START);
    expect(dispatched(engine)).toEqual(["a1", "b1", "none1"]);
  });

  it("gives a slot that is free again to the next one of the same key", () => {
    const engine = new EngineDriver(QUIET);
    for (const id of ["a1", "b1", "b2", "a2"]) engine.trigger({ id, concurrencyKey: id.slice(0, 1) }, START);
    const [a1] = engine.takeDispatches();
    engine.finish(engine.mustClaim(a1, START + 1), START + 2);
    expect(dispatched(engine)).toEqual(["a2"]);
  });

  it("counts with all others where a schedule asks whether there is room", () => {
    const engine = new EngineDriver(makeJob({ overlapPolicy: "skip" }));
    engine.trigger({ id: "a1", concurrencyKey: "a" }, START);
    engine.tick(START + MINUTE);
    expect(engine.state.live.size).toBe(1);
    expect([...engine.state.outbox.values()][0]?.execution.error?.code).toBe("skipped_overlap");
  });
});

describe("an override of the concurrency", () => {
  it("takes the place of the limit, at once and for as long as it stands", () => {
    const job = makeJob({ schedule: { kind: "scheduled", runAtMs: START - 1 }, concurrencyLimit: 1 });
    const engine = new EngineDriver(job);
    for (const id of ["exe_1", "exe_2", "exe_3", "exe_4"]) engine.trigger({ id }, START);
    expect(engine.takeDispatches()).toHaveLength(1);
    const override = { ...job, version: 2, concurrencyOverride: { limit: 3, atMs: START } };
    engine.send<"apply">({ type: "apply", job: override }, START + 1);
    expect(engine.takeDispatches()).toHaveLength(2);
    engine.send<"apply">({ type: "apply", job: { ...job, version: 3 } }, START + 2);
    engine.send<"cancel">({ type: "cancel", executionId: "exe_1" }, START + 3);
    expect(engine.takeDispatches()).toEqual([]);
  });

  it("counts for the overlap policy too", () => {
    const engine = new EngineDriver(makeJob({ overlapPolicy: "skip", concurrencyOverride: { limit: 2, atMs: START } }));
    engine.tick(FIRST);
    engine.tick(FIRST + MINUTE);
    engine.tick(FIRST + 2 * MINUTE);
    expect([engine.state.live.size, engine.state.outbox.size]).toEqual([2, 1]);
  });
});

describe("a paused queue", () => {
  const job = makeJob({ concurrencyLimit: 5 });
  const paused = { ...job, version: 2, queuePaused: true };
  const resumed = { ...job, version: 3 };

  it("holds back what was asked for too, takes its message back, and lets starts wait", () => {
    const engine = new EngineDriver(job);
    engine.trigger({ id: "exe_1" }, START);
    const [message] = engine.takeDispatches();
    engine.send<"apply">({ type: "apply", job: paused }, START + 1);
    expect(message && engine.claim(message, START + 2)).toBe("held");
    expect(engine.trigger({ id: "exe_2" }, START + 3).ok).toBe(true);
    engine.tick(FIRST);
    expect(engine.takeDispatches()).toEqual([]);
    engine.send<"apply">({ type: "apply", job: resumed }, FIRST + 1);
    expect(engine.takeDispatches()).toHaveLength(3);
  });

  it("lets what is under way come to its end, and holds its retry", () => {
    const engine = new EngineDriver(job);
    engine.trigger({ id: "exe_1" }, START);
    engine.trigger({ id: "exe_2" }, START);
    const [one, two] = engine.takeDispatches().map((message) => engine.mustClaim(message, START + 1));
    engine.send<"apply">({ type: "apply", job: paused }, START + 2);
    expect(one && engine.finish(one, START + 3)).toBe(true);
    expect(two && engine.finish(two, START + 3, RETRY)).toBe(true);
    engine.tick(START + MINUTE - 1);
    expect(engine.takeDispatches()).toEqual([]);
    engine.send<"apply">({ type: "apply", job: resumed }, START + MINUTE - 1);
    expect(engine.takeDispatches()).toMatchObject([{ executionId: "exe_2" }]);
  });

  it("takes back a retry that was waiting for its time", () => {
    const engine = new EngineDriver(job);
    engine.trigger({ id: "exe_1" }, START);
    engine.finish(engine.mustClaim(engine.takeDispatches()[0], START + 1), START + 2, RETRY);
    engine.send<"apply">({ type: "apply", job: paused }, START + 3);
    engine.tick(START + 10_000);
    expect(engine.takeDispatches()).toEqual([]);
  });

  it("keeps a delayed execution queued beyond its due time", () => {
    const engine = new EngineDriver(job);
    engine.trigger({ id: "exe_1", delayUntilMs: START + 5_000 }, START);
    engine.send<"apply">({ type: "apply", job: paused }, START + 1);
    engine.tick(START + 6_000);
    expect(engine.takeDispatches()).toEqual([]);
    expect(engine.state.live.get("exe_1")?.execution.status).toBe("queued");
    engine.send<"apply">({ type: "apply", job: resumed }, START + 7_000);
    expect(engine.takeDispatches()).toHaveLength(1);
  });
});
