/**
 * `throughput`: run-now at full speed on existing jobs, in the same run beside a bare queue → fetch Worker, a Worker that
 * only fetches, and one that does no more than keep what Carillon promises of a run (`workers/bareKept.ts`).
 */

import { createJobs, idleJob, startCarillon, warmUp } from "./lib/carillon.ts";
import type { Carillon } from "./lib/carillon.ts";
import { faultNotes } from "./lib/faults.ts";
import { startInstance } from "./lib/instance.ts";
import type { Instance } from "./lib/instance.ts";
import type { Context, Measurement, Outcome } from "./lib/measurement.ts";
import { profiled } from "./lib/profiler.ts";
import { figure, median } from "./lib/stats.ts";
import { sleep } from "./lib/waiting.ts";
import { buildBare, buildCarillon } from "./lib/workers.ts";
import type { LoadOutcome, LoadPlan } from "./world/methods.ts";
import { startWorld } from "./world/world.ts";
import type { World } from "./world/world.ts";

const JOBS = 50;
/** Under way at a time: a few batches of the queue, so that it always has work and never a backlog. */
const IN_FLIGHT = 100;
const WARM_UP_MS = 5_000;
/** DESIGN section 3. */
const LEAST_RATIO = 0.5;
/** Carillon's warm-up ends in history writes. */
const SETTLE_MS = 500;

interface Sample {
  readonly load: LoadOutcome;
  readonly peakRssMiB: number | null;
  /** Of workerd, for each execution. */
  readonly cpuMs: number | null;
  readonly faults: readonly string[];
}

const SUBJECTS = ["Carillon", "bare queue → fetch", "bare fetch", "bare, kept"] as const;
type Subject = (typeof SUBJECTS)[number];

export const throughput: Measurement = {
  name: "throughput",
  title: "run-now at full speed",
  run: async (context) => {
    const repeats = context.repeats ?? (context.small ? 1 : 3);
    const measuredMs = (context.seconds ?? (context.small ? 3 : 30)) * 1_000;
    const [carillon, bareQueue, bareFetch, bareKept] = await Promise.all([
      buildCarillon(),
      buildBare("bareQueue", null),
      buildBare("bareFetch", null),
      buildBare("bareKept", "BareKept"),
    ]);
    const world = await startWorld();
    const samples: Record<Subject, Sample[]> = {
      Carillon: [],
      "bare queue → fetch": [],
      "bare fetch": [],
      "bare, kept": [],
    };
    const shape = { inFlight: IN_FLIGHT, warmUpMs: context.small ? 1_000 : WARM_UP_MS, measuredMs } as const;
    try {
      const bindings = { TARGET_URL: `${world.url}/run` };
      for (let repeat = 1; repeat <= repeats; repeat++) {
        const start: Record<Subject, () => Promise<Instance>> = {
          Carillon: () => startCarillon({ worker: carillon, inspected: context.profile }),
          "bare queue → fetch": () => startInstance({ worker: bareQueue, bindings, inspected: context.profile }),
          "bare fetch": () => startInstance({ worker: bareFetch, bindings }),
          "bare, kept": () => startInstance({ worker: bareKept, bindings, inspected: context.profile }),
        };
        for (const subject of SUBJECTS) {
          const instance = await start[subject]();
          try {
            const plan =
              "ownerToken" in instance ? await carillonPlan(instance as Carillon, world) : barePlan(instance);
            const doneAt = subject === "bare fetch" ? "answer" : "arrival";
            const sample = await sampleOf(instance, world, context, { ...shape, ...plan, doneAt });
            samples[subject].push(sample);
            context.say(`repeat ${repeat} of ${repeats}, ${subject}: ${perSecond(sample).toFixed(0)} executions/s`);
          } finally {
            await instance.stop();
          }
        }
      }
    } finally {
      world.stop();
    }
    return report(samples, { repeats, seconds: measuredMs / 1_000, jobs: JOBS, "in flight": IN_FLIGHT });
  },
};

type Subjected = Pick<LoadPlan, "urls" | "method" | "headers">;

