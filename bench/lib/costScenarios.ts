/** What `cost` puts a price on, each prepared first and then done while the counters run. */

import { FLAKY_PATH } from "../world/target.ts";
import type { World } from "../world/world.ts";
import { apiFailure } from "../../scripts/lib/client.ts";
import type { Carillon } from "./carillon.ts";
import { createJobs, idleJob, oneShotJob, runNow } from "./carillon.ts";
import { inParallel, sleep, until } from "./waiting.ts";

export interface Scenario {
  readonly name: string;
  /** HTTP requests to the target in each execution. */
  readonly attempts: number;
  /** What comes before and is not counted; returns what is. The counters settle in between. */
  prepare(): Promise<() => Promise<void>>;
  /** Undoes what would disturb the next one. */
  clear?(): Promise<void>;
}

/** Executions one after the other, so that none shares a batch with another: the dearest case. */
const GAP_MS = 150;
/** Room for the preparation and for the counters to settle. */
const AHEAD_MS = 10_000;
const RECURRING_MS = 60_000;
const DEADLINE_MS = 30_000;

export const ONE_SHOT = "scheduled job, success";
export const RECURRING = "recurring job, success";

export function costScenarios(carillon: Carillon, world: World, executions: number): readonly Scenario[] {
  const numbers = Array.from({ length: executions }, (_, index) => index);
  const finished = createFinishedWatch(carillon);
  let recurringIds: readonly string[] = [];
  let onDemandId = "";

  /** One-shot jobs at `path`, due one after the other. */
  const oneShots = (path: string, name: string, extra: object) => async () => {
    const firstMs = Date.now() + AHEAD_MS;
    await createJobs(
      carillon,
      numbers.map((index) => ({
        ...oneShotJob(world.url + path, `${name} ${index}`, firstMs + index * GAP_MS),
        ...extra,
      })),
    );
    finished.reset();
    return () => finished.wait(executions, firstMs - Date.now() + executions * GAP_MS + DEADLINE_MS);
  };

  /** One after the other, each once the one before has finished. */
  const oneByOne = (start: (index: number) => Promise<unknown>) => async () => {
    for (const index of numbers) {
      finished.reset();
      await start(index);
      await finished.wait(1, DEADLINE_MS);
      await sleep(GAP_MS);
    }
  };

  return [
    { name: ONE_SHOT, attempts: 1, prepare: oneShots("/ok", "one-shot", {}) },
    {
      name: "scheduled job, two retries",
      attempts: 3,
      prepare: oneShots(FLAKY_PATH, "flaky", {
        retry_policy: { max_attempts: 3, backoff: { type: "list", list_ms: [50, 50], jitter: false } },
      }),
    },
    {
      name: "run-now",
      attempts: 1,
      prepare: async () => {
        [onDemandId = ""] = (await createJobs(carillon, [idleJob(`${world.url}/ok`, "on demand")])).ids;
        return oneByOne(() => runNow(carillon, onDemandId));
      },
    },
    {
      name: "replay",
      attempts: 1,
      prepare: async () => {
        finished.reset();
        const original = await runNow(carillon, onDemandId);
        await finished.wait(1, DEADLINE_MS);
        return oneByOne(async () => {
          const answer = await carillon.call("POST", `/v1/executions/${original}/replay`);
          if (answer.status !== 202) throw apiFailure("An execution could not be replayed", answer);
        });
      },
    },
    {
      name: "creation of a job",
      attempts: 0,
      prepare: async () => async () => {
        for (const index of numbers) await createJobs(carillon, [idleJob(`${world.url}/ok`, `created ${index}`)]);
      },
    },
    {
      name: RECURRING,
      attempts: 1,
      prepare: async () => {
        const ids: string[] = [];
        const lastMs = Date.now() + RECURRING_MS + executions * GAP_MS;
        for (const index of numbers) {
          const request = { url: `${world.url}/ok` };
          const job = { name: `recurring ${index}`, kind: "recurring", schedule: { every_n_minutes: 1 }, request };
          ids.push(...(await createJobs(carillon, [job])).ids);
          await sleep(GAP_MS);
        }
        recurringIds = ids;
        finished.reset();
        return () => finished.wait(executions, lastMs - Date.now() + DEADLINE_MS);
      },
      clear: async () => {
        await inParallel(recurringIds, 1, (id) => carillon.call("DELETE", `/v1/jobs/${id}`));
      },
    },
  ];
}

/** Waits for executions to finish, as the Worker's log tells. */
function createFinishedWatch(carillon: Carillon) {
  let from = 0;
  const count = () => carillon.events.slice(from).filter(({ event }) => event === "execution.finished").length;
  return {
    reset: () => {
      from = carillon.events.length;
    },
    wait: (executions: number, deadlineMs: number) =>
      until(() => count() >= executions, deadlineMs, `${executions} executions to finish`),
  };
}
