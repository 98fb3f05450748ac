/** Jobs that share an object (ADR 0018, ADR 0019), in the real runtime: what is one job's is no other's. */

import { runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { applyJob } from "../../../src/app/jobs/applyJob.ts";
import type { Job } from "../../../src/domain/job/job.ts";
import { AttemptWorker } from "../../../src/entry/attemptWorker.ts";
import { Simulation, SIMULATED_START_MS as START } from "../../support/simulation.ts";

const MINUTE = 60_000;

let world: Simulation;
beforeEach(() => {
  world = new Simulation(START, { direct: true, shared: true });
});
afterEach(async () => {
  for (const job of world.jobs.values()) await world.delete(job);
  world.end();
});

async function startAt(atMs: number, changes: Partial<Job> = {}): Promise<Job> {
  return await world.start({ schedule: { kind: "scheduled", runAtMs: atMs }, ...changes });
}

async function startMany(count: number, atMs: number): Promise<Job[]> {
  const jobs: Job[] = [];
  for (let index = 0; index < count; index++) jobs.push(await startAt(atMs));
  return jobs;
}

const statusesOf = async (job: Job) => (await world.history(job)).map(({ status }) => status);

/** Rows of every table, and the alarm; no tables where nothing is left. */
async function storageOf(job: Job) {
  return await runInDurableObject(world.stub(job.id), async (_, { storage }) => {
    const tables = storage.sql
      .exec("SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE '\\_%' ESCAPE '\\'")
      .toArray()
      .map(({ name }) => String(name));
    const counts = tables.map((table) => storage.sql.exec(`SELECT count(*) AS rows FROM ${table}`).one()["rows"]);
    return {
      rows: Object.fromEntries(tables.map((table, index) => [table, counts[index]])),
      alarm: await storage.getAlarm(),
    };
  });
}

describe("jobs that share an object", () => {
  it("and are due at one moment all fire at one alarm, in calls that hold no more than an invocation's connections", async () => {
    const jobs = await startMany(14, START + MINUTE);
    let rings = 0;
    await world.advance(MINUTE, async () => {
      rings += world.arrivals.length === 0 && world.handed.length > 0 ? 1 : 0;
      await world.deliverAll();
    });
    expect(rings).toBe(1);
    const calls = vi.mocked(AttemptWorker.prototype.start).mock.calls.map(([works]) => works.length);
    expect(calls.every((works) => works <= Number(env.CONNECTIONS_PER_INVOCATION))).toBe(true);
    expect(calls.reduce((sum, works) => sum + works, 0)).toBe(14);
    for (const job of jobs) expect(await statusesOf(job)).toEqual(["succeeded"]);
    expect(world.sent).toBe(0);
  });

  it("fire each at its own time, whatever the order in which they came", async () => {
    const jobs = [await startAt(START + 3 * MINUTE), await startAt(START + MINUTE), await startAt(START + 2 * MINUTE)];
    expect(await world.alarmOf(jobs[0]?.id ?? "")).toBe(START + MINUTE);
    await world.advance(5 * MINUTE);
    expect(world.arrivals.map(({ atMs }) => atMs - START)).toEqual([MINUTE, 2 * MINUTE, 3 * MINUTE]);
  });

  it("are found by their ids, and by no other workspace", async () => {
    const [one, other] = [await startAt(START + MINUTE), await startAt(START + MINUTE, { workspaceId: "wks_other" })];
    const id = await world.runNow(one, { delayUntilMs: START + 10 * MINUTE });
    expect(await world.actor(one.id).describe(one.workspaceId, id)).toMatchObject({ id, jobId: one.id });
    expect(await world.actor(one.id).describe(other.workspaceId, id)).toBeNull();
    expect(await world.actor(other.id).describe(other.workspaceId, id)).toBeNull();
    expect(await world.actor(other.id).load(other.workspaceId)).toMatchObject({ delayed: 0 });
    const unknown = world.draft();
    expect(await world.actor(unknown.id).load(unknown.workspaceId)).toBeNull();
  });

  it("remember keys of their own", async () => {
    const [one, other] = [await startAt(START + 9 * MINUTE), await startAt(START + 9 * MINUTE)];
    const asked = { dedupe: { key: "k", windowMs: 60 * MINUTE, kind: "idempotency" } } as const;
    const first = await world.runNow(one, asked);
    const second = await world.runNow(other, asked);
    await world.evict(one.id);
    expect(await world.actor(other.id).forgetDedupe(other.workspaceId, "k")).toBe(true);
    const again = { workspaceId: one.workspaceId, source: "manual", replayedFrom: null, ...asked } as const;
    expect(await world.actor(one.id).trigger(again)).toMatchObject({ type: "duplicate", executionId: first });
    const fresh = await world.actor(other.id).trigger({ ...again, workspaceId: other.workspaceId });
    expect(fresh).toMatchObject({ type: "started" });
    expect(fresh).not.toMatchObject({ execution: { id: second } });
  });

  it("and repeat fire each by its own schedule and policy, also when the object was away in between", async () => {
    const cron = { kind: "cron", cron: "*/2 * * * *", timezone: "UTC", dst: { gap: "run", repeat: "once" } } as const;
    const interval = await world.start({ schedule: { kind: "recurring", everyMinutes: 3 } });
    const clock = await world.start({ schedule: cron });
    const [catchesUp, skips] = [
      await world.start({ schedule: cron, misfirePolicy: "catch_up" }),
      await world.start({ schedule: cron, misfirePolicy: "skip" }),
    ];
    const minutesOf = async (job: Job) => {
      const found = await world.history(job);
      return found.map(({ scheduledForMs }) => (scheduledForMs - START) / MINUTE).toSorted((a, b) => a - b);
    };
    await world.advance(6 * MINUTE);
    expect(await minutesOf(interval)).toEqual([3, 6]);
    for (const job of [clock, catchesUp, skips]) expect(await minutesOf(job)).toEqual([0, 2, 4, 6]);
    await world.evict(interval.id);
    world.setClock(START + 13.5 * MINUTE);
    await world.advanceTo(START + 15 * MINUTE);
    expect(await minutesOf(interval)).toEqual([3, 6, 12, 15]);
    expect(await minutesOf(clock)).toEqual([0, 2, 4, 6, 12, 14]);
    expect(await minutesOf(catchesUp)).toEqual([0, 2, 4, 6, 8, 10, 12, 14]);
    expect(await minutesOf(skips)).toEqual([0, 2, 4, 6, 14]);
  });

  it("may become jobs that repeat, and stay where they are", async () => {
    const [job, neighbour] = [await startAt(START + MINUTE), await startAt(START + 2 * MINUTE)];
    await world.advance(MINUTE);
    await world.edit(job.id, { schedule: { kind: "recurring", everyMinutes: 1 }, scheduleFromMs: world.nowMs });
    await world.advance(3 * MINUTE);
    expect(await statusesOf(job)).toEqual(["succeeded", "succeeded", "succeeded", "succeeded"]);
    expect(await statusesOf(neighbour)).toEqual(["succeeded"]);
  });

  it("are deleted one by one: the others go on, and the last one leaves nothing", async () => {
    const [first, second, last] = [
      await startAt(START + MINUTE),
      await startAt(START + 2 * MINUTE),
      await startAt(START + 3 * MINUTE),
    ];
    for (const job of [first, second, last]) {
      await world.runNow(job, { dedupe: { key: "k", windowMs: 60 * MINUTE }, delayUntilMs: START + 9 * MINUTE });
    }
    await world.delete(first);
    const { rows, alarm } = await storageOf(last);
    expect(rows).toEqual({ hot: 2, definitions: 2, live: 0, outbox: 0, errands: 0, dedupe: 2 });
    expect(alarm).toBeLessThanOrEqual(START + 2 * MINUTE);
    await world.evict(last.id);
    await world.advance(2 * MINUTE);
    expect(world.arrivals.map(({ jobId }) => jobId)).toEqual([second.id]);
    await world.delete(second);
    await world.delete(last);
    expect(await storageOf(last)).toEqual({ rows: {}, alarm: null });
  });

  it("do not suffer from one that cannot be saved: it is looked at again a minute later", async () => {
    const [broken, ...healthy] = await startMany(3, START + MINUTE);
    if (!broken) throw new Error("three jobs were started");
    const restore = await runInDurableObject(world.stub(broken.id), (_, { storage }) => {
      const working = storage.sql.exec.bind(storage.sql);
      const spy = vi.spyOn(storage.sql, "exec").mockImplementation((query, ...bindings) => {
        if (bindings.some((value) => String(value).includes(`"jobId":"${broken.id}"`))) throw new Error("SQLITE_IOERR");
        return working(query, ...bindings);
      });
      return () => spy.mockRestore();
    });
    await world.advance(MINUTE);
    expect(world.arrivals.map(({ jobId }) => jobId).toSorted()).toEqual(healthy.map(({ id }) => id).toSorted());
    expect(world.logs.map(({ event }) => event)).toContain("actor.alarm_failed");
    restore();
    await world.advance(MINUTE);
    expect(await statusesOf(broken)).toEqual(["succeeded"]);
    expect(world.arrivals).toHaveLength(3);
  });

  it("do not suffer from one whose rows this release cannot read; that one is left as it is, for a release that can", async () => {
    const [unread, ...healthy] = await startMany(3, START + MINUTE);
    if (!unread) throw new Error("three jobs were started");
    const replaceSchedule = async (from: string, to: string) => {
      await runInDurableObject(world.stub(unread.id), (_, { storage }) => {
        const where = "WHERE instr(definition, ?) > 0";
        const sql = `UPDATE definitions SET definition = replace(definition, ?, ?) ${where}`;
        storage.sql.exec(sql, from, to, unread.id);
      });
      await world.evict(unread.id);
    };
    const readable = `"kind":"scheduled"`;
    const unreadable = `"kind":"cron","cron":"of another release","timezone":"UTC"`;
    await replaceSchedule(readable, unreadable);
    await world.advance(MINUTE);
    for (const job of healthy) expect(await statusesOf(job)).toEqual(["succeeded"]);
    expect(world.logs).toContainEqual(expect.objectContaining({ event: "actor.load_failed", jobId: unread.id }));
    expect(await applyJob(world.services(), unread)).toMatchObject({ error: { code: "actor_unavailable" } });
    expect(await statusesOf(unread)).toEqual([]);

    await replaceSchedule(unreadable, readable);
    // As the watchdog does with a job whose due time left no trace.
    await world.apply(unread);
    await world.advance(0);
    expect(await statusesOf(unread)).toEqual(["succeeded"]);
  });

  it("are not kept from their fires by an attempt that nobody comes to take", async () => {
    const [first, second] = [await startAt(START + MINUTE), await startAt(START + MINUTE + 1_000)];
    const slow = Promise.withResolvers<boolean>();
    vi.mocked(AttemptWorker.prototype.start).mockImplementationOnce(async () => await slow.promise);
    world.setClock(START + MINUTE);
    // The platform rings one alarm of an object at a time.
    await runDurableObjectAlarm(world.stub(first.id));
    world.setClock(START + MINUTE + 1_000);
    await runDurableObjectAlarm(world.stub(second.id));
    await world.until(() => world.handed.length > 0, "the second attempt to be handed over");
    expect(world.handed.map(({ execution }) => execution.jobId)).toEqual([second.id]);
    slow.resolve(false);
    await world.settled();
    await world.deliverAll();
    for (const job of [first, second]) expect(await statusesOf(job)).toEqual(["succeeded"]);
  });

  it("give back each its own attempts where the Worker has no room", async () => {
    world.handOver.hasRoom = () => false;
    const jobs = await startMany(8, START + MINUTE);
    await world.advance(MINUTE);
    for (const job of jobs) expect(await statusesOf(job)).toEqual(["succeeded"]);
    expect(world.arrivals).toHaveLength(8);
    expect(world.sent).toBe(8);
  });
});
