/**
 * The interpreter: walks a definition over the records of an execution and begins whatever can begin. It keeps no place
 * of its own. The records say how far things are, so walking again is harmless, and an execution that was restarted is
 * one that has some records already.
 *
 * What takes no time (conditions, transforms, the begin and end of containers) happens in the walk; what takes time ends
 * the walk with a run: an `http` step that wants to be dispatched, or a step that is parked.
 */

import type { ExecutionError } from "../execution/execution.ts";
import { stepFailureSentence } from "../execution/stepFailure.ts";
import type { StepRecord } from "../execution/stepRecord.ts";
import type { ForEachStep, NestedList, ParallelStep, StepDefinition } from "../workflow/definition.ts";
import { type ConditionStep, nestedLists, stepPath } from "../workflow/definition.ts";
import { STATE_TOO_LARGE } from "../workflow/resolve.ts";
import { itemsOf } from "../workflow/scope.ts";
import type { Progress } from "./progress.ts";
import { fail, startStep } from "./startStep.ts";

/** `path`: the step that failed, where `error` does not name it yet. */
interface Failure {
  readonly error: ExecutionError;
  readonly path: string | null;
}
type Outcome = "pending" | "done" | Failure;

/** Goes as far as it gets. An error is the end of the execution. */
export function interpret(progress: Progress): "pending" | "done" | ExecutionError {
  const outcome = walkList(progress, progress.job.steps ?? [], "");
  return typeof outcome === "string" ? outcome : described(outcome);
}

function walkList(progress: Progress, steps: readonly StepDefinition[], prefix: string): Outcome {
  for (const step of steps) {
    const outcome = walkStep(progress, step, stepPath(prefix, step.id));
    if (progress.tooLarge) return { error: STATE_TOO_LARGE, path: null };
    if (outcome === "pending") return outcome;
    if (outcome !== "done" && step.onError === "fail") return outcome;
  }
  return "done";
}

function walkStep(progress: Progress, step: StepDefinition, path: string): Outcome {
  if (!progress.records.has(path)) beginStep(progress, step, path);
  const record = progress.records.get(path);
  switch (record?.status) {
    case "succeeded":
    case "skipped":
      return "done";
    case "failed":
    case "cancelled":
      return { error: record.error ?? STATE_TOO_LARGE, path: nestedLists(step).length > 0 ? null : path };
    case "running":
      return walkContainer(progress, step, path, record);
    default:
      return "pending";
  }
}

function beginStep(progress: Progress, step: StepDefinition, path: string): void {
  if (step.when !== null) {
    const held = progress.condition(step.when, step, path);
    if (!held.ok) return fail(progress, step, path, held.error);
    if (!held.value) return skip(progress, step, path);
  }
  startStep(progress, step, path);
  const record = progress.records.get(path);
  if (step.type === "condition" && record?.status === "running") {
    const [, other] = branchesOf(step, record);
    for (const each of other.steps) skip(progress, each, stepPath(path + other.key, each.id));
  }
}

/** With everything inside that has one place only: what a `for_each` would have run is not known. */
function skip(progress: Progress, step: StepDefinition, path: string): void {
  progress.reach(step, path, "skipped");
  if (step.type === "for_each") return;
  for (const list of nestedLists(step)) {
    for (const each of list.steps) skip(progress, each, stepPath(path + list.key, each.id));
  }
}

/** A container whose lists have all come to their end ends itself. An `http` step that is running is pending. */
function walkContainer(progress: Progress, step: StepDefinition, path: string, record: StepRecord): Outcome {
  let outcome: Outcome;
  switch (step.type) {
    case "condition": {
      const [taken] = branchesOf(step, record);
      outcome = walkList(progress, taken.steps, path + taken.key);
      break;
    }
    case "parallel":
      outcome = walkBranches(progress, step, path, step.branches);
      break;
    case "for_each":
      outcome = walkBranches(
        progress,
        step,
        path,
        itemsOf(record).map(() => step.steps),
      );
      break;
    default:
      return "pending";
  }
  if (outcome === "done") progress.finish(path, "succeeded");
  else if (outcome !== "pending") {
    const error = described(outcome);
    progress.finish(path, "failed", { error });
    return { error, path: null };
  }
  return outcome;
}

/** The list that the condition chose, then the other. */
function branchesOf(step: ConditionStep, record: StepRecord): readonly [NestedList, NestedList] {
  const { output } = record;
  const held = typeof output === "object" && output !== null && "result" in output && output.result === true;
  const [yes, no] = nestedLists(step) as [NestedList, NestedList];
  return held ? [yes, no] : [no, yes];
}

function walkBranches(
  progress: Progress,
  step: ParallelStep | ForEachStep,
  path: string,
  branches: readonly (readonly StepDefinition[])[],
): Outcome {
  let active = 0;
  let failure: Failure | null = null;
  let isOpen = false;
  for (const [index, steps] of branches.entries()) {
    const prefix = `${path}[${index}]`;
    if (active >= step.maxConcurrency && !progress.begunLists.has(prefix)) {
      isOpen = true;
      continue;
    }
    const outcome = walkList(progress, steps, prefix);
    if (outcome === "pending") {
      active += 1;
      isOpen = true;
    } else if (outcome !== "done") {
      failure ??= outcome;
      if (step.mode === "fail_fast" || progress.tooLarge) {
        progress.cancelWithin(`${path}[`);
        return outcome;
      }
    }
  }
  if (isOpen) return "pending";
  return failure ?? "done";
}

function described({ error, path }: Failure): ExecutionError {
  return path === null ? error : { code: error.code, message: stepFailureSentence(path, error.message) };
}
