/** Tells the reader of a measurement about errors that the Worker logged meanwhile. */

const CHARACTERS_MOST = 200;

export function faultNotes(subject: string, runs: readonly { readonly faults: readonly string[] }[]): string[] {
  const faults = runs.flatMap((run) => run.faults);
  const [first] = faults;
  if (first === undefined) return [];
  return [`${subject} logged ${faults.length} errors or warnings; the first: ${first.slice(0, CHARACTERS_MOST)}`];
}
