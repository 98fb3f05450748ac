/**
 * `herd`: many jobs due at the same instant, beside the least that fires on time (one object per job: alarm → queue →
 * fetch), in the same run, repeat by repeat.
 */

import { createJobs, oneShotJob, startCarillon, warmUp } from "./lib/carillon.ts";
import { faultNotes } from "./lib/faults.ts";
import { startInstance } from "./lib/instance.ts";
import type { Instance } from "./lib/instance.ts";
import type { BudgetCheck, Context, Figure, Measurement } from "./lib/measurement.ts";
import { profiled } from "./lib/profiler.ts";
import { figure, median, quantile } from "./lib/stats.ts";
import { inParallel, sleep, until } from "./lib/waiting.ts";
import type { BuiltWorker } from "./lib/workers.ts";
import { buildBare, buildCarillon } from "./lib/workers.ts";
import { startWorld } from "./world/world.ts";
import type { World } from "./world/world.ts";

const SIZES = [100, 1_000, 5_000];
const SMALL_SIZES = [20, 100];
const REPEATS = 3;
/** DESIGN section 3. */
const MOST_RATIO = 1.5;
/** Between the last creation and the due instant, so that its history writes are over. */
const SETTLE_MS = 3_000;
const DEADLINE_MS = 120_000;
const CREATORS = 8;

interface Sample {
  /** Of each arrival after the due instant. */
  readonly latenessMs: readonly number[];
  readonly faults: readonly string[];
}

interface Repeats {
  readonly size: number;
  readonly carillon: Sample[];
  readonly bare: Sample[];
}

export const herd: Measurement = {
  name: "herd",
  title: "jobs due at the same instant",
  run: async (context) => {
    const sizes = context.small ? SMALL_SIZES : SIZES;
    const repeats = context.repeats ?? (context.small ? 1 : REPEATS);
    const [carillon, bare] = await Promise.all([buildCarillon(), buildBare("bareAlarm", "BareAlarm")]);
    const world = await startWorld();
    const results: Repeats[] = sizes.map((size) => ({ size, carillon: [], bare: [] }));
    try {
      for (const { size, carillon: ours, bare: theirs } of results) {
        for (let repeat = 1; repeat <= repeats; repeat++) {
          ours.push(await herdOfCarillon(carillon, world, size, context));
          theirs.push(await herdOfBare(bare, world, size));
          const last = [ours, theirs].map((each) => lastOf(each.at(-1)).toFixed(0));
          context.say(`${size} jobs, repeat ${repeat} of ${repeats}: last arrival ${last.join(" ms, bare ")} ms`);
        }
      }
    } finally {
      world.stop();
    }
    return {
      settings: { repeats },
      figures: results.flatMap(figuresOf),
      budgets: results.map(budgetOf),
      notes: [
        ...results.flatMap(({ size, carillon, bare }) => [
          ...countNotes(`Carillon, ${size} jobs`, size, carillon),
          ...countNotes(`bare, ${size} jobs`, size, bare),
        ]),
        ...faultNotes(
          "Carillon",
          results.flatMap((each) => each.carillon),
        ),
        ...faultNotes(
          "bare",
          results.flatMap((each) => each.bare),
        ),
      ],
    };
  },
};

async function herdOfCarillon(worker: BuiltWorker, world: World, size: number, context: Context): Promise<Sample> {
  const carillon = await startCarillon({ worker, inspected: context.profile });
  try {
    const { creationMs } = await warmUp(carillon, world);
    const dueMs = dueAfter(creationMs(size));
    const bodies = Array.from({ length: size }, (_, index) => oneShotJob(`${world.url}/due`, `job ${index}`, dueMs));
    await createJobs(carillon, bodies);
    return await arrivalsOf(carillon, world, { size, dueMs }, context);
  } finally {
    await carillon.stop();
  }
}

