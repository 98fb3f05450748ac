/** The watchdog with real actors and D1: it heals what should not have happened, and touches nothing else. */

import { runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Job } from "../../../src/domain/job/job.ts";
import { RETRY_DEFAULTS } from "../../../src/domain/retry/policy.ts";
import { anExecution } from "../db/builders.ts";
import { countExecutions } from "../../../src/app/jobs/countExecutions.ts";
import { storageOn } from "../db/storage.ts";
import { Simulation, SIMULATED_START_MS as START } from "../../support/simulation.ts";

const MINUTE = 60_000;
const DAY = 86_400_000;
const RECURRING = { schedule: { kind: "recurring", everyMinutes: 1 }, concurrencyLimit: 1 } as const;
/** As wrangler.toml has it: the longest that a lost alarm stays unnoticed, besides the grace of an overdue time. */
const PERIOD = 5 * MINUTE;

let world: Simulation;
beforeEach(() => {
  world = new Simulation();
});
// A job that stayed active would be overdue in the next test, whose clock starts anew.
afterEach(async () => {
  for (const job of world.jobs.values()) await world.delete(job);
  world.end();
});

const report = () => world.logs.findLast((line) => line.event === "watchdog.done");

describe("a job whose alarm was lost", () => {
  it.each([
    ["with its object evicted", (job: Job) => world.dropAlarm(job.id)],
    [
      "with its object still in memory",
      (job: Job) => runInDurableObject(world.stub(job.id), (_, { storage }) => storage.deleteAlarm()),
    ],
  ])("is re-armed within one period of the watchdog, %s", async (_how, lose) => {
    const job = await world.start(RECURRING);
    await world.advanceTo(START + 2 * MINUTE);
    await lose(job);
    await world.advance(PERIOD + 1);
    expect(world.arrivals).toHaveLength(2);
    await world.runWatchdog();
    expect(report()).toMatchObject({ woken: 1 });
    expect(await world.alarmOf(job.id)).not.toBeNull();
    // The message that the watchdog's wake-up sent may be lost, too.
    world.take();
    await world.advanceTo(START + 10 * MINUTE);
    const due = (await world.history(job)).map((execution) => (execution.scheduledForMs - START) / MINUTE);
    expect(due).toEqual([1, 2, 7, 8, 9, 10]);
  });

  it.each([
    ["catch_up", [1, 2, 3, 4, 5, 6, 7, 8]],
    ["skip", [1, 6, 7, 8]],
    ["fire_once", [1, 6, 7, 8]],
  ] as const)("catches up by its misfire policy: %s", async (misfirePolicy, expected) => {
    const job = await world.start({ ...RECURRING, misfirePolicy });
    await world.advanceTo(START + MINUTE);
    await world.dropAlarm(job.id);
    await world.advance(PERIOD + 1);
    await world.runWatchdog();
    await world.advanceTo(START + 8 * MINUTE);
    const due = (await world.history(job)).map((execution) => (execution.scheduledForMs - START) / MINUTE);
    expect(due).toEqual(expected);
  });

  it("is found however many healthy jobs there are; those are left alone", async () => {
    const jobs = await Promise.all(Array.from({ length: 30 }, () => world.start(RECURRING)));
    const [lost] = jobs;
    if (!lost) throw new Error("no job");
    await world.dropAlarm(lost.id);
    await world.advanceTo(START + 3 * MINUTE + 1);
    const arrived = world.arrivals.length;
    await world.runWatchdog();
    expect(report()).toMatchObject({ woken: 1, applied: 0, purged: 0 });
    await world.deliverAll();
    expect(world.arrivals.length).toBe(arrived + 1);
    expect(world.arrivals.at(-1)?.jobId).toBe(lost.id);
  });
});

describe("an execution whose retry was lost with the alarm", () => {
  it("goes on, though its due time is in the history", async () => {
    const backoff = {
      type: "fixed",
      initialMs: 30 * MINUTE,
      factor: 1,
      maxMs: DAY,
      jitter: false,
      listMs: [],
    } as const;
    const retryPolicy = { ...RETRY_DEFAULTS, backoff };
    const job = await world.start({ schedule: { kind: "recurring", everyMinutes: 1_440 }, retryPolicy });
    await saveWorkspace(job);
    world.answer = () => new Response("busy", { status: 503 });
    await world.advance(DAY + MINUTE);
    await world.dropAlarm(job.id);
    world.answer = () => new Response("ok");
    await world.advance(2 * 60 * MINUTE);
    expect(await world.history(job)).toMatchObject([{ status: "running" }]);
    await world.runWatchdog();
    expect(report()).toMatchObject({ nudged: 1, woken: 0 });
    await world.deliverAll();
    expect(await world.history(job)).toMatchObject([{ status: "succeeded" }]);
  });
});

