import { describe, expect, it } from "vitest";
import { EngineDriver, makeJob, MINUTE, START, SUCCEED } from "./engine.fixture.ts";
import { claimForHandOver, NO_TAKERS } from "./handOver.ts";
import type { AttemptWork } from "./claim.ts";

const FIRST = START + MINUTE;

/** Lets an event's dispatches be claimed at once, as the actor does. */
function handOver(engine: EngineDriver, nowMs: number, most = 6): readonly AttemptWork[] {
  const { state, works, commands } = claimForHandOver(engine.state, engine.commands, {
    nowMs,
    uuid: () => "uuid",
    most,
    takers: NO_TAKERS,
  });
  engine.state = state;
  engine.commands = [...commands];
  return works;
}

function messageOf({ executionId, step, fence }: AttemptWork) {
  return { executionId, step, fence };
}

describe("an attempt that is handed over", () => {
  it("is claimed: no message is left, no message claims it again, and its worker finishes it", () => {
    const engine = new EngineDriver();
    engine.tick(FIRST);
    const [work, ...more] = handOver(engine, FIRST);
    if (!work) throw new Error("nothing was handed over");
    expect(more).toEqual([]);
    expect(engine.commands).toEqual([]);
    expect(work).toMatchObject({ attempt: 1, execution: { status: "running", startedAtMs: FIRST } });
    expect(engine.claim(messageOf(work), FIRST + 1)).toBe("stale");
    expect(engine.finish(work, FIRST + 2)).toBe(true);
    expect(engine.state.live.size).toBe(0);
  });

  it("is made again when its worker never reports", () => {
    const engine = new EngineDriver();
    engine.tick(FIRST);
    const [work] = handOver(engine, FIRST);
    engine.tick(work?.leaseUntilMs ?? 0);
    const [again] = handOver(engine, work?.leaseUntilMs ?? 0);
    expect(again).toMatchObject({
      attempt: 2,
      countedBefore: 0,
      execution: { attempts: [{ errorClass: "worker_lost" }] },
    });
    expect(work && engine.finish(work, (again?.leaseUntilMs ?? 0) - 1)).toBe(false);
  });
});

describe("what is not handed over", () => {
  it("is left for the queue: all that is beyond the most, in the order of dispatch", () => {
    const engine = new EngineDriver(makeJob({ concurrencyLimit: 10 }));
    for (let index = 0; index < 5; index++) engine.trigger({ id: `exe_${index}` }, START);
    const works = handOver(engine, START, 2);
    expect(works.map((work) => work.executionId)).toEqual(["exe_0", "exe_1"]);
    expect(engine.takeDispatches().map((command) => command.executionId)).toEqual(["exe_2", "exe_3", "exe_4"]);
  });

  it("is left for the queue: an attempt that may outlive the 30 s after its call", () => {
    const job = makeJob();
    const engine = new EngineDriver({ ...job, request: { ...job.request, timeoutSeconds: 31 } });
    engine.tick(FIRST);
    expect(handOver(engine, FIRST)).toEqual([]);
    expect(engine.takeDispatches()).toMatchObject([{ lane: "long" }]);
  });
});

describe("an attempt that nobody took", () => {
  it("is given back: a message with a new fence goes out, and the result of the old claim is late", () => {
    const engine = new EngineDriver();
    engine.tick(FIRST);
    const [work] = handOver(engine, FIRST);
    if (!work) throw new Error("nothing was handed over");
    engine.send<"hand_back">({ type: "hand_back", ...messageOf(work) }, FIRST + 1);
    const [message] = engine.takeDispatches();
    expect(message?.fence).toBe(work.fence + 1);
    expect(engine.finish(work, FIRST + 2)).toBe(false);
    const claimed = engine.mustClaim(message, FIRST + 3);
    // Nothing was sent, so nothing counts; the record that a worker wrote after all is older than any to come.
    expect(claimed).toMatchObject({ attempt: 1, countedBefore: 0 });
    expect(claimed.execution.rev).toBeGreaterThan(work.execution.rev + 1);
    expect(engine.finish(claimed, FIRST + 4, SUCCEED)).toBe(true);
  });

  it("is not given back once it has ended, or was claimed anew", () => {
    const engine = new EngineDriver();
    engine.tick(FIRST);
    const [work] = handOver(engine, FIRST);
    if (!work) throw new Error("nothing was handed over");
    engine.tick(work.leaseUntilMs);
    handOver(engine, work.leaseUntilMs);
    const before = engine.state;
    engine.send<"hand_back">({ type: "hand_back", ...messageOf(work) }, work.leaseUntilMs + 1);
    expect(engine.state.live).toEqual(before.live);
    engine.send<"cancel">({ type: "cancel", executionId: work.executionId }, work.leaseUntilMs + 2);
    engine.send<"hand_back">({ type: "hand_back", ...messageOf(work) }, work.leaseUntilMs + 3);
    expect(engine.takeDispatches()).toEqual([]);
  });

  it("waits for the job to be resumed when it was paused meanwhile", () => {
    const engine = new EngineDriver();
    engine.tick(FIRST);
    const [work] = handOver(engine, FIRST);
    if (!work) throw new Error("nothing was handed over");
    engine.send<"apply">({ type: "apply", job: makeJob({ version: 2, state: "paused" }) }, FIRST + 1);
    engine.send<"hand_back">({ type: "hand_back", ...messageOf(work) }, FIRST + 2);
    expect(engine.takeDispatches()).toEqual([]);
    engine.send<"apply">({ type: "apply", job: makeJob({ version: 3, scheduleFromMs: FIRST + 3 }) }, FIRST + 3);
    expect(engine.mustClaim(engine.takeDispatches()[0], FIRST + 4).attempt).toBe(1);
  });
});
