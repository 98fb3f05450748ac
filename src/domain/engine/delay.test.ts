/** Executions that are due later, and those that are given up before they begin. */

import { describe, expect, it } from "vitest";
import { isDelayed } from "../execution/execution.ts";
import { approval, http, workflowJob } from "../workflow/workflow.fixture.ts";
import { owedHistory } from "./control.ts";
import { EngineDriver, makeJob, MINUTE, START } from "./engine.fixture.ts";
import { occupiesSlot } from "./state.ts";
import { isResting, nextWakeMs } from "./timers.ts";
import { WorkflowDriver } from "./workflow.fixture.ts";

const HOUR = 60 * MINUTE;
const DUE = START + HOUR;
/** Started by hand only, one at a time. */
const QUIET = makeJob({ schedule: { kind: "scheduled", runAtMs: START - 1 } });
const TTL = 10_000;

function delayed(untilMs = DUE, asked: { ttlMs?: number } = {}): EngineDriver {
  const engine = new EngineDriver(QUIET);
  engine.trigger({ id: "exe_later", delayUntilMs: untilMs, ...asked }, START);
  return engine;
}

function executionIn(engine: EngineDriver, id = "exe_later") {
  return engine.state.live.get(id)?.execution ?? engine.state.outbox.get(id)?.execution;
}

/** As the consumer does when it is asked to collect. */
function collect(engine: EngineDriver, nowMs: number): string[] {
  const owed = owedHistory(engine.state).map(({ execution }) => ({ id: execution.id, rev: execution.rev }));
  engine.send<"confirm">({ type: "confirm", confirmed: owed }, nowMs);
  return owed.map(({ id }) => id);
}

describe("a delayed execution", () => {
  it("is queued for its due time, and begins then and not before", () => {
    const engine = delayed();
    expect(executionIn(engine)).toMatchObject({ status: "queued", scheduledForMs: DUE, createdAtMs: START });
    expect(isDelayed(executionIn(engine) ?? never(), START)).toBe(true);
    engine.tick(DUE - 1);
    expect(engine.takeDispatches()).toEqual([]);
    expect(nextWakeMs(engine.state)).toBeLessThanOrEqual(DUE);
    engine.tick(DUE);
    const work = engine.mustClaim(engine.takeDispatches()[0], DUE + 1);
    expect(work.execution).toMatchObject({ status: "running", scheduledForMs: DUE, startedAtMs: DUE + 1 });
  });

  it("that was due in the past is due now", () => {
    const engine = delayed(START - HOUR);
    expect(executionIn(engine)?.scheduledForMs).toBe(START);
    expect(engine.takeDispatches()).toHaveLength(1);
  });

  it("takes no slot and crowds nobody while it waits", () => {
    const engine = new EngineDriver(makeJob({ overlapPolicy: "skip" }));
    for (let n = 0; n < 1_100; n += 1) {
      expect(engine.trigger({ id: `exe_${n}`, delayUntilMs: DUE }, START).ok).toBe(true);
    }
    engine.tick(START + MINUTE);
    expect(engine.takeDispatches()).toHaveLength(1);
  });

  it("is listed once, and then wakes nobody before its due time", () => {
    const engine = delayed();
    engine.tick(START + 1_500);
    expect(engine.commands).toEqual([{ type: "collect_history" }]);
    expect(collect(engine, START + 1_600)).toEqual(["exe_later"]);
    expect(isResting(engine.state)).toBe(true);
    expect(nextWakeMs(engine.state)).toBe(DUE);
    engine.commands = [];
    engine.tick(DUE);
    expect(engine.commands.map(({ type }) => type)).toEqual(["dispatch"]);
    // Coming due is nothing that a list shows.
    expect(owedHistory(engine.state)).toEqual([]);
  });

  it("is ended by a cancel, and then never begins", () => {
    const engine = delayed();
    expect(engine.send<"cancel">({ type: "cancel", executionId: "exe_later" }, START + 1)?.status).toBe("cancelled");
    engine.tick(DUE);
    expect(engine.takeDispatches()).toEqual([]);
  });

  it("runs under the definition that is the newest when it begins", () => {
    const engine = delayed();
    engine.send<"apply">({ type: "apply", job: { ...QUIET, version: 2, name: "renamed" } }, START + MINUTE);
    engine.tick(DUE);
    const work = engine.mustClaim(engine.takeDispatches()[0], DUE + 1);
    expect([work.job.version, work.execution.jobName]).toEqual([2, "renamed"]);
  });

  it("of a job with steps begins with its first step, and waits for a slot as others do", () => {
    const driver = new WorkflowDriver(workflowJob([approval("ok"), http("a")], { concurrencyLimit: 1 }));
    driver.start({ delayUntilMs: DUE });
    expect([driver.execution.status, driver.execution.workflow?.steps]).toEqual(["queued", []]);
    driver.pass(HOUR);
    expect(driver.execution.status).toBe("waiting");
    expect([...driver.state.live.values()].some(occupiesSlot)).toBe(false);
  });
});

