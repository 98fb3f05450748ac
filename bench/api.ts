/**
 * `api`: creating, reading and listing over a history of 100,000 executions, one request at a time, and the plan of each
 * statement that a list sends.
 *
 * Timed on the deployed bundle's sources with counters at their bindings (`workers/countedEntry.ts`), which is also where
 * the plans come from: they are those of the statements that were really sent.
 */

import { apiShapes } from "./lib/apiRequests.ts";
import type { Shape } from "./lib/apiRequests.ts";
import { startCarillon } from "./lib/carillon.ts";
import type { Carillon } from "./lib/carillon.ts";
import { faultNotes } from "./lib/faults.ts";
import type { BudgetCheck, Measurement } from "./lib/measurement.ts";
import { seed } from "./lib/seed.ts";
import { quantile, seededRandom, spread } from "./lib/stats.ts";
import { buildCounted } from "./lib/workers.ts";
import type { StatementPlan } from "./workers/countedEntry.ts";

const EXECUTIONS = 100_000;
const SMALL_EXECUTIONS = 4_000;
const REQUESTS = 200;
const SMALL_REQUESTS = 10;
const WARM_UP_REQUESTS = 10;
const SEED = 4;
/** DESIGN section 3. */
const P99_MOST_MS = 50;

interface Timed {
  readonly shape: Shape;
  /** Milliseconds of each request. */
  readonly tookMs: readonly number[];
  /** Distinct statements of the shape, with their plans. */
  readonly plans: readonly StatementPlan[];
}

export const api: Measurement = {
  name: "api",
  title: "create, get and list over 100,000 executions, one request at a time",
  run: async (context) => {
    const executions = context.small ? SMALL_EXECUTIONS : EXECUTIONS;
    const requests = context.repeats ?? (context.small ? SMALL_REQUESTS : REQUESTS);
    const carillon = await startCarillon({ worker: await buildCounted() });
    try {
      const seeded = await seed(carillon, executions);
      context.say(`seeded ${executions} executions`);
      const timed: Timed[] = [];
      for (const shape of apiShapes(seeded, seededRandom(SEED))) timed.push(await time(carillon, shape, requests));
      const lists = timed.filter(({ shape }) => shape.kind === "list");
      for (const each of lists) context.say([`plan of ${each.shape.name}`, ...plansOf(each)].join("\n  "));
      return {
        settings: { executions, "requests of each shape": requests },
        figures: timed.flatMap(({ shape, tookMs }) => spread(shape.name, "", [tookMs])),
        budgets: [
          timeBudget(
            "create a job",
            timed.filter(({ shape }) => shape.kind === "create"),
          ),
          timeBudget("list 50 of 100,000 executions, the slowest filter", lists),
          indexBudget(lists),
        ],
        notes: faultNotes("Carillon", [carillon]),
        details: Object.fromEntries(lists.map((each) => [`plan of ${each.shape.name}`, plansOf(each)])),
      };
    } finally {
      await carillon.stop();
    }
  },
};

async function time(carillon: Carillon, shape: Shape, requests: number): Promise<Timed> {
  await takePlans(carillon);
  const tookMs: number[] = [];
  for (let index = 0; index < WARM_UP_REQUESTS + requests; index++) {
    const { method, path, body } = shape.request(index);
    const startedAtMs = performance.now();
    const answer = await carillon.call(method, path, body);
    const elapsedMs = performance.now() - startedAtMs;
    if (answer.status >= 300) throw new Error(`${method} ${path} answered ${answer.status}.`);
    if (index >= WARM_UP_REQUESTS) tookMs.push(elapsedMs);
  }
  const distinct = new Map((await takePlans(carillon)).map((plan) => [plan.sql, plan]));
  return { shape, tookMs, plans: [...distinct.values()] };
}

/** The plans of the statements since the last call. */
async function takePlans(carillon: Carillon): Promise<StatementPlan[]> {
  const answer = await fetch(`${carillon.url}/bench/plans`, { method: "POST" });
  return (await answer.json()) as StatementPlan[];
}

function plansOf({ plans }: Timed): readonly string[] {
  return plans.filter(isOfExecutions).flatMap(({ plan }) => plan);
}

function isOfExecutions({ sql }: StatementPlan): boolean {
  return /\bFROM executions\b/.test(sql);
}

function timeBudget(what: string, timed: readonly Timed[]): BudgetCheck {
  const p99 = timed.map(({ shape, tookMs }) => ({ name: shape.name, ms: quantile(tookMs, 0.99) }));
  const [slowest] = p99.toSorted((a, b) => b.ms - a.ms);
  const measured = slowest?.ms ?? Number.NaN;
  return {
    what,
    budget: `p99 under ${P99_MOST_MS} ms`,
    measured: `${measured.toFixed(1)} ms (${slowest?.name ?? "nothing"})`,
    met: measured < P99_MOST_MS,
  };
}

/** Only the few deleted jobs, and lists that are passed in, may be scanned from end to end. */
function indexBudget(lists: readonly Timed[]): BudgetCheck {
  const scanning = lists.filter(({ plans }) =>
    plans.some(({ plan }) =>
      plan.some((line) => /^SCAN (executions|jobs)\b/.test(line) && !/INDEX jobs_deleted/.test(line)),
    ),
  );
  return {
    what: "every list query uses an index",
    budget: "no scan of a table",
    measured:
      scanning.length === 0 ? `none in ${lists.length} shapes` : scanning.map(({ shape }) => shape.name).join(", "),
    met: scanning.length === 0,
  };
}
