/**
 * `npm run bench`: takes the measurements of DESIGN section 3, prints them beside their budgets, and keeps them in
 * `bench/results/latest.json`. `npm run bench -- NAME` takes one of them; `-- --help` lists names and flags.
 */

import { parseArgs } from "node:util";
import { describeMachine, machineLine } from "./lib/machine.ts";
import type { Context, Measurement } from "./lib/measurement.ts";
import { updateReadme } from "./lib/readme.ts";
import { renderOutcome } from "./lib/render.ts";
import { keepResult, readResults } from "./lib/results.ts";
import { cost } from "./cost.ts";
import { herd } from "./herd.ts";
import { latency } from "./latency.ts";
import { throughput } from "./throughput.ts";

const MEASUREMENTS: readonly Measurement[] = [latency, herd, throughput, cost];
const NAMES = MEASUREMENTS.map(({ name }) => name);

const HELP = `npm run bench -- [NAME …] [flags]

Measurements (all by default):
${MEASUREMENTS.map(({ name, title }) => `  ${name.padEnd(12)} ${title}`).join("\n")}

Flags:
  --repeats N   how often each thing is measured
  --seconds N   how long a load lasts
  --profile     prints where the CPU goes, isolate by isolate; slows what it measures, so nothing is kept
  --small       tiny sizes, to see that everything works; nothing is kept
  --readme      only writes the table of the last results into README.md
`;

try {
  await main(process.argv.slice(2));
} catch (error) {
  process.stderr.write(`${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
  process.exitCode = 1;
}
// What is still open here (an idle connection, an inspector) must not keep the process; its children end with it.
process.exit();

async function main(args: string[]): Promise<void> {
  const { values, positionals } = parseArgs({
    args,
    allowPositionals: true,
    options: {
      repeats: { type: "string" },
      seconds: { type: "string" },
      profile: { type: "boolean", default: false },
      small: { type: "boolean", default: false },
      readme: { type: "boolean", default: false },
      help: { type: "boolean", default: false },
    },
  });
  if (values.help) return say(HELP);
  if (values.readme) return updateReadme(readResults());
  const unknown = positionals.filter((name) => !NAMES.includes(name));
  if (unknown.length > 0) throw new Error(`There is no measurement ${unknown.join(", ")}; there is ${NAMES.join(", ")}.`);

  const machine = describeMachine();
  say(machineLine(machine));
  if (values.small) say("Small sizes: these numbers only show that the harness works.");
  const context: Context = {
    small: values.small,
    profile: values.profile,
    repeats: wholeNumber(values.repeats, "--repeats"),
    seconds: wholeNumber(values.seconds, "--seconds"),
    say: (text) => say(text.replaceAll(/^/gm, "    ")),
  };
  for (const measurement of MEASUREMENTS) {
    const { name, title } = measurement;
    if (positionals.length > 0 && !positionals.includes(name)) continue;
    say(`\n=== ${name}: ${title}`);
    const startedAtMs = performance.now();
    const outcome = await measurement.run(context);
    const tookSeconds = Math.round((performance.now() - startedAtMs) / 1_000);
    say(`\n${renderOutcome(outcome)}\n\n${name} took ${tookSeconds} s.`);
    if (values.small || values.profile) continue;
    keepResult(name, { title, takenAt: new Date().toISOString(), tookSeconds, machine, ...outcome }, NAMES);
  }
}

function wholeNumber(text: string | undefined, flag: string): number | null {
  if (text === undefined) return null;
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1) throw new Error(`${flag} takes a whole number from 1 on.`);
  return value;
}

function say(text: string): void {
  process.stdout.write(`${text}\n`);
}
