/** Which form of the fault suite runs, and where its figures go. */

/** `FAULTS=full` is `npm run test:faults`; the short form is part of `npm test`. */
export const FULL = process.env["FAULTS"] === "full";

/** Figures that are reported and not asserted. */
export function report(title: string, figures: Readonly<Record<string, unknown>>): void {
  const parts = Object.entries(figures).map(([name, value]) => `${name}=${JSON.stringify(value)}`);
  process.stdout.write(`${title}: ${parts.join(" ")}\n`);
}

/** The value below which `share` of the values lie. */
export function quantile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}
