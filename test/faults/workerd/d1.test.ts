/** D1 faults against the real actor and consumer: whatever D1 does, firing goes on and the history is complete in the end. */

import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createChance, seedOf } from "../../support/random.ts";
import { Simulation, SIMULATED_START_MS as START } from "../../support/simulation.ts";
import { D1_ERRORS, d1Error, FULL, GIVEN_SEED, randomJob, settleAndAudit } from "./world.ts";

const MINUTE = 60_000;
const SEED = seedOf(GIVEN_SEED);
const RECURRING = {
  schedule: { kind: "recurring", everyMinutes: 1 },
  concurrencyLimit: 1,
  misfirePolicy: "catch_up",
} as const;
const NEVER = new Promise<never>(() => {});

let world: Simulation;
beforeEach(() => {
  world = new Simulation();
});
afterEach(() => world.end());

describe("D1 that is gone for ten minutes", () => {
  it(`does not stop firing; afterwards the history is complete, in order and equal to what the target saw (seed ${SEED})`, async () => {
    const chance = createChance(SEED);
    const jobs = [];
    for (let index = 0; index < 8; index++) jobs.push(await world.start(randomJob(chance, world.nowMs)));
    jobs.push(await world.start(RECURRING));
    await world.advanceTo(START + 2 * MINUTE);
    world.beforeD1 = () => {
      throw d1Error(chance.pick(D1_ERRORS));
    };
    await world.advanceTo(START + 12 * MINUTE);
    const minutely = jobs.at(-1);
    const fired = world.arrivals.filter((arrival) => arrival.jobId === minutely?.id);
    expect(fired.map((arrival) => (arrival.atMs - START) / MINUTE)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]);
    const recordedMeanwhile = minutely ? await world.history(minutely) : [];
    expect(recordedMeanwhile.length).toBeLessThanOrEqual(2);
    const executions = await settleAndAudit(world);
    expect(new Set(executions.map((execution) => execution.status))).toEqual(new Set(["succeeded"]));
    for (const job of jobs) {
      const history = await world.history(job);
      const arrived = world.arrivals.filter((arrival) => arrival.jobId === job.id);
      expect(history.map((execution) => execution.id)).toEqual(
        arrived.map((arrival) => arrival.executionId).toSorted(),
      );
    }
  });

  it("keeps nothing from being cancelled, paused or triggered meanwhile", async () => {
    const job = await world.start(RECURRING);
    world.beforeD1 = () => {
      throw d1Error("Network connection lost.");
    };
    await world.advanceTo(START + MINUTE);
    const manual = await world.runNow(job);
    expect(await world.cancel(job, manual)).toMatchObject({ status: "cancelled" });
    await world.advanceTo(START + 3 * MINUTE);
    const executions = await settleAndAudit(world, [manual]);
    expect(executions.map((execution) => execution.status).toSorted()).toEqual([
      "cancelled",
      "succeeded",
      "succeeded",
      "succeeded",
    ]);
  });
});

describe("one call to D1 that fails, whichever it is", () => {
  it.each(FULL ? D1_ERRORS : D1_ERRORS.filter((_text, index) => index % 5 === 0))(
    "with “%s” changes nothing in the end",
    async (text) => {
      // One good run tells how many calls there are to break.
      const tell = async () => {
        const job = await world.start({ ...RECURRING, retryPolicy: { ...retryOnce() } });
        world.answer = ({ attempt }) => new Response("", { status: attempt === 1 ? 503 : 200 });
        await world.advance(2 * MINUTE + 10_000);
        return job;
      };
      await world.delete(await tell());
      const calls = world.d1Calls;
      expect(calls).toBeGreaterThan(1);
      for (let broken = 1; broken <= calls; broken++) {
        world.d1Calls = 0;
        world.arrivals.length = 0;
        world.beforeD1 = () => {
          if (world.d1Calls === broken) throw d1Error(text);
        };
        const job = await tell();
        expect(world.arrivals.map((arrival) => arrival.attempt)).toEqual([1, 2, 1, 2]);
        const executions = await settleAndAudit(world);
        expect(executions.map((execution) => execution.status)).toEqual(["succeeded", "succeeded"]);
        await world.delete(job);
      }
    },
  );
});

describe("D1 that hangs", () => {
  it("holds an attempt's end for a bounded time, and the end is owed", async () => {
    const job = await world.start();
    world.beforeD1 = () => NEVER;
    await world.deliver(world.take());
    expect(await world.owed(job.id)).toMatchObject([{ execution: { status: "succeeded" } }]);
    expect(await settleAndAudit(world)).toMatchObject([{ status: "succeeded", attempts: { length: 1 } }]);
  });

  it.runIf(FULL)(
    "does not hold other executions' requests: all are sent while the first one waits for its record",
    async () => {
      await Promise.all(Array.from({ length: 4 }, () => world.start()));
      world.beforeD1 = () => NEVER;
      await Promise.all(world.take().map((message) => world.deliver([message])));
      expect(world.arrivals).toHaveLength(4);
      const executions = await settleAndAudit(world);
      expect(executions.map((execution) => execution.attempts.length)).toEqual([1, 1, 1, 1]);
    },
  );

  it.runIf(FULL)("for a while, among other faults, loses nothing", async () => {
    const chance = createChance(SEED);
    for (let index = 0; index < 4; index++) await world.start(randomJob(chance, world.nowMs));
    world.beforeD1 = () => {
      const fate = chance.next();
      if (fate < 0.1) return NEVER;
      if (fate < 0.6) throw d1Error(chance.pick(D1_ERRORS));
      return undefined;
    };
    await world.advance(5 * MINUTE);
    await settleAndAudit(world);
  });
});

describe("a record that D1 wrote although its answer was lost", () => {
  it("is not doubled when it is brought again", async () => {
    const job = await world.start(RECURRING);
    await world.advanceTo(START + MINUTE, async () => {
      const messages = world.take();
      if (messages.length > 0) await world.deliver(messages, { dies: "recorded" });
    });
    const executions = await settleAndAudit(world);
    expect(executions).toMatchObject([{ jobId: job.id, status: "succeeded", attempts: { length: 2 } }]);
  });
});

function retryOnce() {
  return {
    maxAttempts: 2,
    retryOnStatuses: [503],
    retryOnMismatch: false,
    backoff: { type: "fixed", initialMs: 2_500, factor: 1, maxMs: 2_500, jitter: false, listMs: [] },
    maxDurationSeconds: null,
  } as const;
}
