/** Who may send, and which result counts. */

import { describe, expect, it } from "vitest";
import { owedHistory } from "./control.ts";
import { EngineDriver, makeJob, MINUTE, START, SUCCEED } from "./engine.fixture.ts";
import { LOST_MOST } from "./timers.ts";

const FIRST = START + MINUTE;
const RETRY = { type: "retry", delayMs: 500 } as const;

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
