/**
 * `herd`: many jobs due at the same instant, beside the least that fires on time (one object per job: alarm → queue →
 * fetch), in the same run, repeat by repeat.
 *
 * There are two kinds of herd, since Carillon keeps jobs in two ways (`src/domain/job/newJobId.ts`): jobs that fire once
 * share objects with those of their hour, jobs that repeat with those of their minute. Both stand beside the same bare herd
 * of their size. A cron job is due at a full minute: its creation waits until that is as near as the due time of a one-shot
 * job is.
 */

import { cronJob, createJobs, oneShotJob, startCarillon, warmUp } from "./lib/carillon.ts";
import type { Carillon } from "./lib/carillon.ts";
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

interface Kind {
  /** As in "100 cron jobs". */
  readonly name: string;
  readonly sizes: readonly number[];
  readonly smallSizes: readonly number[];
  /** Due instants are multiples of this. */
  readonly precisionMs: number;
  readonly job: (url: string, name: string, dueMs: number) => object;
}

const KINDS: readonly Kind[] = [
  { name: "one-shot", sizes: [100, 1_000, 5_000], smallSizes: [20, 100], precisionMs: 1, job: oneShotJob },
  { name: "cron", sizes: [100, 1_000, 5_000], smallSizes: [20], precisionMs: 60_000, job: cronJob },
];
const REPEATS = 3;
/** DESIGN section 3. */
const MOST_RATIO = 1.5;
/**
 * Between the last creation and the due instant: longer than the runtime keeps an idle object awake (10 s), so that all
 * objects wake cold, ours and the skeleton's, as those of jobs do that were created long ago. With less, the skeleton's,
 * which are created faster, were still awake, and ours were not.
 */
const SETTLE_MS = 15_000;
/** Before the due instant: what arrives from then on counts, and a creation that ended later was too late. */
const QUIET_MS = 1_000;
const DEADLINE_MS = 120_000;
/** Creation slows down with the number of jobs, and with whatever else the machine does. */
const CREATION_TRIES = 4;
const POLL_MS = 20;
const CREATORS = 8;

interface Sample {
  /** Of each arrival after the due instant; those that are missing count as late as they were waited for. */
  readonly latenessMs: readonly number[];
  readonly missing: number;
  /** Arrivals of an execution that had arrived before. */
  readonly repeated: number;
  readonly faults: readonly string[];
}

/** The herds of one kind and size. */
interface Herds {
  readonly kind: Kind;
  readonly size: number;
  /** "100 cron jobs". */
  readonly row: string;
  readonly carillon: Sample[];
  /** Repeat by repeat; the herds of the other kind have the same. */
  readonly bare: readonly Sample[];
}

export const herd: Measurement = {
  name: "herd",
  title: "jobs due at the same instant",
  run: async (context) => {
    const sizesOf = (kind: Kind) => (context.small ? kind.smallSizes : kind.sizes);
    const sizes = [...new Set(KINDS.flatMap(sizesOf))];
    const repeats = context.repeats ?? (context.small ? 1 : REPEATS);
    const [carillon, bare] = await Promise.all([buildCarillon(), buildBare("bareAlarm", "BareAlarm")]);
    const world = await startWorld();
    const results = sizes.map((size) => {
      const bareSamples: Sample[] = [];
      const kinds = KINDS.filter((kind) => sizesOf(kind).includes(size));
      const herds = kinds.map((kind): Herds => {
        return { kind, size, row: `${size} ${kind.name} jobs`, carillon: [], bare: bareSamples };
      });
      return { size, herds, bare: bareSamples };
    });
    try {
      for (const { size, herds, bare: theirs } of results) {
        for (let repeat = 1; repeat <= repeats; repeat++) {
          for (const ours of herds) ours.carillon.push(await herdOfCarillon(carillon, world, ours, context));
          theirs.push(await herdOfBare(bare, world, size));
          const last = [
            ...herds.map(({ kind, carillon: ours }) => `${kind.name} ${lastOf(ours.at(-1)).toFixed(0)} ms`),
            `bare ${lastOf(theirs.at(-1)).toFixed(0)} ms`,
          ];
          context.say(`${size} jobs, repeat ${repeat} of ${repeats}: last arrival ${last.join(", ")}`);
        }
      }
    } finally {
      world.stop();
    }
    const herds = results.flatMap((each) => each.herds);
    return {
      settings: { repeats },
      figures: herds.flatMap(figuresOf),
      budgets: herds.map(budgetOf),
      notes: [
        "The jobs share Durable Objects, at most 128 for a herd; the bare skeleton has one for each job.",
        ...results.flatMap(({ size, herds: ours, bare: theirs }) => [
          ...ours.flatMap((each) => countNotes(`Carillon, ${each.row}`, each.carillon)),
          ...countNotes(`bare, ${size} jobs`, theirs),
        ]),
        ...faultNotes(
          "Carillon",
          herds.flatMap((each) => each.carillon),
        ),
        ...faultNotes(
          "bare",
          results.flatMap((each) => each.bare),
        ),
      ],
    };
  },
};

