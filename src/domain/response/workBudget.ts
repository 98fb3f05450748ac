/** Counted work, so that what users write (patterns, paths) ends at the same point on every machine, without a clock. */

/**
 * Units that one evaluation of a job's rules may spend, patterns and JSONPath together. Measured in Node 24 on a shared
 * 2-core machine, a unit of a pattern costs 50 to 200 ns of CPU and the whole budget 5 to 16 ms; a unit of a JSONPath up
 * to 600 ns. Issue 3 allows a pattern 50 ms; `regex.test.ts` holds it to that.
 */
export const RULE_WORK_UNITS = 80_000;

/** Leaves library code (re2js, json-p3) in mid-search; always caught by the function that started the search. */
export class WorkExceeded extends Error {
  override readonly name = "WorkExceeded";
}

export class WorkBudget {
  #left: number;

  constructor(units: number = RULE_WORK_UNITS) {
    this.#left = units;
  }

  get left(): number {
    return this.#left;
  }

  /** Takes `units` from the budget; throws {@link WorkExceeded} once it is overdrawn. */
  spend(units: number): void {
    this.#left -= units;
    if (this.#left < 0) throw new WorkExceeded();
  }
}