async function herdOfBare(worker: BuiltWorker, world: World, size: number): Promise<Sample> {
  const bare = await startInstance({ worker, bindings: { TARGET_URL: `${world.url}/due` } });
  const arm = async (names: readonly string[], atMs: number): Promise<{ elapsedMs: number }> => {
    const startedAtMs = performance.now();
    await inParallel(names, CREATORS, async (name) => {
      const answer = await fetch(`${bare.url}/?name=${name}&at=${atMs}`);
      if (answer.status !== 202) throw new Error(`The bare Worker answered ${answer.status}.`);
    });
    return { elapsedMs: performance.now() - startedAtMs };
  };
  try {
    const warmUpNames = Array.from({ length: 40 }, (_, index) => `warm-up-${index}`);
    await world.forget({ details: false });
    const { elapsedMs } = await arm(warmUpNames, Date.now());
    await until(async () => (await world.count()) >= warmUpNames.length, DEADLINE_MS, "the bare Worker's warm-up");
    const names = Array.from({ length: size }, (_, index) => `job-${index}`);
    const dueMs = dueAfter((elapsedMs / warmUpNames.length) * size);
    await arm(names, dueMs);
    return await arrivalsOf(bare, world, { size, dueMs }, null);
  } finally {
    await bare.stop();
  }
}

function dueAfter(creationMs: number): number {
  return Date.now() + Math.ceil(creationMs) + SETTLE_MS;
}

async function arrivalsOf(
  instance: Instance,
  world: World,
  herd: { readonly size: number; readonly dueMs: number },
  context: Context | null,
): Promise<Sample> {
  const leftMs = herd.dueMs - SETTLE_MS / 3 - Date.now();
  if (leftMs < 0) throw new Error(`The jobs were created ${Math.round(-leftMs)} ms too late; is the machine busy?`);
  await sleep(leftMs);
  await world.forget({ details: true });
  const wait = () =>
    until(
      async () => (await world.count()) >= herd.size,
      herd.dueMs - Date.now() + DEADLINE_MS,
      `${herd.size} jobs to arrive`,
    );
  if (context === null || instance.inspectorUrl === null) await wait();
  else await profiled(instance.inspectorUrl, wait, context.say);
  const arrivals = await world.arrivals();
  return { latenessMs: arrivals.map(({ atMs }) => atMs - herd.dueMs), faults: instance.faults };
}

function lastOf(sample: Sample | undefined): number {
  return quantile(sample?.latenessMs ?? [], 1);
}

function ratios({ carillon, bare }: Repeats): number[] {
  return carillon.map((sample, repeat) => lastOf(sample) / lastOf(bare[repeat]));
}

function figuresOf(repeats: Repeats): Figure[] {
  const row = `${repeats.size} jobs`;
  const of = (samples: readonly Sample[], q: number) => samples.map(({ latenessMs }) => quantile(latenessMs, q));
  return [
    figure(row, "last arrival", "ms", of(repeats.carillon, 1)),
    figure(row, "p99 lateness", "ms", of(repeats.carillon, 0.99)),
    figure(row, "p50 lateness", "ms", of(repeats.carillon, 0.5)),
    figure(row, "bare: last arrival", "ms", of(repeats.bare, 1)),
    figure(row, "bare: p99 lateness", "ms", of(repeats.bare, 0.99)),
    figure(row, "last arrival ÷ bare", "ratio", ratios(repeats)),
  ];
}

function budgetOf(repeats: Repeats): BudgetCheck {
  const ratio = median(ratios(repeats));
  return {
    what: `${repeats.size} jobs due at the same instant: last arrival, beside a bare skeleton`,
    budget: `at most ${MOST_RATIO} ×`,
    measured: `${ratio.toFixed(2)} × (${median(repeats.carillon.map(lastOf)).toFixed(0)} ms)`,
    met: ratio <= MOST_RATIO,
  };
}

function countNotes(subject: string, size: number, samples: readonly Sample[]): string[] {
  const surplus = samples.reduce((sum, { latenessMs }) => sum + latenessMs.length - size, 0);
  return surplus === 0 ? [] : [`${subject}: ${surplus} arrivals more than jobs, over all repeats.`];
}
