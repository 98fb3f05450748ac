/** `bench/results/latest.json`: the last outcome of each measurement, with the machine that it is from. */

import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { ROOT } from "../../scripts/lib/paths.ts";
import type { Machine } from "./machine.ts";
import type { Outcome } from "./measurement.ts";

export interface KeptOutcome extends Outcome {
  readonly title: string;
  /** ISO 8601, when the measurement ended. */
  readonly takenAt: string;
  readonly tookSeconds: number;
  readonly machine: Machine;
}

/** By name, in the order in which `run.ts` lists them. */
export type Results = Readonly<Record<string, KeptOutcome>>;

const PATH = join(ROOT, "bench", "results", "latest.json");

export function readResults(): Results {
  try {
    return JSON.parse(readFileSync(PATH, "utf8")) as Results;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return {};
    throw error;
  }
}

/** Replaces what was measured now and keeps the rest. */
export function keepResult(name: string, outcome: KeptOutcome, order: readonly string[]): void {
  const results: Record<string, KeptOutcome> = { ...readResults(), [name]: outcome };
  const sorted = Object.fromEntries(
    order.flatMap((each) => (results[each] === undefined ? [] : [[each, results[each]]])),
  );
  mkdirSync(dirname(PATH), { recursive: true });
  writeFileSync(PATH, `${JSON.stringify(sorted, null, 2)}\n`);
}
