/** An object whose jobs keep as much as it could load again: it takes nothing more by request, and goes on. */

import { runInDurableObject } from "cloudflare:test";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { readSlots } from "../../../src/actors/job/jobStore.ts";
import { KEPT_CHARACTERS_MOST } from "../../../src/actors/job/keptSizes.ts";
import { startExecution } from "../../../src/app/executions/startExecution.ts";
import type { TriggerRequest } from "../../../src/domain/engine/protocol.ts";
import type { Job } from "../../../src/domain/job/job.ts";
import { Simulation, SIMULATED_START_MS as START } from "../../support/simulation.ts";

const MINUTE = 60_000;
const DUE = START + MINUTE;
const LATER = START + 60 * MINUTE;
const LARGE = "x".repeat(490_000);
/** More than the bound takes. */
const MANY = 60;
/** A call over RPC carries 32 MiB. */
const AT_A_TIME = 20;

let world: Simulation;
beforeEach(() => {
  world = new Simulation(START, { shared: true });
});
afterEach(async () => {
  for (const job of world.jobs.values()) await world.delete(job);
  world.end();
});

async function startAt(runAtMs: number): Promise<Job> {
  return await world.start({ schedule: { kind: "scheduled", runAtMs } });
}

/** Starts executions with large inputs, all due later, until one is refused; the ids of those that were not. */
async function fill(job: Job, most = MANY): Promise<string[]> {
  const request = { workspaceId: job.workspaceId, source: "api", replayedFrom: null } as const;
  const ids: string[] = [];
  while (ids.length < most) {
    const length = Math.min(AT_A_TIME, most - ids.length);
    const requests = Array.from({ length }, () => ({ ...request, input: LARGE, delayUntilMs: LATER }));
    const answers = await world.actor(job.id).triggerMany(requests);
    ids.push(...answers.flatMap((answer) => (answer.type === "started" ? [answer.execution.id] : [])));
    if (answers.some(({ type }) => type === "backlog_full")) break;
  }
  return ids;
}

async function tryStart(job: Job, asked: Partial<TriggerRequest> = {}) {
  const request = { workspaceId: job.workspaceId, source: "api", replayedFrom: null, ...asked } as const;
  return await world.actor(job.id).trigger(request);
}

async function charactersIn(job: Job): Promise<number> {
  return await runInDurableObject(world.stub(job.id), (_, { storage }) => {
    const rows = [...readSlots(storage.sql, { read: 0, written: 0 }).values()].flat();
    return rows.reduce((sum, { part, text }) => sum + (part === "definitions" ? 0 : (text?.length ?? 0)), 0);
  });
}

describe("an object that keeps as much as it could load again", () => {
  it("refuses starts at the bound, which the last one exceeds by its own size at most, and says when to come again", async () => {
    const job = await startAt(LATER);
    await fill(job);
    const characters = await charactersIn(job);
    expect(characters).toBeGreaterThanOrEqual(KEPT_CHARACTERS_MOST);
    expect(characters).toBeLessThan(KEPT_CHARACTERS_MOST + 1_000 + LARGE.length);
    expect(await startExecution(world.services(), job.workspaceId, job.id, { source: "manual" })).toMatchObject({
      error: { code: "backlog_full", retryAfterSeconds: 10 },
    });
    expect(await charactersIn(job)).toBe(characters);
  });

  it("takes new ones once some have ended and the history has them", async () => {
    const job = await startAt(LATER);
    const [first = ""] = await fill(job);
    await world.cancel(job, first);
    expect(await tryStart(job)).toEqual({ type: "backlog_full" });
    await world.deliverAll();
    expect(await tryStart(job)).toMatchObject({ type: "started" });
    expect(await tryStart(job, { input: LARGE })).toMatchObject({ type: "started" });
    expect(await tryStart(job)).toEqual({ type: "backlog_full" });
  });

  it("refuses starts of its other jobs too, and their schedules fire, as does that of the one that fills it", async () => {
    const [large, small] = [await startAt(DUE), await startAt(DUE)];
    await fill(large);
    expect(await tryStart(small)).toEqual({ type: "backlog_full" });
    await world.advanceTo(DUE);
    expect(world.arrivals.map(({ jobId }) => jobId).toSorted()).toEqual([large.id, small.id].toSorted());
    expect((await world.history(small)).map(({ status }) => status)).toEqual(["succeeded"]);
    expect(await tryStart(small)).toEqual({ type: "backlog_full" });
    await world.delete(large);
    expect(await tryStart(small)).toMatchObject({ type: "started" });
  });

  it("has got there by all of its jobs together", async () => {
    const [one, other] = [await startAt(LATER), await startAt(LATER)];
    expect(await fill(one, 30)).toHaveLength(30);
    expect((await fill(other)).length).toBeLessThan(30);
    expect(await charactersIn(one)).toBeLessThan(KEPT_CHARACTERS_MOST + 1_000 + LARGE.length);
    expect(await tryStart(one)).toEqual({ type: "backlog_full" });
  });

  it("is as full after an eviction", async () => {
    const [large, small] = [await startAt(LATER), await startAt(LATER)];
    const [first = ""] = await fill(large);
    for (const job of [large, small]) {
      await world.evict(job.id);
      expect(await tryStart(job)).toEqual({ type: "backlog_full" });
    }
    await world.cancel(large, first);
    await world.deliverAll();
    await world.evict(large.id);
    expect(await tryStart(small)).toMatchObject({ type: "started" });
  });

  it("keeps ends that the history does not take without what targets answered, and hands them in when it does", async () => {
    const [large, early, late] = [await startAt(LATER), await startAt(DUE), await startAt(DUE + MINUTE)];
    world.answer = () => new Response("y".repeat(50_000));
    world.beforeD1 = () => {
      throw new Error("D1_ERROR: Network connection lost.");
    };
    await world.advanceTo(DUE);
    await fill(large);
    await world.advanceTo(DUE + MINUTE);
    world.beforeD1 = () => {};
    await world.advance(2 * MINUTE);
    const previewsOf = async (job: Job) =>
      (await world.history(job)).map(({ status, attempts: [attempt] }) => [status, attempt?.bodyPreview?.length ?? 0]);
    expect(await previewsOf(early)).toEqual([["succeeded", 50_000]]);
    expect(await previewsOf(late)).toEqual([["succeeded", 0]]);
  });

  it("answers what was started before with that", async () => {
    const job = await startAt(LATER);
    const byKey = { dedupe: { key: "k", windowMs: LATER, kind: "idempotency" }, delayUntilMs: LATER } as const;
    const first = await world.runNow(job, byKey);
    await fill(job);
    const again = { type: "duplicate", executionId: first, execution: { id: first } };
    expect(await tryStart(job, byKey)).toMatchObject(again);
    expect(await tryStart(job, { executionId: first })).toMatchObject(again);
    await world.evict(job.id);
    expect(await tryStart(job, byKey)).toMatchObject(again);
  });
});
