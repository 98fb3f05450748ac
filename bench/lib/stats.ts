/** Medians and quantiles of samples. */

import type { Figure, Unit } from "./measurement.ts";

/** The smallest sample that at least the share `q` of all samples does not exceed (nearest rank). `NaN` for none. */
export function quantile(samples: readonly number[], q: number): number {
  const sorted = samples.toSorted((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(q * sorted.length) - 1)] ?? Number.NaN;
}

/** The middle sample, or the mean of the two in the middle. `NaN` for none. */
export function median(samples: readonly number[]): number {
  const sorted = samples.toSorted((a, b) => a - b);
  const upper = sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
  const lower = sorted[Math.ceil(sorted.length / 2) - 1] ?? Number.NaN;
  return (lower + upper) / 2;
}

/** The median of the repeats; no figure at all where no repeat could tell. */
export function figure(row: string, column: string, unit: Unit, samples: readonly (number | null)[]): Figure {
  const known = samples.filter((sample) => sample !== null);
  return { row, column, unit, samples: known, value: known.length === 0 ? null : median(known) };
}

/** p50, p99 and max of each repeat, each as a figure of its own. */
export function spread(row: string, what: string, repeats: readonly (readonly number[])[]): Figure[] {
  return [
    figure(
      row,
      `${what} p50`,
      "ms",
      repeats.map((samples) => quantile(samples, 0.5)),
    ),
    figure(
      row,
      `${what} p99`,
      "ms",
      repeats.map((samples) => quantile(samples, 0.99)),
    ),
    figure(
      row,
      `${what} max`,
      "ms",
      repeats.map((samples) => quantile(samples, 1)),
    ),
  ];
}

/** Numbers in [0, 1) that are the same in every run (mulberry32). */
export function seededRandom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