describe("a time to live", () => {
  it("ends what has not begun so long after its due time, and says so", () => {
    const engine = delayed(DUE, { ttlMs: TTL });
    engine.tick(DUE);
    const [message] = engine.takeDispatches();
    engine.tick(DUE + TTL - 1);
    expect(executionIn(engine)?.status).toBe("queued");
    engine.tick(DUE + TTL);
    expect(executionIn(engine)).toMatchObject({
      status: "cancelled",
      error: { code: "expired", message: expect.stringContaining("10 s") },
    });
    expect(message && engine.claim(message, DUE + TTL + 1)).toBe("unknown");
    expect(owedHistory(engine.state)).toHaveLength(1);
  });

  it("is over for a claim that comes at its very end, and not for one a moment before", () => {
    for (const [claimedMs, verdict] of [
      [DUE + TTL, "unknown"],
      [DUE + TTL - 1, "run"],
    ] as const) {
      const engine = delayed(DUE, { ttlMs: TTL });
      engine.tick(DUE);
      const [message] = engine.takeDispatches();
      const claimed = message && engine.claim(message, claimedMs);
      expect(typeof claimed === "string" ? claimed : "run").toBe(verdict);
    }
  });

  it("ends nothing that was claimed in time, however long that takes and however often it is retried", () => {
    const engine = delayed(DUE, { ttlMs: TTL });
    engine.tick(DUE);
    const work = engine.mustClaim(engine.takeDispatches()[0], DUE + 1);
    engine.finish(work, DUE + 2, { type: "retry", delayMs: HOUR });
    engine.tick(DUE + HOUR + 2);
    const again = engine.takeDispatches().find(({ executionId }) => executionId === "exe_later");
    expect(engine.mustClaim(again, DUE + HOUR + 3).attempt).toBe(2);
  });

  it("wakes the job, also where a slot is what is waited for", () => {
    const engine = new EngineDriver(QUIET);
    engine.trigger({ id: "exe_first" }, START);
    engine.finish(engine.mustClaim(engine.takeDispatches()[0], START), START, { type: "retry", delayMs: HOUR });
    engine.trigger({ id: "exe_later", ttlMs: TTL }, START);
    collect(engine, START + 1);
    expect(nextWakeMs(engine.state)).toBe(START + TTL);
    engine.tick(START + TTL);
    expect(executionIn(engine)?.error?.code).toBe("expired");
  });

  it("ends an execution with steps before its first one, and a held one too", () => {
    const steps = new WorkflowDriver(workflowJob([http("a")], { queuePaused: true })).start({ ttlMs: TTL });
    expect(steps.requested()).toEqual([]);
    expect(steps.pass(TTL).execution).toMatchObject({ status: "cancelled", error: { code: "expired" } });
  });
});

describe("a reschedule", () => {
  const move = (engine: EngineDriver, untilMs: number, nowMs: number) =>
    engine.send<"reschedule">({ type: "reschedule", executionId: "exe_later", untilMs }, nowMs);

  it("moves the due time either way, and the time to live with it", () => {
    const engine = delayed(DUE, { ttlMs: TTL });
    const before = executionIn(engine)?.rev ?? 0;
    expect(move(engine, DUE + HOUR, START + 1)).toMatchObject({
      type: "rescheduled",
      execution: { id: "exe_later", status: "queued", scheduledForMs: DUE + HOUR },
    });
    expect(executionIn(engine)?.rev).toBeGreaterThan(before);
    engine.tick(DUE + TTL);
    expect(engine.takeDispatches()).toEqual([]);
    move(engine, DUE + MINUTE, DUE + TTL + 1);
    engine.tick(DUE + MINUTE);
    expect(engine.takeDispatches()).toHaveLength(1);
    engine.tick(DUE + MINUTE + TTL);
    expect(executionIn(engine)?.error?.code).toBe("expired");
  });

  it("is listed again", () => {
    const engine = delayed();
    collect(engine, START + 1_500);
    move(engine, DUE + HOUR, START + 2_000);
    engine.tick(START + 3_500);
    expect(owedHistory(engine.state)).toMatchObject([{ execution: { scheduledForMs: DUE + HOUR } }]);
  });

  it("to a moment that has passed begins it at once", () => {
    const engine = delayed();
    move(engine, START - 1, START + 5);
    expect(executionIn(engine)?.scheduledForMs).toBe(START + 5);
    expect(engine.takeDispatches()).toHaveLength(1);
  });

  it("is refused once it is due, running, or ended, and for what is not known", () => {
    const engine = delayed(DUE);
    engine.tick(DUE);
    const [message] = engine.takeDispatches();
    expect(move(engine, DUE + HOUR, DUE + 1)).toMatchObject({ type: "not_delayed", execution: { status: "queued" } });
    const work = engine.mustClaim(message, DUE + 2);
    expect(move(engine, DUE + HOUR, DUE + 3)).toMatchObject({ type: "not_delayed", execution: { status: "running" } });
    engine.finish(work, DUE + 4, undefined, false);
    expect(move(engine, DUE + HOUR, DUE + 5)).toMatchObject({
      type: "not_delayed",
      execution: { status: "succeeded" },
    });
    collect(engine, DUE + 6);
    expect(move(engine, DUE + HOUR, DUE + 7)).toEqual({ type: "unknown" });
  });

  it("leaves a step that waits alone", () => {
    const driver = new WorkflowDriver(workflowJob([approval("ok")])).start();
    const answer = driver.send<"reschedule">({ type: "reschedule", executionId: driver.id, untilMs: DUE }, START + 1);
    expect(answer).toMatchObject({ type: "not_delayed", execution: { status: "waiting" } });
  });
});

function never(): never {
  throw new Error("there is no such execution");
}
