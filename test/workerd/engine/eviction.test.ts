/**
 * An actor may lose its memory between any two steps, and share its object with other jobs. Each story is told to an actor
 * that lives on, and again to one that is evicted after every single step (alarm, claim, finish, confirmation, edit), alone
 * and among neighbours; the history and what the target saw must be the same to the millisecond. Only `createdAtMs` may differ: a fire whose announcement was not saved (ADR 0003) is
 * worked out again, and created then.
 */

import { afterEach, describe, expect, it } from "vitest";
import { requestedExecutionId } from "../../../src/domain/ids.ts";
import type { Job } from "../../../src/domain/job/job.ts";
import { Simulation, SIMULATED_START_MS as START } from "../../support/simulation.ts";

const MINUTE = 60_000;

interface Story {
  readonly job: Partial<Job>;
  readonly tell: (world: Simulation, job: Job) => Promise<void>;
}

const RECURRING = { schedule: { kind: "recurring", everyMinutes: 1 }, concurrencyLimit: 1 } as const;
const RETRY: Job["retryPolicy"] = {
  maxAttempts: 4,
  retryOnStatuses: [503],
  retryOnMismatch: false,
  backoff: { type: "exponential", initialMs: 500, factor: 2, maxMs: MINUTE, jitter: false, listMs: [] },
  maxDurationSeconds: null,
};

const STORIES: Readonly<Record<string, Story>> = {
  "a schedule that fires and succeeds": {
    job: RECURRING,
    tell: (world) => world.advanceTo(START + 5 * MINUTE),
  },
  "retries until the target is well again": {
    job: { retryPolicy: RETRY },
    tell: async (world) => {
      world.answer = ({ attempt }) => new Response("", { status: attempt < 4 ? 503 : 200 });
      await world.advance(MINUTE);
    },
  },
  "a message that is lost three times": {
    job: {},
    tell: async (world) => {
      for (const waitMs of [5_000, 10_000, 20_000]) {
        world.take();
        await world.advance(waitMs, async () => {});
      }
      await world.advance(MINUTE);
    },
  },
  "consumers that die after claim, after send and before finish": {
    job: { retryPolicy: RETRY },
    tell: async (world) => {
      for (const dies of ["claimed", "sent", "recorded"] as const) {
        await world.deliver(world.take(), { dies });
        await world.advance(46_000, async () => {});
      }
      await world.advance(MINUTE);
    },
  },
  "history that is owed for minutes": {
    job: RECURRING,
    tell: async (world) => {
      world.beforeD1 = () => {
        throw new Error("D1_ERROR: internal error; reference = 0123456789");
      };
      await world.advanceTo(START + 3 * MINUTE + 1_000);
      world.beforeD1 = () => {};
      await world.advanceTo(START + 5 * MINUTE);
    },
  },
  "executions that wait for each other's slot": {
    job: { ...RECURRING, concurrencyLimit: 2 },
    tell: async (world, job) => {
      for (let run = 0; run < 5; run++) await world.runNow(job);
      const first = world.take();
      await world.advance(2 * MINUTE + 500, async () => {});
      await world.deliver(first);
      await world.advance(MINUTE);
    },
  },
  "overlap that cancels, and a catch-up of an hour": {
    job: { ...RECURRING, overlapPolicy: "cancel_running", misfirePolicy: "catch_up" },
    tell: async (world, job) => {
      world.setClock(START + 60 * MINUTE);
      await world.ring(job.id);
      await world.advance(2 * MINUTE);
    },
  },
  "starts that are due later, are moved, come too late, or came before": {
    job: { concurrencyLimit: 1 },
    tell: async (world, job) => {
      const later = { delayUntilMs: START + 5 * MINUTE, ttlMs: MINUTE };
      const moved = await world.runNow(job, { ...later, executionId: requestedExecutionId(job.id, START, () => 0.1) });
      await world.runNow(job, { ...later, concurrencyKey: "other" });
      await world.advance(MINUTE);
      await world.actor(job.id).reschedule(job.workspaceId, moved, START + 10 * MINUTE);
      for (let call = 0; call < 2; call++) {
        const dedupe = { key: "k", windowMs: 60 * MINUTE, kind: "idempotency" } as const;
        await world.actor(job.id).trigger({ workspaceId: job.workspaceId, source: "api", replayedFrom: null, dedupe });
        await world.advance(MINUTE);
      }
      await world.advanceTo(START + 10 * MINUTE, async () => {
        if (world.nowMs < START + 9 * MINUTE) await world.deliverAll();
      });
      world.take();
      await world.advance(2 * MINUTE, async () => void world.take());
      await world.advance(MINUTE);
    },
  },
  "pause, edit and resume around a retry": {
    job: { ...RECURRING, retryPolicy: RETRY },
    tell: async (world, job) => {
      world.answer = () => new Response("", { status: 503 });
      await world.advanceTo(START + MINUTE + 600);
      await world.edit(job.id, { state: "paused" });
      await world.advance(3 * MINUTE);
      world.answer = () => new Response("ok");
      await world.edit(job.id, { state: "active", name: "renamed", scheduleFromMs: world.nowMs });
      await world.advance(2 * MINUTE);
    },
  },
};

let world: Simulation;
afterEach(() => world.end());

async function outcomeOf(story: Story, { evicting = false, shared = false }) {
  world = new Simulation(START, { shared });
  if (shared) await moveIn();
  world.evicting = evicting;
  const job = await world.start(story.job);
  await story.tell(world, job);
  const owed = await world.owed(job.id);
  const history = await world.history(job);
  const outcome = {
    arrivals: world.arrivals
      .filter(({ jobId }) => jobId === job.id)
      .map(({ attempt, atMs, url }) => ({ attempt, atMs: atMs - START, url })),
    history: history
      .map(({ id: _id, jobId: _jobId, createdAtMs: _createdAtMs, ...execution }) => execution)
      .toSorted((a, b) => a.scheduledForMs - b.scheduledForMs || (a.startedAtMs ?? 0) - (b.startedAtMs ?? 0)),
    owed: owed.length,
    total: (await world.actor(job.id).load(job.workspaceId))?.total,
    alarm: await world.alarmOf(job.id),
  };
  world.end();
  return outcome;
}

/** Neighbours: one that has done its work, and one whose work is to come. */
async function moveIn(): Promise<void> {
  await world.start();
  await world.advance(0);
  await world.start({ schedule: { kind: "scheduled", runAtMs: START + 365 * 24 * 60 * MINUTE } });
}

describe("an actor that is evicted after every step", () => {
  it.each(Object.entries(STORIES))("tells the same story, alone and among neighbours: %s", async (_title, story) => {
    const { alarm: _, ...expected } = await outcomeOf(story, {});
    expect(expected.history.length).toBeGreaterThan(0);
    expect(expected.arrivals.length).toBeGreaterThan(0);
    for (const shared of [false, true]) {
      const { alarm: _alarm, ...told } = await outcomeOf(story, { evicting: true, shared });
      expect(told).toEqual(expected);
      expect(told.total).toBe(told.history.length + told.owed);
    }
  });
});
