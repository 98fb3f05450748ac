/**
 * The bound on what an execution's row holds, so that a record can always be stored: one that cannot would be owed for
 * ever. What explains the end is kept longest.
 */

import type { Attempt } from "../domain/execution/attempt.ts";
import type { Execution } from "../domain/execution/execution.ts";
import type { StepRecord, WorkflowRecord } from "../domain/execution/stepRecord.ts";

/** D1 refuses a row above 2 MB (facts 3.1); half of it leaves room for whatever else grows. */
export const MOST_JSON_BYTES = 1_000_000;
/** What the attempts always have, however large the output is. */
const LEAST_ATTEMPTS_BYTES = 250_000;
/**
 * With output and attempts, of which such a row has next to nothing: the engine lets an execution with steps keep 1 MB,
 * and what is around its records comes on top.
 */
export const MOST_WORKFLOW_BYTES = 1_500_000;

/** The large columns of a row, as JSON. */
export interface FittedColumns {
  readonly output: string | null;
  readonly attempts: string;
  readonly workflow: string | null;
}

export function fitExecution({ output, attempts, workflow }: Execution): FittedColumns {
  const fittedOutput = fitOutput(output);
  const outputBytes = fittedOutput === null ? 0 : byteLength(fittedOutput);
  const attemptsBytes = Math.max(LEAST_ATTEMPTS_BYTES, MOST_JSON_BYTES - outputBytes);
  const fittedAttempts = JSON.stringify(fitAttempts(attempts, attemptsBytes));
  const workflowBytes = MOST_WORKFLOW_BYTES - outputBytes - byteLength(fittedAttempts);
  return {
    output: fittedOutput,
    attempts: fittedAttempts,
    workflow: workflow === null ? null : JSON.stringify(fitWorkflow(workflow, workflowBytes)),
  };
}

/**
 * Attempts whose JSON is at most `mostBytes` of UTF-8: the previews of the oldest attempts go first, then the response
 * headers of the oldest, and only then, which takes thousands of attempts, the oldest attempts themselves.
 */
export function fitAttempts(attempts: readonly Attempt[], mostBytes: number): readonly Attempt[] {
  let excess = jsonBytes(attempts) - mostBytes;
  if (excess <= 0) return attempts;
  const fitted = [...attempts];
  for (const trim of [withoutPreview, withoutHeaders]) {
    for (const [index, attempt] of fitted.entries()) {
      if (excess <= 0) return fitted;
      const trimmed = trim(attempt);
      excess -= jsonBytes(attempt) - jsonBytes(trimmed);
      fitted[index] = trimmed;
    }
  }
  return dropOldest(fitted, mostBytes);
}

/**
 * A record of steps whose JSON is at most `mostBytes` of UTF-8. Since the engine has a bound of its own, this is for what
 * nobody thought of, so each way to save is taken for all steps at once: previews and headers of attempts, what steps were
 * given, what came with the webhook, what steps gave, all that the execution was given and gave, the oldest steps.
 */
export function fitWorkflow(workflow: WorkflowRecord, mostBytes: number): WorkflowRecord {
  let fitted = workflow;
  for (const trim of WORKFLOW_TRIMS) {
    if (jsonBytes(fitted) <= mostBytes) return fitted;
    fitted = trim(fitted);
  }
  const around = jsonBytes({ ...fitted, steps: [] });
  return { ...fitted, steps: dropOldest(fitted.steps, mostBytes - around) };
}

const WORKFLOW_TRIMS: readonly ((workflow: WorkflowRecord) => WorkflowRecord)[] = [
  forEachStep((step) => ({ ...step, attempts: step.attempts.map((each) => withoutPreview(withoutHeaders(each))) })),
  forEachStep((step) => ({ ...step, input: null })),
  (workflow) => ({ ...workflow, triggerInput: null }),
  forEachStep((step) => ({ ...step, output: null, ...(step.extracted && { extracted: {} }) })),
  (workflow) => ({ ...workflow, input: null, context: {}, waiting: null, finalOutput: null, children: [] }),
];

function forEachStep(trim: (step: StepRecord) => StepRecord): (workflow: WorkflowRecord) => WorkflowRecord {
  return (workflow) => ({ ...workflow, steps: workflow.steps.map(trim) });
}

function dropOldest<Item>(items: readonly Item[], mostBytes: number): readonly Item[] {
  let excess = jsonBytes(items) - mostBytes;
  let dropped = 0;
  while (excess > 0 && dropped < items.length) {
    // The comma that separated it goes with it.
    excess -= jsonBytes(items[dropped]) + 1;
    dropped += 1;
  }
  return items.slice(dropped);
}

function withoutPreview(attempt: Attempt): Attempt {
  return { ...attempt, bodyPreview: null };
}

function withoutHeaders(attempt: Attempt): Attempt {
  return { ...attempt, responseHeaders: null };
}

/** An output of this size names the same large answer many times; it is left out rather than never stored. */
function fitOutput(output: Execution["output"]): string | null {
  const json = output === null ? null : JSON.stringify(output);
  return json !== null && byteLength(json) > MOST_JSON_BYTES ? null : json;
}

function jsonBytes(value: unknown): number {
  return byteLength(JSON.stringify(value));
}

function byteLength(json: string): number {
  return new TextEncoder().encode(json).byteLength;
}
