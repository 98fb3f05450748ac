/** What is owed to the history, and that a state is never touched. */

import { describe, expect, it } from "vitest";
import { owedHistory } from "./control.ts";
import { EngineDriver, makeJob, MINUTE, START } from "./engine.fixture.ts";
import { reduce } from "./reduce.ts";

const FIRST = START + MINUTE;
const RETRY = { type: "retry", delayMs: 500 } as const;
const FAIL = { type: "fail", error: { code: "http_status", message: "no" } } as const;

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
