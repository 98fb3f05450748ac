/**
 * `size`: how large the Worker is, and how long it takes to come up.
 *
 * Two methods, because neither is what the platform will measure on its own machines:
 * - start-up is what `wrangler check startup` reports as active: compiling the bundle and running it once;
 * - cold start is workerd itself, without Miniflare, from the start of the process with the bundle to its first answer
 *   (`GET /healthz`, which touches no binding). An empty Worker takes turns with it: the difference is the bundle's.
 */

import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { WORKER_BUNDLE, WORKER_OPTIONS } from "../scripts/lib/paths.ts";
import { runWrangler } from "../scripts/lib/workerBundle.ts";
import type { WorkerOptions } from "../scripts/lib/workerOptions.ts";
import { workerdBinary } from "./lib/machine.ts";
import type { Figure, Measurement } from "./lib/measurement.ts";
import { usageOf } from "./lib/runtimeUsage.ts";
import { figure, median } from "./lib/stats.ts";
import { buildCarillon } from "./lib/workers.ts";

const REPEATS = 15;
const SMALL_REPEATS = 3;
/** Of `wrangler check startup`, which takes seconds each. */
const WRANGLER_REPEATS = 5;
const SMALL_WRANGLER_REPEATS = 1;
const START_DEADLINE_MS = 20_000;
/** DESIGN section 3. */
const GZIPPED_MOST_KIB = 1_024;
const STARTUP_MOST_MS = 100;

const EMPTY_WORKER = 'export default { fetch() { return new Response("ok"); } };\n';

interface ColdStart {
  readonly elapsedMs: number;
  /** Of all threads: it does not grow when the machine is busy. */
  readonly cpuMs: number | null;
}

export const size: Measurement = {
  name: "size",
  title: "bundle and cold start",
  run: async (context) => {
    const repeats = context.repeats ?? (context.small ? SMALL_REPEATS : REPEATS);
    const wranglerRepeats = context.small ? SMALL_WRANGLER_REPEATS : WRANGLER_REPEATS;
    await buildCarillon();
    const bundle = readFileSync(WORKER_BUNDLE, "utf8");
    const gzippedKiB = gzipSync(bundle).length / 1024;
    const directory = mkdtempSync(join(tmpdir(), "carillon-bench-"));
    const carillon: ColdStart[] = [];
    const empty: ColdStart[] = [];
    const startupMs: number[] = [];
    try {
      const ours = writeConfig(directory, "carillon", bundle, "JobActor");
      const theirs = writeConfig(directory, "empty", EMPTY_WORKER, null);
      for (let repeat = 0; repeat < repeats; repeat++) {
        carillon.push(await coldStart(ours));
        empty.push(await coldStart(theirs));
      }
      for (let repeat = 0; repeat < wranglerRepeats; repeat++) startupMs.push(await reportedStartupMs(directory));
    } finally {
      rmSync(directory, { recursive: true, force: true });
    }
    return {
      settings: { repeats, "repeats of wrangler's": wranglerRepeats },
      figures: [
        figure("Carillon", "gzipped", "KiB", [gzippedKiB]),
        figure("Carillon", "start-up (wrangler)", "ms", startupMs),
        ...coldStartFigures("Carillon", carillon),
        ...coldStartFigures("empty Worker", empty),
        ...coldStartFigures(
          "Carillon − empty",
          carillon.map((each, repeat) => difference(each, empty[repeat])),
        ),
      ],
      budgets: [
        {
          what: "Worker bundle, gzipped",
          budget: "under 1 MiB",
          measured: `${gzippedKiB.toFixed(0)} KiB`,
          met: gzippedKiB < GZIPPED_MOST_KIB,
        },
        {
          what: "start-up, as `wrangler check startup` reports it",
          budget: `under ${STARTUP_MOST_MS} ms`,
          measured: `${median(startupMs).toFixed(0)} ms`,
          met: median(startupMs) < STARTUP_MOST_MS,
        },
      ],
      notes: [],
    };
  },
};

function coldStartFigures(row: string, starts: readonly ColdStart[]): Figure[] {
  return [
    figure(
      row,
      "cold start",
      "ms",
      starts.map(({ elapsedMs }) => elapsedMs),
    ),
    figure(
      row,
      "CPU of it",
      "ms",
      starts.map(({ cpuMs }) => cpuMs),
    ),
  ];
}

function difference(ours: ColdStart, theirs: ColdStart | undefined): ColdStart {
  return {
    elapsedMs: ours.elapsedMs - (theirs?.elapsedMs ?? Number.NaN),
    cpuMs: ours.cpuMs === null || theirs?.cpuMs == null ? null : ours.cpuMs - theirs.cpuMs,
  };
}

async function reportedStartupMs(directory: string): Promise<number> {
  const output = await runWrangler(["check", "startup", "--outfile", join(directory, "startup.cpuprofile")]);
  const active = /Active: ([\d.]+) ms/.exec(output)?.[1];
  if (active === undefined) throw new Error(`wrangler reported no start-up time:\n${output}`);
  return Number(active);
}

/** A configuration for workerd alone, with the Worker's compatibility settings. Returns its path. */
function writeConfig(directory: string, name: string, script: string, className: string | null): string {
  const { options } = JSON.parse(readFileSync(WORKER_OPTIONS, "utf8")) as WorkerOptions;
  const flags = (options["compatibilityFlags"] as readonly string[]).map((flag) => JSON.stringify(flag)).join(", ");
  const objects =
    className === null
      ? ""
      : `durableObjectNamespaces = [(className = "${className}", uniqueKey = "${className}", enableSql = true)],
    durableObjectStorage = (inMemory = void),`;
  writeFileSync(join(directory, `${name}.js`), script);
  const path = join(directory, `${name}.capnp`);
  writeFileSync(
    path,
    `using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [(name = "main", worker = (
    modules = [(name = "${name}.js", esModule = embed "${name}.js")],
    compatibilityDate = "${String(options["compatibilityDate"])}",
    compatibilityFlags = [${flags}],
    ${objects}
  ))],
  sockets = [(name = "http", service = "main")],
);
`,
  );
  return path;
}

async function coldStart(configPath: string): Promise<ColdStart> {
  const port = await freePort();
  const startedAtMs = performance.now();
  const workerd = spawn(
    workerdBinary(),
    ["serve", "--experimental", `--socket-addr=http=127.0.0.1:${port}`, configPath],
    {
      stdio: ["ignore", "ignore", "pipe"],
    },
  );
  const ended = new Promise<void>((resolve) => workerd.on("close", () => resolve()));
  let complaints = "";
  workerd.stderr.setEncoding("utf8").on("data", (chunk: string) => (complaints += chunk));
  try {
    while (workerd.exitCode === null && performance.now() - startedAtMs < START_DEADLINE_MS) {
      const answer = await fetch(`http://127.0.0.1:${port}/healthz`).catch(() => null);
      if (answer === null) continue;
      if (answer.status !== 200) throw new Error(`workerd answered ${answer.status}: ${complaints}`);
      return { elapsedMs: performance.now() - startedAtMs, cpuMs: usageOf(workerd.pid ?? null).cpuMs };
    }
    throw new Error(`workerd did not come up: ${complaints}`);
  } finally {
    workerd.kill("SIGKILL");
    await ended;
  }
}

/** Free a moment ago. */
async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}