describe("a delayed execution whose alarm was lost", () => {
  it("begins late, unless it was moved and is not due", async () => {
    const job = await world.start({ schedule: { kind: "scheduled", runAtMs: START + 365 * DAY } });
    await saveWorkspace(job);
    const [due, moved] = [await delayed(job), await delayed(job)];
    await world.actor(job.id).reschedule(job.workspaceId, moved, START + DAY);
    await world.advance(MINUTE);
    await world.actor(job.id).cancel(job.workspaceId, due);
    await world.advance(MINUTE);
    await world.dropAlarm(job.id);
    await world.advance(60 * MINUTE);
    await world.runWatchdog();
    expect(report()).toMatchObject({ nudged: 0 });
    await world.advance(DAY);
    await world.runWatchdog();
    expect(report()).toMatchObject({ nudged: 1 });
    await world.deliverAll();
    expect(world.arrivals.map(({ executionId }) => executionId)).toEqual([moved]);
  });

  async function delayed(job: Job): Promise<string> {
    return await world.runNow(job, { delayUntilMs: START + 30 * MINUTE });
  }
});

describe("a definition that never reached its actor", () => {
  it("is applied: a job whose creation was cut off fires, late", async () => {
    const job = world.draft();
    await world.save(job);
    await world.advance(MINUTE);
    expect(world.arrivals).toEqual([]);
    await world.runWatchdog();
    expect(report()).toMatchObject({ applied: 1 });
    await world.deliverAll();
    expect(await world.history(job)).toMatchObject([{ status: "succeeded", scheduledForMs: START }]);
    await world.runWatchdog();
    expect(report()).toMatchObject({ applied: 0 });
  });

  it("is applied: a pause that was cut off holds", async () => {
    const job = await world.start(RECURRING);
    await world.until(async () => (await unapplied(job)) === false, "the creation to be marked as applied");
    const paused: Job = { ...job, state: "paused", version: 2, updatedAtMs: world.nowMs };
    await world.services().jobs.replace(paused, 1);
    await world.advance(31_000);
    await world.runWatchdog();
    await world.advance(5 * MINUTE);
    expect(world.arrivals).toEqual([]);
  });

  it("is not applied while it may still be on its way", async () => {
    await world.save(world.draft());
    await world.advance(29_000);
    await world.runWatchdog();
    expect(report()).toMatchObject({ applied: 0 });
  });
});

describe("a deletion that was cut off", () => {
  it("is completed: actor, executions and job are gone", async () => {
    const job = await world.start(RECURRING);
    await world.advanceTo(START + 3 * MINUTE);
    await world.services().jobs.markDeleted(job.workspaceId, job.id, world.nowMs);
    await world.runWatchdog();
    expect(report()).toMatchObject({ purged: 1 });
    const left = await env.DB.prepare(
      "SELECT (SELECT count(*) FROM executions WHERE job_id = ?1) + (SELECT count(*) FROM jobs WHERE id = ?1) AS rows",
    )
      .bind(job.id)
      .first("rows");
    expect(left).toBe(0);
    expect(await world.alarmOf(job.id)).toBeNull();
    const before = world.arrivals.length;
    await world.advance(5 * MINUTE);
    expect(world.arrivals).toHaveLength(before);
  });
});

describe("history", () => {
  it("older than the retention is pruned, if finished; the rest stays", async () => {
    const job = await world.start({ schedule: { kind: "scheduled", runAtMs: START + 365 * DAY } });
    const { history } = storageOn(env.DB);
    const at = (days: number, changes = {}) => ({
      execution: anExecution(job, { scheduledForMs: START - days * DAY, ...changes }),
      completesJob: false,
    });
    await history.record([at(31), at(29), at(32, { status: "running", finishedAtMs: null })]);
    await world.runWatchdog();
    expect(report()).toMatchObject({ pruned: 1 });
    const left = (await world.history(job)).map(({ scheduledForMs }) => Math.round((START - scheduledForMs) / DAY));
    expect(left).toEqual([32, 29]);
    // The actor made none of them, and goes by what it made.
    expect(await world.services().jobs.prunedCount(job.workspaceId, job.id)).toBe(1);
    for (let run = 0; run < 3; run += 1) await world.runNow(job);
    expect(await countExecutions(world.services(), job.workspaceId, job.id)).toEqual({ ok: true, value: 2 });
  });
});

describe("a watchdog one part of which fails", () => {
  it("does the others", async () => {
    const job = await world.start(RECURRING);
    await world.dropAlarm(job.id);
    await world.advance(PERIOD);
    let calls = 0;
    world.beforeD1 = () => {
      calls += 1;
      if (calls === 1) throw new Error("D1_ERROR: Network connection lost.");
    };
    await world.runWatchdog();
    expect(world.logs.map((line) => line.event)).toContain("watchdog.apply_failed");
    expect(report()).toMatchObject({ woken: 1 });
  });
});

/** The walk over what stalls goes by workspaces, and these jobs were made without one. */
async function saveWorkspace(job: Job): Promise<void> {
  const insert = "INSERT OR IGNORE INTO workspaces (id, name, created_at) VALUES (?, 'w', 0)";
  await env.DB.prepare(insert).bind(job.workspaceId).run();
}

async function unapplied(job: Job): Promise<boolean> {
  const found = await world.services().jobs.listUnapplied(Number.MAX_SAFE_INTEGER, 1_000);
  return found.some((each) => each.id === job.id);
}
