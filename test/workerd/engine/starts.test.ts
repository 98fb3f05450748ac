/** Starts that are due later, started once for many calls, and counted: in the real actor, which may be evicted any time. */

import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { rescheduleExecution } from "../../../src/app/executions/rescheduleExecution.ts";
import { startExecution, startMany, type StartRequest } from "../../../src/app/executions/startExecution.ts";
import { countExecutions } from "../../../src/app/jobs/countExecutions.ts";
import {
  forgetIdempotencyKey,
  overrideConcurrency,
  setQueuePaused,
  viewQueue,
} from "../../../src/app/jobs/jobQueue.ts";
import type { Job } from "../../../src/domain/job/job.ts";
import { Simulation, SIMULATED_START_MS as START } from "../../support/simulation.ts";

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DUE = START + HOUR;
/** Runs when it is asked to, and not before. */
const QUIET = { schedule: { kind: "scheduled", runAtMs: START + 1_000 * HOUR } } as const;

let world: Simulation;
beforeEach(() => {
  world = new Simulation();
});
afterEach(() => world.end());

async function start(job: Job, request: Partial<StartRequest> = {}) {
  const started = await startExecution(world.services(), job.workspaceId, job.id, { source: "api", ...request });
  if (!started.ok) throw new Error(JSON.stringify(started.error));
  return { ...started.value, id: started.value.execution.id };
}

async function totalOf(job: Job): Promise<number> {
  const total = await countExecutions(world.services(), job.workspaceId, job.id);
  return total.ok ? total.value : Number.NaN;
}

describe("a delayed execution", () => {
  it("is listed once within two seconds, then costs nothing until it is due, also in an actor that was evicted", async () => {
    const job = await world.start(QUIET);
    const { id } = await start(job, { delayUntilMs: DUE });
    await world.advance(2_000);
    expect(await world.history(job)).toMatchObject([{ id, status: "queued", scheduledForMs: DUE, rev: 2 }]);
    expect(await world.alarmOf(job.id)).toBe(DUE);
    const { d1Calls, sent } = world;
    await world.evict(job.id);
    await world.advanceTo(DUE - 1);
    expect([world.d1Calls, world.sent, world.arrivals.length]).toEqual([d1Calls, sent, 0]);
    await world.advanceTo(DUE + 1);
    expect(world.arrivals).toMatchObject([{ executionId: id, atMs: DUE }]);
    expect(await world.history(job)).toMatchObject([{ id, status: "succeeded", scheduledForMs: DUE }]);
  });

  it("is moved under its id, and the history shows where to", async () => {
    const job = await world.start(QUIET);
    const { id } = await start(job, { delayUntilMs: DUE, ttlMs: MINUTE });
    await world.advance(2_000);
    await world.evict(job.id);
    const moved = await rescheduleExecution(world.services(), job.workspaceId, id, DUE + HOUR);
    expect(moved).toMatchObject({ ok: true, value: { id, scheduledForMs: DUE + HOUR } });
    await world.advance(2_000);
    expect(await world.history(job)).toMatchObject([{ id, scheduledForMs: DUE + HOUR }]);
    await world.advanceTo(DUE + HOUR);
    expect(world.arrivals.map(({ atMs }) => atMs)).toEqual([DUE + HOUR]);
    const late = await rescheduleExecution(world.services(), job.workspaceId, id, DUE + 2 * HOUR);
    expect(late).toMatchObject({ ok: false, error: { code: "not_delayed", details: { status: "succeeded" } } });
  });

  it("that has not begun at the end of its time to live is recorded as expired", async () => {
    const job = await world.start({ ...QUIET, queuePaused: true });
    const { id } = await start(job, { ttlMs: MINUTE });
    await world.evict(job.id);
    await world.advance(MINUTE);
    expect(await world.history(job)).toMatchObject([{ id, status: "cancelled", error: { code: "expired" } }]);
    expect(world.arrivals).toEqual([]);
  });
});