async function herdOfCarillon(
  worker: BuiltWorker,
  world: World,
  { kind, size, row }: Herds,
  context: Context,
): Promise<Sample> {
  for (let tries = 1; ; tries++) {
    const carillon = await startCarillon({ worker, inspected: context.profile });
    try {
      const dueMs = await warmUpUntilCreation(carillon, world, { kind, size, tries });
      const bodies = Array.from({ length: size }, (_, index) => kind.job(`${world.url}/due`, `job ${index}`, dueMs));
      const inTime = await createJobs(carillon, bodies).then(
        // A cron job that is created too late is due a day later, and not refused.
        () => Date.now() < dueMs - QUIET_MS,
        (error: unknown) => {
          // The API refuses a due time that has passed; any other refusal is a fault.
          if (Date.now() < dueMs) throw error;
          return false;
        },
      );
      if (inTime) return await arrivalsOf(carillon, world, { size, dueMs }, context);
      if (tries === CREATION_TRIES) throw new Error(`${row} could not be created in time; is the machine busy?`);
      context.say(`${row}: created too late for their due time; once more, with more time`);
    } finally {
      await carillon.stop();
    }
  }
}

/** Returns when the creation is to begin, with the instant that the jobs are to be due at. */
async function warmUpUntilCreation(
  carillon: Carillon,
  world: World,
  { kind, size, tries }: { readonly kind: Kind; readonly size: number; readonly tries: number },
): Promise<number> {
  const startedAtMs = Date.now();
  const { creationMs } = await warmUp(carillon, world);
  const warmUpMs = Date.now() - startedAtMs;
  const leadMs = warmUpMs + leadFor(creationMs(size) * tries);
  const dueMs = Math.ceil((Date.now() + leadMs) / kind.precisionMs) * kind.precisionMs;
  await sleep(dueMs - leadMs - Date.now());
  // Once more: after up to a minute of waiting.
  await warmUp(carillon, world);
  return dueMs;
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
    const dueMs = Date.now() + leadFor((elapsedMs / warmUpNames.length) * size);
    await arm(names, dueMs);
    return await arrivalsOf(bare, world, { size, dueMs }, null);
  } finally {
    await bare.stop();
  }
}

/** From the beginning of a creation that takes so long to the due instant. */
function leadFor(creationMs: number): number {
  return Math.ceil(creationMs) + SETTLE_MS;
}

async function arrivalsOf(
  instance: Instance,
  world: World,
  herd: { readonly size: number; readonly dueMs: number },
  context: Context | null,
): Promise<Sample> {
  const leftMs = herd.dueMs - QUIET_MS - Date.now();
  if (leftMs < 0) throw new Error(`The jobs were created ${Math.round(-leftMs)} ms too late; is the machine busy?`);
  await sleep(leftMs);
  await world.forget({ details: true });
  // Those that do not come in time are part of the result, not the end of the run.
  const wait = async (): Promise<void> => {
    while ((await world.count()) < herd.size && Date.now() < herd.dueMs + DEADLINE_MS) await sleep(POLL_MS);
  };
  if (context === null || instance.inspectorUrl === null) await wait();
  else await profiled(instance.inspectorUrl, wait, context.say);
  const arrivals = await world.arrivals();
  const arrived = new Map(arrivals.map((arrival, index) => [arrival.executionId ?? index, arrival]));
  const missing = Math.max(0, herd.size - arrived.size);
  return {
    latenessMs: [
      ...arrivals.map(({ atMs }) => atMs - herd.dueMs),
      ...Array.from({ length: missing }, () => DEADLINE_MS),
    ],
    missing,
    repeated: arrivals.length - arrived.size,
    faults: instance.faults,
  };
}

function lastOf(sample: Sample | undefined): number {
  return quantile(sample?.latenessMs ?? [], 1);
}

function ratios({ carillon, bare }: Herds): number[] {
  return carillon.map((sample, repeat) => lastOf(sample) / lastOf(bare[repeat]));
}

function figuresOf(herds: Herds): Figure[] {
  const { row } = herds;
  const of = (samples: readonly Sample[], q: number) => samples.map(({ latenessMs }) => quantile(latenessMs, q));
  return [
    figure(row, "last arrival", "ms", of(herds.carillon, 1)),
    figure(row, "p99 lateness", "ms", of(herds.carillon, 0.99)),
    figure(row, "p50 lateness", "ms", of(herds.carillon, 0.5)),
    figure(row, "bare: last arrival", "ms", of(herds.bare, 1)),
    figure(row, "bare: p99 lateness", "ms", of(herds.bare, 0.99)),
    figure(row, "last arrival ÷ bare", "ratio", ratios(herds)),
  ];
}

function budgetOf(herds: Herds): BudgetCheck {
  const ratio = median(ratios(herds));
  return {
    what: `${herds.row} due at the same instant: last arrival, beside a bare skeleton`,
    budget: `at most ${MOST_RATIO} ×`,
    measured: `${ratio.toFixed(2)} × (${median(herds.carillon.map(lastOf)).toFixed(0)} ms)`,
    met: ratio <= MOST_RATIO,
  };
}

function countNotes(subject: string, samples: readonly Sample[]): string[] {
  const missing = samples.reduce((sum, each) => sum + each.missing, 0);
  const repeated = samples.reduce((sum, each) => sum + each.repeated, 0);
  return [
    ...(missing === 0
      ? []
      : [`${subject}: ${missing} had not arrived after ${DEADLINE_MS / 1_000} s, over all repeats.`]),
    ...(repeated === 0 ? [] : [`${subject}: ${repeated} arrived more than once, over all repeats.`]),
  ];
}
