/**
 * Queue faults against the real actor, consumer and D1: each message is delivered 0, 1, 2 or 5 times, late and out of
 * order, and consumers die before claim, after claim, after send, after the record and after finish; attempts that actors
 * hand over find no room, or workers that die; actors are evicted in between. `FAULTS_SEED=n` repeats a run.
 */

import { afterEach, describe, expect, it } from "vitest";
import { type Chance, createChance, seedOf } from "../../support/random.ts";
import type { DeathPoint } from "../../support/simulatedConsumer.ts";
import type { QueuedMessage } from "../../support/simulatedQueues.ts";
import { Simulation, SIMULATED_START_MS } from "../../support/simulation.ts";
import { FULL, GIVEN_SEED, randomJob, settleAndAudit } from "./world.ts";

const RUNS = FULL ? 40 : 4;
const SIMULATED_MS = 10 * 60_000;
const JOBS = 6;
const FIRST_SEED = seedOf(GIVEN_SEED);
const DEATHS: readonly [DeathPoint, ...DeathPoint[]] = ["received", "claimed", "sent", "recorded", "finished"];

let world: Simulation;
afterEach(() => world.end());

/** A queue that does its worst: what it holds back comes some other time. And workers that die with what they are handed. */
function hostileQueue(chance: Chance, timeline: string[]): () => Promise<void> {
  const late: QueuedMessage[] = [];
  const note = (what: string, message: QueuedMessage) => {
    timeline.push(`${new Date(world.nowMs).toISOString()}  ${what}  ${JSON.stringify(message.body)}`);
  };
  return async () => {
    for (const work of chance.shuffle(world.handed.splice(0))) {
      const dies = chance.next() < 0.4 ? chance.pick(DEATHS) : null;
      const how = dies ? `handed to a worker that dies when ${dies}` : "handed to a worker";
      timeline.push(`${new Date(world.nowMs).toISOString()}  ${how}  ${work.executionId}`);
      await world.attempt(work, dies ? { dies } : {});
    }
    const due = chance.shuffle([...world.take(), ...late.splice(0)]);
    for (const message of due) {
      const fate = chance.next();
      if (fate < 0.25) {
        late.push(message);
        continue;
      }
      const times = chance.pick([0, 1, 1, 1, 2, 5]);
      for (let time = 0; time < times; time++) {
        const dies = chance.next() < 0.3 ? chance.pick(DEATHS) : null;
        note(dies ? `delivered to a consumer that dies when ${dies}` : "delivered", message);
        await world.deliver([message], dies ? { dies } : {});
      }
      if (times === 0) note("lost", message);
      // What a dead consumer had not acknowledged comes again, like everything else.
      late.push(...world.take());
    }
    if (chance.next() < 0.2) {
      const jobId = chance.pick([...world.jobs.keys()] as [string, ...string[]]);
      timeline.push(`${new Date(world.nowMs).toISOString()}  evicted  ${jobId}`);
      await world.evict(jobId);
    }
  };
}

describe.each([
  ["all attempts come from the queue", { direct: false }],
  ["attempts are handed over where there is room", { direct: true }],
  ["attempts are handed over and the jobs share one object", { direct: true, shared: true }],
])("a queue that loses, repeats, delays and reorders, and consumers that die anywhere, where %s", (_how, options) => {
  it.each(Array.from({ length: RUNS }, (_, run) => FIRST_SEED + run))(
    "lose and double nothing (seed %i)",
    async (seed) => {
      world = new Simulation(SIMULATED_START_MS, options);
      const chance = createChance(seed);
      world.handOver.hasRoom = () => {
        const fate = chance.next();
        if (fate < 0.1) throw new Error("Network connection lost.");
        return fate < 0.8;
      };
      const timeline: string[] = [];
      try {
        for (let index = 0; index < JOBS; index++) await world.start(randomJob(chance, world.nowMs));
        world.answer = () => new Response("", { status: chance.next() < 0.2 ? 503 : 200 });
        const asked: string[] = [];
        const hostile = hostileQueue(chance, timeline);
        await world.advance(SIMULATED_MS, async () => {
          if (chance.next() < 0.1) {
            asked.push(await world.runNow(chance.pick([...world.jobs.values()] as never)));
          }
          await hostile();
        });
        const executions = await settleAndAudit(world, asked);
        expect(executions.length).toBeGreaterThan(JOBS);
        // Five lost workers in a row end an execution: that is the only way to fail here.
        for (const execution of executions) {
          if (execution.status === "failed") expect(execution.error?.code).toBe("worker_lost");
          else expect(execution.status).toBe("succeeded");
        }
      } catch (error) {
        throw new Error(`seed ${seed}\n${String(error)}\n${timeline.join("\n")}`, { cause: error });
      }
    },
  );
});