describe("an idempotency key", () => {
  const idempotency = { key: "k", shown: "order 7", windowMs: 30 * 24 * HOUR };

  it("is answered with the first execution while that lasts, and from the history when its actor has forgotten it", async () => {
    const job = await world.start(QUIET);
    const first = await start(job, { idempotency });
    expect(first).toMatchObject({ isDuplicate: false, execution: { start: { idempotencyKey: "order 7" } } });
    await world.evict(job.id);
    expect(await start(job, { idempotency })).toMatchObject({ id: first.id, isDuplicate: true });
    await world.advance(MINUTE);
    await world.evict(job.id);
    const again = await start(job, { idempotency });
    expect(again).toMatchObject({ id: first.id, isDuplicate: true, execution: { status: "succeeded" } });
    expect(world.arrivals).toHaveLength(1);
    expect(await totalOf(job)).toBe(1);
  });

  it("starts a new execution once it was forgotten", async () => {
    const job = await world.start(QUIET);
    const first = await start(job, { idempotency });
    const forget = () => forgetIdempotencyKey(world.services(), job.workspaceId, job.id, "k");
    expect(await forget()).toEqual({ ok: true, value: true });
    expect(await forget()).toEqual({ ok: true, value: false });
    expect((await start(job, { idempotency })).id).not.toBe(first.id);
  });
});

describe("many starts", () => {
  it("are one call, each with its own answer, and are not repeated by a second one", async () => {
    const job = await world.start({ ...QUIET, concurrencyLimit: 10 });
    const requests = Array.from({ length: 150 }, (_, n): StartRequest => ({
      source: "api",
      input: { n },
      idempotency: { key: `item ${n % 140}`, shown: `item ${n % 140}`, windowMs: HOUR },
    }));
    const startAll = async () => {
      const answers = await startMany(world.services(), job.workspaceId, job.id, requests);
      return answers.ok ? answers.value.map((each) => (each.ok ? each.value.isDuplicate : each.error.code)) : [];
    };
    const once = await startAll();
    expect([once.filter((each) => each === false).length, once.filter((each) => each === true).length]).toEqual([
      140, 10,
    ]);
    expect(new Set(await startAll())).toEqual(new Set([true]));
    await world.advance(MINUTE);
    expect(world.arrivals).toHaveLength(140);
    expect(await totalOf(job)).toBe(140);
  });
});

describe("the number of a job's executions", () => {
  it("survives evictions and fires whose announcement was not saved, and is what the history holds", async () => {
    const job = await world.start({ schedule: { kind: "recurring", everyMinutes: 1 }, concurrencyLimit: 2 });
    world.evicting = true;
    for (let n = 0; n < 4; n += 1) await world.runNow(job);
    await world.advance(5 * MINUTE);
    expect(await totalOf(job)).toBe(9);
    expect(await world.history(job)).toHaveLength(9);
  });

  it("is read without a look at the history", async () => {
    const job = await world.start(QUIET);
    await world.runNow(job);
    const services = world.services();
    const blind = { ...services, executions: { ...services.executions, countOfJob: () => expect.unreachable() } };
    expect(await countExecutions(blind, job.workspaceId, job.id)).toEqual({ ok: true, value: 1 });
  });
});

describe("a job's queue", () => {
  it("shows what it holds, stops and goes on, and takes another limit for a while", async () => {
    const job = await world.start({ ...QUIET, concurrencyLimit: 1 });
    const { workspaceId, id } = job;
    const held = world.hold();
    await start(job);
    await start(job);
    await start(job, { delayUntilMs: DUE });
    const working = world.begin(world.take());
    await world.until(() => world.arrivals.length === 1, "the first request");
    expect(await viewQueue(world.services(), workspaceId, id)).toMatchObject({
      value: { running: 1, queued: 1, delayed: 1, waiting: 0, total: 3, job: { queuePaused: false } },
    });
    expect(await setQueuePaused(world.services(), workspaceId, id, true)).toMatchObject({
      value: { job: { queuePaused: true, version: 2 } },
    });
    expect(await setQueuePaused(world.services(), workspaceId, id, true)).toMatchObject({
      value: { job: { version: 2 } },
    });
    held.release();
    await working;
    await world.advance(MINUTE);
    expect(world.arrivals).toHaveLength(1);
    expect(await overrideConcurrency(world.services(), workspaceId, id, 5)).toMatchObject({
      value: { queued: 1, job: { concurrencyLimit: 1, concurrencyOverride: { limit: 5, atMs: world.nowMs } } },
    });
    await setQueuePaused(world.services(), workspaceId, id, false);
    await world.deliverAll();
    expect(world.arrivals).toHaveLength(2);
    expect(await overrideConcurrency(world.services(), workspaceId, id, null)).toMatchObject({
      value: { queued: 0, delayed: 1, job: { concurrencyOverride: null } },
    });
  });
});
