/** What a multi-step execution did, step by step, as it is kept in the history. */

import type { JsonValue } from "../json.ts";
import type { StepType } from "../workflow/definition.ts";
import type { Attempt } from "./attempt.ts";
import type { ExecutionError } from "./execution.ts";

/**
 * `pending`: an `http` step that waits for a slot or for its first claim. `waiting`: parked until a time, a call, a
 * decision or the end of another execution. A step that was not reached has no record.
 */
export const STEP_STATUSES = ["pending", "running", "waiting", "succeeded", "failed", "skipped", "cancelled"] as const;
export type StepStatus = (typeof STEP_STATUSES)[number];

export interface StepRecord {
  /** Its place in the execution: `a`, `cond.then.b`, `par[0].x`, `loop[3].y`. */
  readonly path: string;
  readonly id: string;
  readonly type: StepType;
  readonly name: string | null;
  readonly status: StepStatus;
  readonly startedAtMs: number | null;
  readonly finishedAtMs: number | null;
  /** What its templates resolved to. References to secrets stand as they were written: no plaintext gets here. */
  readonly input: JsonValue;
  /**
   * What the step gave. Of `parallel` and `for_each` it is `null` in the record and put together from the records of
   * their steps when it is asked for (`outputOf`), so that nothing is stored twice.
   */
  readonly output: JsonValue;
  /** What an `http` step put into `context`; absent for nothing, and from records of releases that did not keep it. */
  readonly extracted?: Readonly<Record<string, JsonValue>>;
  readonly error: ExecutionError | null;
  /** Of an `http` step. An answer that became the output is not kept as a preview too. */
  readonly attempts: readonly Attempt[];
  /** The index of the innermost `for_each` iteration that it ran in. */
  readonly iteration: number | null;
  /** The innermost branch that it ran in: an index of `parallel`, or `then`/`else`. */
  readonly branch: number | "then" | "else" | null;
  /** While `waiting`: when it stops to. */
  readonly waitUntilMs: number | null;
  /** The execution that a `run_job` step started. */
  readonly child: string | null;
}

/** What an execution waits for; the first such step where there are several, a person's decision before anything else. */
export interface WaitingStep {
  /** Its path. */
  readonly step: string;
  readonly type: StepType;
  readonly sinceMs: number;
  readonly untilMs: number | null;
  /** Of `wait_for_webhook`: where to post to. */
  readonly callbackUrl: string | null;
  /** Of `approval`: what is to be decided. */
  readonly message: string | null;
}

/** What an execution of a job with steps has beyond one of a plain job. */
export interface WorkflowRecord {
  readonly input: JsonValue;
  /** What came with the webhook that started it; `null` for every other source. */
  readonly triggerInput: JsonValue;
  /** What `extract` took out of responses. */
  readonly context: Readonly<Record<string, JsonValue>>;
  /** In the order in which they were reached. */
  readonly steps: readonly StepRecord[];
  readonly waiting: WaitingStep | null;
  /** What `response_output_template` resolved to at the end. */
  readonly finalOutput: JsonValue;
  /** Executions that its `run_job` steps started. */
  readonly children: readonly string[];
  /** The execution that it is a retry or restart of. */
  readonly restartedFrom: string | null;
  /**
   * What its links were derived from, once it has ended and they give no right any more: so that their pages can say what
   * became of it. Absent while it lives, and from records of releases that did not keep it.
   */
  readonly key?: string;
}

/** The `run_job` step that started an execution. */
export interface ParentLink {
  readonly executionId: string;
  /** Its path in the parent. */
  readonly step: string;
  /** 1 for the child of an execution that nobody started by `run_job`. */
  readonly depth: number;
  /** Whether the parent waits for the end, and so has to be told of it. */
  readonly waits: boolean;
}

export function isStepFinished(status: StepStatus): boolean {
  return status === "succeeded" || status === "failed" || status === "skipped" || status === "cancelled";
}
