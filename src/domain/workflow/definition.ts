/** Steps as their author saved them: what a job with more than one request does, and in which order. */

import type { RequestSpec } from "../job/request.ts";
import type { JsonValue } from "../json.ts";
import type { RetryPolicy } from "../retry/policy.ts";
import type { Condition } from "./conditions.ts";

export const STEP_TYPES = [
  "http",
  "wait",
  "wait_for_webhook",
  "approval",
  "condition",
  "parallel",
  "for_each",
  "transform",
  "run_job",
] as const;
export type StepType = (typeof STEP_TYPES)[number];

/** All steps of a definition, nested ones included. */
export const STEPS_MOST = 100;
/** A list within a step counts as one level; the definition's own list is the first. */
export const NESTING_MOST = 10;
/** Elements of a `for_each`. */
export const ITEMS_MOST = 1_000;
/** `parallel` and `for_each` run at most this many branches or iterations at a time, and by default. */
export const BRANCH_CONCURRENCY_MOST = 100;
export const BRANCH_CONCURRENCY_DEFAULT = 10;
/** The longest wait, and the longest timeout of a step that waits: 365 days. */
export const WAIT_SECONDS_MOST = 365 * 24 * 60 * 60;
/** Default timeout of `wait_for_webhook`, `approval` (seed: LoopFour "Steps") and a `run_job` that is waited for. */
export const WAIT_SECONDS_DEFAULT = 24 * 60 * 60;
/** Executions that started one another by `run_job`. */
export const DEPTH_MOST = 10;

interface StepCommon {
  /** Unique in the definition; letters, digits, `_` and `-`, beginning with a letter or `_`. */
  readonly id: string;
  readonly name: string | null;
  /** The step is `skipped` when this does not hold; `null` runs it always. */
  readonly when: Condition | null;
  /** `continue`: a failure stays visible on the step, and its list goes on. */
  readonly onError: "fail" | "continue";
}

export interface HttpStep extends StepCommon {
  readonly type: "http";
  /** Its `timeoutSeconds` bounds one attempt; its `output` map, where it is not empty, replaces the body as output. */
  readonly request: RequestSpec;
  readonly retryPolicy: RetryPolicy;
  /** Name in `context` → JSONPath into the response's JSON, or a template. */
  readonly extract: Readonly<Record<string, string>>;
}

/** Exactly one of the two is given. */
export interface WaitStep extends StepCommon {
  readonly type: "wait";
  readonly durationSeconds: number | null;
  /** A template that yields ISO 8601 text or epoch milliseconds; what is past does not wait. */
  readonly until: string | null;
}

export interface WaitForWebhookStep extends StepCommon {
  readonly type: "wait_for_webhook";
  readonly timeoutSeconds: number;
  readonly onTimeout: "fail" | "continue";
}

export interface ApprovalStep extends StepCommon {
  readonly type: "approval";
  /** A template, shown to who decides. */
  readonly message: string;
  /** Names of tokens. Over the API only these and owners decide; a link, whoever has it. Empty: whoever may write. */
  readonly approvers: readonly string[];
  readonly timeoutSeconds: number;
  readonly onTimeout: "reject" | "approve" | "fail";
  readonly onReject: "fail" | "continue";
}

interface ContainerCommon extends StepCommon {
  /**
   * How long the step may take with everything in it, from its beginning on; what is unfinished then is cancelled, and
   * the step fails. Absent: as long as its steps take.
   */
  readonly timeoutSeconds?: number | undefined;
}

export interface ConditionStep extends ContainerCommon {
  readonly type: "condition";
  readonly if: Condition;
  readonly then: readonly StepDefinition[];
  readonly else: readonly StepDefinition[];
}

/** `all` lets every branch come to its end and then fails if one failed; `fail_fast` cancels the others at the first failure. */
export type FanOutMode = "all" | "fail_fast";

export interface ParallelStep extends ContainerCommon {
  readonly type: "parallel";
  readonly branches: readonly (readonly StepDefinition[])[];
  readonly mode: FanOutMode;
  readonly maxConcurrency: number;
}

export interface ForEachStep extends ContainerCommon {
  readonly type: "for_each";
  /** A template that yields a list, or the list itself with templates in it. */
  readonly items: JsonValue;
  readonly steps: readonly StepDefinition[];
  readonly mode: FanOutMode;
  readonly maxConcurrency: number;
}

export interface TransformStep extends StepCommon {
  readonly type: "transform";
  /** JSON with templates in its strings; evaluated, it is the step's output. */
  readonly value: JsonValue;
}

export interface RunJobStep extends StepCommon {
  readonly type: "run_job";
  readonly jobId: string;
  /** JSON with templates in its strings: the input of the other job's execution. */
  readonly input: JsonValue;
  /** Whether the step lasts until that execution has ended. */
  readonly waits: boolean;
  /** How long it waits; unused otherwise. */
  readonly timeoutSeconds: number;
}

export type ContainerStep = ConditionStep | ParallelStep | ForEachStep;
export type StepDefinition =
  HttpStep | WaitStep | WaitForWebhookStep | ApprovalStep | TransformStep | RunJobStep | ContainerStep;

export function isContainer(step: StepDefinition): step is ContainerStep {
  return step.type === "condition" || step.type === "parallel" || step.type === "for_each";
}

/** A list of steps within a step: `key` is what its place adds to the path of the container. */
export interface NestedList {
  /** `.then`, `.else`, `[0]`, …; `[*]` for the list that a `for_each` runs once per item. */
  readonly key: string;
  /** The same place on the wire, for messages: `then`, `else`, `branches[0]`, `steps`. */
  readonly field: string;
  readonly steps: readonly StepDefinition[];
}

export function nestedLists(step: StepDefinition): readonly NestedList[] {
  switch (step.type) {
    case "condition":
      return [
        { key: ".then", field: "then", steps: step.then },
        { key: ".else", field: "else", steps: step.else },
      ];
    case "parallel":
      return step.branches.map((steps, index) => ({ key: `[${index}]`, field: `branches[${index}]`, steps }));
    case "for_each":
      return [{ key: "[*]", field: "steps", steps: step.steps }];
    default:
      return [];
  }
}

/** The path of a step in the list that begins at `prefix`: `b` in `cond.then` is `cond.then.b`. */
export function stepPath(prefix: string, id: string): string {
  return prefix === "" ? id : `${prefix}.${id}`;
}