async function carillonPlan(carillon: Carillon, world: World): Promise<Subjected> {
  await warmUp(carillon, world);
  const bodies = Array.from({ length: JOBS }, (_, index) => idleJob(`${world.url}/run`, `run-now ${index}`));
  const { ids } = await createJobs(carillon, bodies);
  await sleep(SETTLE_MS);
  return {
    urls: ids.map((id) => `${carillon.url}/v1/jobs/${id}/run-now`),
    method: "POST",
    headers: { authorization: `Bearer ${carillon.ownerToken}` },
  };
}

function barePlan(instance: Instance): Subjected {
  const urls = Array.from({ length: JOBS }, (_, index) => `${instance.url}/?job=${index}`);
  return { urls, method: "GET", headers: {} };
}

async function sampleOf(instance: Instance, world: World, context: Context, plan: LoadPlan): Promise<Sample> {
  await world.forget({ details: false });
  const before = instance.usage();
  const run = () => world.load(plan);
  const load = await (instance.inspectorUrl === null ? run() : profiled(instance.inspectorUrl, run, context.say));
  const after = instance.usage();
  const executions = await world.count();
  const { cpuMs } = after;
  return {
    load,
    peakRssMiB: after.peakRssMiB,
    cpuMs: cpuMs === null || before.cpuMs === null ? null : (cpuMs - before.cpuMs) / Math.max(1, executions),
    faults: instance.faults,
  };
}

function perSecond({ load }: Sample): number {
  return load.arrivals / (load.elapsedMs / 1_000);
}

function report(samples: Record<Subject, readonly Sample[]>, settings: Outcome["settings"]): Outcome {
  const rates = (subject: Subject) => samples[subject].map(perSecond);
  const ratiosTo = (subject: Subject) =>
    rates("Carillon").map((rate, repeat) => rate / (rates(subject)[repeat] ?? Number.NaN));
  const toQueue = ratiosTo("bare queue → fetch");
  const missing = samples.Carillon.reduce((sum, { load }) => sum + load.missing, 0);
  return {
    settings,
    figures: [
      ...SUBJECTS.flatMap((subject) => [
        figure(
          subject,
          "submits",
          "/s",
          samples[subject].map(({ load }) => load.accepted / (load.elapsedMs / 1_000)),
        ),
        figure(subject, "executions", "/s", rates(subject)),
        figure(
          subject,
          "workerd CPU each",
          "ms",
          samples[subject].map(({ cpuMs }) => cpuMs),
        ),
        figure(
          subject,
          "peak memory",
          "MiB",
          samples[subject].map(({ peakRssMiB }) => peakRssMiB),
        ),
        figure(
          subject,
          "refused",
          "count",
          samples[subject].map(({ load }) => load.refused),
        ),
        figure(
          subject,
          "driver's share of a core",
          "ratio",
          samples[subject].map(({ load }) => load.cpuShare),
        ),
      ]),
      figure("Carillon ÷ bare queue → fetch", "executions", "ratio", toQueue),
      figure("Carillon ÷ bare fetch", "executions", "ratio", ratiosTo("bare fetch")),
      figure("Carillon ÷ bare, kept", "executions", "ratio", ratiosTo("bare, kept")),
      figure(
        "bare, kept ÷ bare queue → fetch",
        "executions",
        "ratio",
        rates("bare, kept").map((rate, repeat) => rate / (rates("bare queue → fetch")[repeat] ?? Number.NaN)),
      ),
    ],
    budgets: [
      {
        what: "run-now at full speed, beside a bare queue → fetch Worker",
        budget: `at least ${LEAST_RATIO} × its executions/s`,
        measured: `${median(toQueue).toFixed(2)} ×`,
        met: median(toQueue) >= LEAST_RATIO,
      },
    ],
    notes: [
      ...(missing === 0 ? [] : [`${missing} accepted runs had not come to the target 10 s after the load had ended.`]),
      ...SUBJECTS.flatMap((subject) => faultNotes(subject, samples[subject])),
    ],
  };
}
