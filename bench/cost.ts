/**
 * `cost`: what one execution uses of everything that is billed by count, and the price of a million of them.
 *
 * Counted at the bindings (`workers/countedEntry.ts`), execution by execution, so that none shares a batch with another:
 * the dearest case. The CPU is that of the whole local runtime, stand-ins for D1 and queues included: an upper bound.
 */

import { startCarillon, warmUp } from "./lib/carillon.ts";
import type { Carillon } from "./lib/carillon.ts";
import { perExecution, priceOf } from "./lib/bill.ts";
import { costScenarios, ONE_SHOT, RECURRING } from "./lib/costScenarios.ts";
import { faultNotes } from "./lib/faults.ts";
import type { BudgetCheck, Figure, Measurement } from "./lib/measurement.ts";
import { figure } from "./lib/stats.ts";
import { sleep } from "./lib/waiting.ts";
import { buildCounted } from "./lib/workers.ts";
import { ACTOR_SECONDS_PER_ATTEMPT, PRICES_AS_OF } from "./prices.ts";
import type { PlatformCounts } from "./workers/platformCounts.ts";
import { startWorld } from "./world/world.ts";

const EXECUTIONS = 20;
const IDLE_SECONDS = 60;
/** Nothing counted for so long: an execution that is still running is listed after two seconds, which is a write. */
const QUIET_MS = 2_500;
const POLL_MS = 250;
const SETTLE_DEADLINE_MS = 30_000;
const MILLION = 1_000_000;

/** DESIGN section 3. */
const MOST = [
  ["actor requests", "actorRequests", 3],
  ["actor rows written", "actorRowsWritten", 4],
  ["D1 rows written", "d1RowsWritten", 4],
  ["queue operations", "queueOperations", 3],
] as const satisfies readonly (readonly [string, keyof PlatformCounts, number])[];
const MOST_USD_PER_MILLION = 9;

const COLUMNS = [
  ["Worker requests", "fetches"],
  ["consumer invocations", "consumerInvocations"],
  ["actor requests", "actorRequests"],
  ["actor rows read", "actorRowsRead"],
  ["actor rows written", "actorRowsWritten"],
  ["queue operations", "queueOperations"],
  ["D1 queries", "d1Queries"],
  ["D1 round trips", "d1Calls"],
  ["D1 rows read", "d1RowsRead"],
  ["D1 rows written", "d1RowsWritten"],
] as const satisfies readonly (readonly [string, keyof PlatformCounts])[];

interface Counted {
  readonly name: string;
  readonly counts: PlatformCounts;
  readonly cpuMs: number | null;
  readonly usdPerMillion: number;
}

export const cost: Measurement = {
  name: "cost",
  title: "what one execution uses, and the price of a million",
  run: async (context) => {
    const executions = context.repeats ?? (context.small ? 3 : EXECUTIONS);
    const idleSeconds = context.seconds ?? (context.small ? 5 : IDLE_SECONDS);
    const world = await startWorld();
    const counted: Counted[] = [];
    try {
      const carillon = await startCarillon({ worker: await buildCounted(), keepEvents: true });
      try {
        await warmUp(carillon, world);
        for (const scenario of costScenarios(carillon, world, executions)) {
          const work = await scenario.prepare();
          counted.push(await count(carillon, scenario, work, executions));
          await scenario.clear?.();
          context.say(`${scenario.name}: counted`);
        }
        const idle = { name: `idle, ${idleSeconds} s`, attempts: 0 };
        counted.push(await count(carillon, idle, () => sleep(idleSeconds * 1_000), 1));
        const watchdog = { name: "watchdog, one run", attempts: 0 };
        counted.push(await count(carillon, watchdog, () => carillon.runScheduled(), 1));
        return {
          settings: { executions, "prices as of": PRICES_AS_OF, "actor awake": `${ACTOR_SECONDS_PER_ATTEMPT} s each` },
          figures: counted.flatMap(figuresOf),
          budgets: [...[ONE_SHOT, RECURRING].flatMap((name) => budgetsOf(named(counted, name))), idleBudget(counted)],
          notes: [
            "CPU is that of the whole local runtime, an upper bound; how long an actor is awake is assumed (prices.ts).",
            ...faultNotes("Carillon", [carillon]),
          ],
        };
      } finally {
        await carillon.stop();
      }
    } finally {
      world.stop();
    }
  },
};

async function count(
  carillon: Carillon,
  { name, attempts }: { readonly name: string; readonly attempts: number },
  work: () => Promise<void>,
  times: number,
): Promise<Counted> {
  const before = await settled(carillon);
  const cpuBeforeMs = carillon.usage().cpuMs;
  await work();
  const cpuAfterMs = carillon.usage().cpuMs;
  const counts = perExecution(before, await settled(carillon), times);
  const cpuMs = cpuBeforeMs === null || cpuAfterMs === null ? null : (cpuAfterMs - cpuBeforeMs) / times;
  return { name, counts, cpuMs, usdPerMillion: priceOf({ counts, cpuMs, attempts }) * MILLION };
}

/** The counts, once nothing has happened for a while. */
async function settled(carillon: Carillon): Promise<PlatformCounts> {
  const endMs = Date.now() + SETTLE_DEADLINE_MS;
  let last = await read(carillon);
  let sinceMs = Date.now();
  while (Date.now() - sinceMs < QUIET_MS) {
    if (Date.now() > endMs) throw new Error("The instance does not come to rest.");
    await sleep(POLL_MS);
    const now = await read(carillon);
    if (JSON.stringify(now) !== JSON.stringify(last)) sinceMs = Date.now();
    last = now;
  }
  return last;
}

async function read(carillon: Carillon): Promise<PlatformCounts> {
  const answer = await fetch(`${carillon.url}/bench/counts`);
  return (await answer.json()) as PlatformCounts;
}

function named(counted: readonly Counted[], name: string): Counted {
  const found = counted.find((each) => each.name === name);
  if (found === undefined) throw new Error(`"${name}" was not counted.`);
  return found;
}

function figuresOf({ name, counts, cpuMs, usdPerMillion }: Counted): Figure[] {
  return [
    ...COLUMNS.map(([column, key]) => figure(name, column, "count", [counts[key]])),
    figure(name, "CPU at most", "ms", [cpuMs]),
    figure(name, "price of a million", "USD", [usdPerMillion]),
  ];
}

function budgetsOf({ name, counts, usdPerMillion }: Counted): BudgetCheck[] {
  return [
    ...MOST.map(([what, key, most]) => ({
      what: `${name}: ${what}`,
      budget: `at most ${most}`,
      measured: String(Number(counts[key].toFixed(2))),
      met: counts[key] <= most,
    })),
    {
      what: `${name}: price of a million`,
      budget: `under $${MOST_USD_PER_MILLION}`,
      measured: `$${usdPerMillion.toFixed(2)}`,
      met: usdPerMillion < MOST_USD_PER_MILLION,
    },
  ];
}

function idleBudget(counted: readonly Counted[]): BudgetCheck {
  const idle = counted.find(({ name }) => name.startsWith("idle"));
  const used = Object.values(idle?.counts ?? { missing: 1 }).reduce((sum, each) => sum + each, 0);
  return { what: "idle jobs", budget: "nothing written, nothing awake", measured: `${used} uses`, met: used === 0 };
}
