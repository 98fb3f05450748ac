/** The actor with its real SQLite and alarm: what fires, what a person may do about it, and what it leaves behind. */

import { runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { JobActor } from "../../../src/actors/job/JobActor.ts";
import { scheduledExecutionId } from "../../../src/domain/ids.ts";
import type { Job } from "../../../src/domain/job/job.ts";
import { REQUEST_DEFAULTS } from "../../../src/domain/job/request.ts";
import { Simulation, SIMULATED_START_MS as START } from "../../support/simulation.ts";

const MINUTE = 60_000;
const RECURRING = { schedule: { kind: "recurring", everyMinutes: 1 }, concurrencyLimit: 1 } as const;

let world: Simulation;
beforeEach(() => {
  world = new Simulation();
});
afterEach(() => world.end());

const statusesOf = async (job: Job) => (await world.history(job)).map((execution) => execution.status);

/** A job with one execution in flight, whose target has not answered yet. */
async function inFlight(changes: Partial<Job> = {}) {
  const job = await world.start({ concurrencyLimit: 1, ...changes });
  const held = world.hold();
  const running = world.begin(world.take());
  await world.until(() => world.arrivals.length === 1, "the request to arrive");
  const [first] = world.arrivals;
  return { job, running, release: held.release, executionId: first?.executionId ?? "" };
}

describe("each kind of job fires", () => {
  it("recurring: every N minutes from its creation", async () => {
    const job = await world.start({ ...RECURRING, schedule: { kind: "recurring", everyMinutes: 7 } });
    await world.advanceTo(START + 30 * MINUTE);
    const due = (await world.history(job)).map((execution) => (execution.scheduledForMs - START) / MINUTE);
    expect(due).toEqual([7, 14, 21, 28]);
    expect(world.arrivals.map((arrival) => (arrival.atMs - START) / MINUTE)).toEqual([7, 14, 21, 28]);
  });

  it("cron: at the times of its expression in its zone", async () => {
    const job = await world.start({
      schedule: { kind: "cron", cron: "5,35 * * * *", timezone: "Asia/Kolkata", dst: { gap: "run", repeat: "once" } },
    });
    await world.advanceTo(START + 2 * 60 * MINUTE);
    const due = (await world.history(job)).map((execution) => (execution.scheduledForMs - START) / MINUTE);
    // Half an hour off UTC, so the minutes are the same ones.
    expect(due).toEqual([5, 35, 65, 95]);
  });

  it("scheduled: once, and is completed", async () => {
    const job = await world.start({ schedule: { kind: "scheduled", runAtMs: START + 90_000 } });
    await world.advanceTo(START + 10 * MINUTE);
    expect(await world.history(job)).toMatchObject([{ scheduledForMs: START + 90_000, status: "succeeded" }]);
    expect((await world.services().jobs.find(job.workspaceId, job.id))?.state).toBe("completed");
    expect(await world.alarmOf(job.id)).toBeNull();
  });

  it("one_time: at once, and is completed", async () => {
    const job = await world.start();
    await world.deliverAll();
    expect(await world.history(job)).toMatchObject([{ scheduledForMs: START, status: "succeeded" }]);
    expect((await world.services().jobs.find(job.workspaceId, job.id))?.state).toBe("completed");
  });
});

describe("apply", () => {
  it("of the version that the actor has changes nothing, however often it comes", async () => {
    const job = await world.start(RECURRING);
    await world.advanceTo(START + MINUTE);
    const before = await rowsOf(job);
    for (let time = 0; time < 3; time++) await world.apply(job);
    expect(await rowsOf(job)).toEqual(before);
    await world.advanceTo(START + 2 * MINUTE);
    expect(await world.history(job)).toHaveLength(2);
  });

  it("of an older version, which came late, changes nothing", async () => {
    const job = await world.start(RECURRING);
    const edited = await world.edit(job.id, { name: "edited" });
    await world.actor(job.id).apply(job);
    await world.advanceTo(START + MINUTE);
    expect(await world.history(edited)).toMatchObject([{ jobName: "edited", jobVersion: 2 }]);
  });
});

describe("pausing", () => {
  it("while queued: the message finds nothing to claim; resuming sends a new one", async () => {
    const job = await world.start({ schedule: { kind: "scheduled", runAtMs: START + 1_000 } });
    await world.advanceTo(START + 1_000, async () => {});
    await world.edit(job.id, { state: "paused" });
    await world.deliverAll();
    await world.advance(10 * MINUTE);
    expect(world.arrivals).toEqual([]);
    await world.edit(job.id, { state: "active", scheduleFromMs: world.nowMs });
    await world.deliverAll();
    expect(world.arrivals).toHaveLength(1);
    expect(await statusesOf(job)).toEqual(["succeeded"]);
  });

  it("while in flight: the request goes on and counts; the next due time does not fire", async () => {
    const { job, running, release } = await inFlight();
    await world.edit(job.id, { state: "paused" });
    release();
    await running;
    await world.advance(10 * MINUTE);
    expect(world.arrivals).toHaveLength(1);
    expect(await statusesOf(job)).toEqual(["succeeded"]);
  });

  it("gives the slot back: a run-now goes ahead of what the schedule had started", async () => {
    const job = await world.start({ ...RECURRING, retryPolicy: patientRetry() });
    world.answer = () => new Response("no", { status: 503 });
    await world.advanceTo(START + MINUTE);
    await world.edit(job.id, { state: "paused" });
    world.answer = () => new Response("ok");
    const manual = await world.runNow(job);
    await world.deliverAll();
    expect(world.arrivalsOf(manual)).toHaveLength(1);
    expect(world.arrivals).toHaveLength(2);
  });
});

describe("editing", () => {
  it("while queued: the first claim takes the newest definition", async () => {
    const job = await world.start();
    const waiting = world.take();
    await world.edit(job.id, { request: { ...REQUEST_DEFAULTS, url: "https://example.com/new" } });
    await world.deliver(waiting);
    expect(world.arrivals.map((arrival) => arrival.url)).toEqual(["https://example.com/new"]);
    expect(await world.history(job)).toMatchObject([{ jobVersion: 2 }]);
  });

  it("while in flight: the execution, its retries included, keeps the definition it started under", async () => {
    const { job, running, release } = await inFlight({ retryPolicy: patientRetry() });
    await world.edit(job.id, { request: { ...REQUEST_DEFAULTS, url: "https://example.com/new" } });
    world.answer = () => new Response("ok");
    const late = world.arrivals[0]?.executionId ?? "";
    release();
    await running;
    await world.advance(MINUTE);
    expect(world.arrivalsOf(late).map((arrival) => arrival.url)).not.toContain("https://example.com/new");
    const manual = await world.runNow(job);
    await world.deliverAll();
    expect(world.arrivalsOf(manual).map((arrival) => arrival.url)).toEqual(["https://example.com/new"]);
  });

  it("keeps the old definition through evictions until the last execution that runs under it has ended", async () => {
    world.evicting = true;
    const job = await world.start({ retryPolicy: patientRetry() });
    world.answer = () => new Response("no", { status: 503 });
    await world.deliverAll();
    await world.edit(job.id, { request: { ...REQUEST_DEFAULTS, url: "https://example.com/new" } });
    world.answer = () => new Response("ok");
    await world.advance(MINUTE);
    expect(world.arrivals.map((arrival) => arrival.url)).toEqual([job.request.url, job.request.url]);
    expect((await rowsOf(job)).definitions).toHaveLength(1);
  });
});

describe("cancelling", () => {
  it("while queued: the message finds nothing", async () => {
    const job = await world.start();
    const ended = await world.cancel(job, scheduledExecutionId(job.id, START));
    expect(ended?.status).toBe("cancelled");
    await world.advance(MINUTE);
    expect(world.arrivals).toEqual([]);
    expect(await statusesOf(job)).toEqual(["cancelled"]);
    expect((await world.services().jobs.find(job.workspaceId, job.id))?.state).toBe("completed");
  });

  it("while in flight: frees the slot at once, and the answer that comes later changes nothing", async () => {
    const { job, running, release, executionId } = await inFlight();
    const waiting = await world.runNow(job);
    expect(world.messages).toEqual([]);
    await world.cancel(job, executionId);
    const answered = world.answer;
    world.answer = () => new Response("ok");
    await world.deliverAll();
    expect(world.arrivalsOf(waiting)).toHaveLength(1);
    world.answer = answered;
    release();
    await running;
    await world.advance(MINUTE);
    expect(await statusesOf(job)).toEqual(["cancelled", "succeeded"]);
  });
});

describe("deleting", () => {
  it("while queued: nothing is sent and nothing is recorded", async () => {
    const job = await world.start();
    const waiting = world.take();
    await world.delete(job);
    await world.deliver(waiting);
    expect(world.arrivals).toEqual([]);
    expect(await world.history(job)).toEqual([]);
  });

  it("while in flight: the result is not recorded afterwards", async () => {
    const { job, running, release } = await inFlight();
    await world.delete(job);
    release();
    await running;
    await world.deliverAll();
    expect(await world.history(job)).toEqual([]);
    expect(await storageOf(job)).toEqual({ tables: [], entries: 0, alarm: null });
  });

  it("leaves nothing behind: no table, no entry, no alarm", async () => {
    const job = await world.start(RECURRING);
    await world.advanceTo(START + 2 * MINUTE);
    await world.runNow(job);
    await world.edit(job.id, { name: "edited" });
    await world.delete(job);
    expect(await storageOf(job)).toEqual({ tables: [], entries: 0, alarm: null });
    await world.evict(job.id);
    expect(await world.actor(job.id).owed()).toEqual([]);
    expect(await storageOf(job)).toEqual({ tables: [], entries: 0, alarm: null });
  });

  it("lets the same object start afresh", async () => {
    const job = await world.start(RECURRING);
    await world.actor(job.id).erase();
    await world.actor(job.id).apply(job);
    await world.advanceTo(START + MINUTE);
    expect(await world.history(job)).toHaveLength(1);
  });
});

describe("alarm()", () => {
  it("does not throw when the state cannot be saved: it looks again a minute later, and nothing is lost", async () => {
    const job = await world.start();
    world.take();
    await world.advance(5_000, async () => {});
    const rangAgainMs = await runInDurableObject(world.stub(job.id), async (actor: JobActor, state) => {
      const { sql } = state.storage;
      const working = sql.exec.bind(sql);
      const broken = vi.spyOn(sql, "exec").mockImplementation((query, ...bindings) => {
        if (query.startsWith("SELECT")) return working(query, ...bindings);
        throw new Error("disk I/O error: SQLITE_IOERR");
      });
      // The message was lost meanwhile, so this alarm has something to save.
      world.setClock(world.nowMs + 30_000);
      await actor.alarm();
      broken.mockRestore();
      return await state.storage.getAlarm();
    });
    expect(rangAgainMs).toBe(world.nowMs + MINUTE);
    expect(world.logs.map((line) => line.event)).toContain("actor.alarm_failed");
    await world.advance(2 * MINUTE);
    expect(await statusesOf(job)).toEqual(["succeeded"]);
    expect(world.arrivals).toHaveLength(1);
  });

  it("does not throw when the queue refuses messages: they are sent again", async () => {
    const job = await world.start({ schedule: { kind: "scheduled", runAtMs: START + 1_000 } });
    const send = vi.spyOn(env.EXECUTIONS, "send");
    const working = send.getMockImplementation();
    send.mockRejectedValue(new Error("Queue is overloaded. Please back off. (10250)"));
    await world.advance(1_000);
    expect(world.logs.map((line) => line.event)).toContain("queue.send_failed");
    if (working) send.mockImplementation(working);
    await world.advance(MINUTE);
    expect(await statusesOf(job)).toEqual(["succeeded"]);
  });

  it("that rings in an object without a job does nothing", async () => {
    const stub = world.stub(world.draft().id);
    await runInDurableObject(stub, async (actor: JobActor, state) => {
      await actor.alarm();
      expect(await state.storage.getAlarm()).toBeNull();
    });
  });

  it("is armed at every moment at which there is something to do", async () => {
    const job = await world.start(RECURRING);
    const seen: (number | null)[] = [];
    await world.advanceTo(START + 3 * MINUTE, async () => {
      seen.push(await world.alarmOf(job.id));
      const [message] = world.take();
      if (message) await world.deliver([message]);
      seen.push(await world.alarmOf(job.id));
    });
    expect(seen.length).toBeGreaterThan(6);
    expect(seen).not.toContain(null);
  });
});

function patientRetry(): Job["retryPolicy"] {
  return {
    maxAttempts: 3,
    retryOnStatuses: [503],
    retryOnMismatch: false,
    backoff: { type: "fixed", initialMs: 30_000, factor: 1, maxMs: 30_000, jitter: false, listMs: [] },
    maxDurationSeconds: null,
  };
}

async function rowsOf(job: Job) {
  return await runInDurableObject(world.stub(job.id), (_, { storage: { sql } }) => ({
    hot: sql.exec("SELECT * FROM hot").toArray(),
    definitions: sql.exec("SELECT * FROM definitions").toArray(),
    live: sql.exec("SELECT * FROM live").toArray(),
    outbox: sql.exec("SELECT * FROM outbox").toArray(),
  }));
}

async function storageOf(job: Job) {
  return await runInDurableObject(world.stub(job.id), async (_, { storage }) => ({
    tables: storage.sql
      .exec("SELECT name FROM sqlite_master WHERE name NOT LIKE '\\_cf\\_%' ESCAPE '\\'")
      .toArray()
      .map((row) => row["name"]),
    entries: (await storage.list()).size,
    alarm: await storage.getAlarm(),
  }));
}
