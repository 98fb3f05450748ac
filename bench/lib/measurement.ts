/** What a measurement is given, and what it hands back to be printed, kept and put into the README. */

export type Unit = "ms" | "/s" | "MiB" | "KiB" | "ratio" | "USD" | "count";

/** One number, at its place in the measurement's table. */
export interface Figure {
  readonly row: string;
  readonly column: string;
  /** The median of `samples`; `null` for what this machine cannot tell. */
  readonly value: number | null;
  readonly unit: Unit;
  /** The value of each repeat, in the order in which they were taken. */
  readonly samples: readonly number[];
}

/** A budget of DESIGN section 3, beside what was measured. */
export interface BudgetCheck {
  readonly what: string;
  readonly budget: string;
  readonly measured: string;
  readonly met: boolean;
}

export interface Outcome {
  /** What was done and how often, for whoever wants to do it again. */
  readonly settings: Readonly<Record<string, string | number>>;
  readonly figures: readonly Figure[];
  readonly budgets: readonly BudgetCheck[];
  /** What a reader of the numbers must know. */
  readonly notes: readonly string[];
}

export interface Context {
  /** Tiny sizes, to see that everything works: the numbers mean nothing and are not kept. */
  readonly small: boolean;
  /** Prints where the CPU goes; slows what it measures. */
  readonly profile: boolean;
  /** How often each thing is measured; `null` leaves it to the measurement. */
  readonly repeats: number | null;
  /** How long a load lasts; `null` leaves it to the measurement. */
  readonly seconds: number | null;
  /** Progress, for the person who waits. */
  say(text: string): void;
}

export interface Measurement {
  readonly name: string;
  readonly title: string;
  run(context: Context): Promise<Outcome>;
}
