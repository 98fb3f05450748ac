/** What the measurement asks of the outside world (`worldProcess.ts`), over IPC. */

export interface Arrival {
  /** When the head of the request had arrived, epoch milliseconds. */
  readonly atMs: number;
  /** `X-Cron-Service-Scheduled-For`; `null` for a request that carries none. */
  readonly dueMs: number | null;
  /** `X-Cron-Service-Execution-Id`. */
  readonly executionId: string | null;
}

export interface LoadPlan {
  /** Taken in turn. */
  readonly urls: readonly string[];
  readonly method: "GET" | "POST";
  readonly headers: Readonly<Record<string, string>>;
  /** Submissions under way at a time, so that what is measured never works off a backlog. */
  readonly inFlight: number;
  /** When a submission is no longer under way: once the target was called, or once the Worker has answered. */
  readonly doneAt: "arrival" | "answer";
  readonly warmUpMs: number;
  readonly measuredMs: number;
}

export interface LoadOutcome {
  /** Measured, close to what was planned. */
  readonly elapsedMs: number;
  /** Answers with a 2xx status, and others. */
  readonly accepted: number;
  readonly refused: number;
  readonly arrivals: number;
  /** This process's share of one core: far below 1, or it was the bottleneck itself. */
  readonly cpuShare: number;
  /** Submissions that never came to the target, some time after the last one. */
  readonly missing: number;
}

export interface WorldMethods {
  /** Forgets all arrivals; `details` keeps a record of each from now on, and announces it. */
  forget(options: { readonly details: boolean }): void;
  count(): number;
  arrivals(): readonly Arrival[];
  load(plan: LoadPlan): LoadOutcome;
}

export type ToWorld = {
  readonly [Method in keyof WorldMethods]: {
    readonly id: number;
    readonly method: Method;
    readonly params: Parameters<WorldMethods[Method]>;
  };
}[keyof WorldMethods];

export type FromWorld =
  | { readonly type: "ready"; readonly url: string }
  | { readonly type: "arrival"; readonly arrival: Arrival }
  | { readonly type: "answer"; readonly id: number; readonly result: unknown }
  | { readonly type: "failed"; readonly id: number; readonly problem: string };
