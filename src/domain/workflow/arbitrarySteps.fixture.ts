/** Random definitions, nested, of every type of step. */

import fc from "fast-check";
import type { StepDefinition } from "./definition.ts";
import {
  approval,
  condition,
  forEach,
  http,
  parallel,
  runJob,
  transform,
  wait,
  waitForWebhook,
} from "./workflow.fixture.ts";

const OTHER_JOB = "job_01kdefghjkzzzzzzzzzzzzzzzz";

const MODE = fc.constantFrom("all" as const, "fail_fast" as const);
/** Seconds that a container may take; most are over within a few wakes. */
const LIMIT = fc.constantFrom(undefined, undefined, 30, 5_000);
const ON_ERROR = fc.constantFrom("fail" as const, "continue" as const);

/** Steps without ids; `numbered` gives each its own, so that shrinking keeps a definition valid. */
const { list: arbitrarySteps } = fc.letrec<{ step: StepDefinition; list: StepDefinition[] }>((tie) => ({
  list: fc.array(tie("step"), { minLength: 1, maxLength: 3 }),
  step: fc.oneof(
    { depthSize: "small", maxDepth: 3 },
    ON_ERROR.map((onError) => http("", { onError })),
    fc.constant(transform("", "{{input}}")),
    fc.constant(wait("", { durationSeconds: 90 })),
    ON_ERROR.map((onTimeout) => waitForWebhook("", { onTimeout })),
    fc.constantFrom("reject" as const, "approve" as const).map((onTimeout) => approval("", { onTimeout })),
    fc.boolean().map((waits) => runJob("", OTHER_JOB, { waits })),
    fc
      .tuple(fc.boolean(), tie("list"), tie("list"), LIMIT)
      .map(([yes, then, other, timeoutSeconds]) => ({ ...condition("", { left: yes, operator: "eq", right: true }, then, other), timeoutSeconds })),
    fc
      .tuple(fc.array(tie("list"), { minLength: 1, maxLength: 3 }), MODE, ON_ERROR, fc.integer({ min: 1, max: 3 }), LIMIT)
      .map(([branches, mode, onError, maxConcurrency, timeoutSeconds]) => parallel("", branches, { mode, onError, maxConcurrency, timeoutSeconds })),
    fc
      .tuple(tie("list"), fc.integer({ min: 0, max: 3 }), MODE, ON_ERROR, fc.integer({ min: 1, max: 2 }), LIMIT)
      .map(([steps, items, mode, onError, maxConcurrency, timeoutSeconds]) =>
        forEach("", Array.from({ length: items }, (_, index) => index), steps, { mode, onError, maxConcurrency, timeoutSeconds }),
      ),
  ),
})); // prettier-ignore

function numbered(steps: readonly StepDefinition[], counter = { next: 0 }): StepDefinition[] {
  return steps.map((step): StepDefinition => {
    counter.next += 1;
    const id = `s${counter.next}`;
    if (step.type === "condition") {
      return { ...step, id, then: numbered(step.then, counter), else: numbered(step.else, counter) };
    }
    if (step.type === "parallel")
      return { ...step, id, branches: step.branches.map((each) => numbered(each, counter)) };
    if (step.type === "for_each") return { ...step, id, steps: numbered(step.steps, counter) };
    return { ...step, id };
  });
}

export const arbitraryDefinition = arbitrarySteps.map((steps) => numbered(steps));
