/**
 * A new execution that begins in the middle of an earlier one: it keeps the outputs of what came before a step, also
 * inside containers, and runs the rest. It runs under the job's newest definition, because mending the definition is
 * often why somebody restarts; a step that was kept is found again by its path.
 */

import { type Execution, NO_START_OPTIONS, type StartOptions } from "../execution/execution.ts";
import type { StepRecord, WorkflowRecord } from "../execution/stepRecord.ts";
import type { FieldIssue } from "../issue.ts";
import type { JsonValue } from "../json.ts";
import { err, ok, type Result } from "../result.ts";
import { checkInput } from "../schema/inputSchema.ts";
import { nestedLists, type StepDefinition, stepPath } from "../workflow/definition.ts";
import { locate, type Place, placesOf } from "../workflow/places.ts";
import { itemsOf } from "../workflow/scope.ts";
import { isBacklogFull, newExecution, newLive } from "./fire.ts";
import type { RestartRequest } from "./protocol.ts";
import { counted, type JobState, putLive } from "./state.ts";

export type RestartEvent = Omit<RestartRequest, "workspaceId"> & { readonly id: string };
export type RestartRefusal =
  | "backlog_full"
  | { readonly message: string }
  /** In what the input, changed as was asked for, does not fit the job's `input_schema`. */
  | { readonly invalidInput: readonly FieldIssue[] };

/** `room` is as in `reduce`. */
export function restart(
  state: JobState,
  request: RestartEvent,
  { nowMs, room }: { readonly nowMs: number; readonly room: number },
): { state: JobState; answer: Result<Execution, RestartRefusal> } {
  const { original, id, overrideInput } = request;
  const { steps, inputSchema } = state.job;
  if (original.workflow === null || steps === null) {
    return refused(state, "An execution of a plain job has no steps; replay it.");
  }
  if (room <= 0 || isBacklogFull(state)) return { state, answer: err("backlog_full") };
  const kept = keptRecords(steps, original.workflow.steps, request.fromStep);
  if (!kept.ok) return refused(state, kept.error);
  const input = mergedInput(original.workflow.input, overrideInput);
  // What the original had is kept as it is, as a replay keeps it: nobody chose it just now.
  const invalidInput = overrideInput === undefined ? [] : checkInput(inputSchema, input, "override_input");
  if (invalidInput.length > 0) return { state, answer: err({ invalidInput }) };
  const execution = newExecution(state, {
    id,
    source: "restart",
    scheduledForMs: nowMs,
    nowMs,
    replayedFrom: null,
    workflow: {
      input,
      triggerInput: original.workflow.triggerInput,
      context: keptContext(original.workflow, kept.value),
      steps: kept.value,
      restartedFrom: original.id,
    },
    start: carriedOver(original.start),
  });
  return { state: putLive(counted(state), newLive(execution, nowMs)), answer: ok(execution) };
}

/** A new run of the same work belongs where the first one did; when and under which name that was started is its own. */
function carriedOver(start: StartOptions | null): StartOptions | null {
  if (start === null || (start.maxAttempts === null && start.concurrencyKey === null)) return null;
  return { ...NO_START_OPTIONS, maxAttempts: start.maxAttempts, concurrencyKey: start.concurrencyKey };
}

function refused(state: JobState, message: string): { state: JobState; answer: Result<Execution, RestartRefusal> } {
  return { state, answer: err({ message }) };
}

/** An override laid over an input: member by member where both are objects, else in its place; `undefined` keeps it. */
export function mergedInput(input: JsonValue, override: JsonValue | undefined): JsonValue {
  if (override === undefined) return input;
  return isMap(input) && isMap(override) ? { ...input, ...override } : override;
}

function isMap(value: JsonValue): value is Readonly<Record<string, JsonValue>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/**
 * What the kept steps extracted, the later of two that took the same name. What no record accounts for is kept too: an
 * execution of an earlier release does not say where its context came from.
 */
function keptContext({ context, steps }: WorkflowRecord, kept: readonly StepRecord[]): WorkflowRecord["context"] {
  const accounted = new Set(steps.flatMap(({ extracted }) => Object.keys(extracted ?? {})));
  const others = Object.entries(context).filter(([name]) => !accounted.has(name));
  const inOrder = kept.toSorted((one, other) => (one.finishedAtMs ?? 0) - (other.finishedAtMs ?? 0));
  return Object.fromEntries([...others, ...inOrder.flatMap(({ extracted }) => Object.entries(extracted ?? {}))]);
}

/**
 * The records that the new execution begins with: everything before the step. Containers around it are open again, with
 * the branch or the list that they had; their other branches and iterations keep what succeeded.
 */
export function keptRecords(
  steps: readonly StepDefinition[],
  records: readonly StepRecord[],
  fromStep: string | null,
): Result<readonly StepRecord[], string> {
  const places = placesOf(steps);
  const byPath = new Map(records.map((record) => [record.path, record]));
  const target = fromStep ?? firstFailedStep(steps, records);
  if (target === null)
    return err("No step of this execution failed, so there is none to retry from; name one to restart from.");
  const exact = locate(places, target);
  const place = exact?.place ?? places.get(target);
  if (!place) return err(`The job has no step "${target}" (any more).`);
  const reached = records.some((record) => isAt(record, target, place) && record.status !== "skipped");
  if (!reached) return err(`The execution did not reach the step "${target}", so it cannot begin there.`);
  const keeper = new Keeper(byPath, (record) => isAt(record, target, place), place);
  keeper.list(steps, "");
  return ok(keeper.kept);
}

function isAt(record: StepRecord, target: string, place: Place): boolean {
  return record.path === target || (record.id === target && place.step.id === target);
}

/** The path of the first step that failed by itself and that its list did not go on after. */
export function firstFailedStep(steps: readonly StepDefinition[], records: readonly StepRecord[]): string | null {
  const places = placesOf(steps);
  const own = records.find((record) => {
    const step = places.get(record.id)?.step;
    const isLeaf = step !== undefined && nestedLists(step).length === 0;
    return record.status === "failed" && isLeaf && step.onError === "fail";
  });
  const any = own ?? records.find((record) => record.status === "failed" || record.status === "cancelled");
  return any?.path ?? null;
}

class Keeper {
  readonly kept: StepRecord[] = [];
  readonly #records: ReadonlyMap<string, StepRecord>;
  readonly #isTarget: (record: StepRecord) => boolean;
  readonly #place: Place;

  constructor(records: ReadonlyMap<string, StepRecord>, isTarget: (record: StepRecord) => boolean, place: Place) {
    this.#records = records;
    this.#isTarget = isTarget;
    this.#place = place;
  }

  /** Keeps a list up to the first step that has to run again; says whether it was kept whole. */
  list(steps: readonly StepDefinition[], prefix: string): boolean {
    for (const step of steps) {
      const record = this.#records.get(stepPath(prefix, step.id));
      if (!record || record.type !== step.type || this.#isTarget(record) || !this.#keep(step, record)) return false;
    }
    return true;
  }

  #keep(step: StepDefinition, record: StepRecord): boolean {
    const isWhole = record.status === "succeeded" || record.status === "skipped";
    const isBeforeTarget = !this.#surrounds(step);
    const isPassed = record.status === "failed" && step.onError === "continue";
    if (isBeforeTarget && (isWhole || isPassed)) {
      for (const each of this.#records.values()) {
        if (each.path === record.path || isInside(each.path, record.path)) this.kept.push(each);
      }
      return true;
    }
    const lists = listsOf(step, record);
    if (lists.length === 0) return false;
    this.kept.push({ ...record, status: "running", finishedAtMs: null, error: null });
    for (const { prefix, steps, isOther } of lists) {
      if (isOther) for (const each of steps) this.#keepSkipped(stepPath(prefix, each.id));
      else this.list(steps, prefix);
    }
    return false;
  }

  #keepSkipped(path: string): void {
    for (const each of this.#records.values()) {
      if (each.path === path || isInside(each.path, path)) this.kept.push(each);
    }
  }

  #surrounds(step: StepDefinition): boolean {
    return this.#place.step !== step && nestedLists(step).some((list) => contains(list.steps, this.#place.step));
  }
}

function contains(steps: readonly StepDefinition[], wanted: StepDefinition): boolean {
  return steps.some((step) => step === wanted || nestedLists(step).some((list) => contains(list.steps, wanted)));
}

function isInside(path: string, container: string): boolean {
  return path.startsWith(`${container}.`) || path.startsWith(`${container}[`);
}

/** The lists that a container ran, at their paths; of a condition also the one that it did not take. */
function listsOf(
  step: StepDefinition,
  record: StepRecord,
): { prefix: string; steps: readonly StepDefinition[]; isOther: boolean }[] {
  switch (step.type) {
    case "condition": {
      const held = isMap(record.output) && record.output.result === true;
      return nestedLists(step).map((list) => ({
        prefix: record.path + list.key,
        steps: list.steps,
        isOther: (list.key === ".then") !== held,
      }));
    }
    case "parallel":
      return nestedLists(step).map((list) => ({ prefix: record.path + list.key, steps: list.steps, isOther: false }));
    case "for_each":
      return itemsOf(record).map((_, index) => ({
        prefix: `${record.path}[${index}]`,
        steps: step.steps,
        isOther: false,
      }));
    default:
      return [];
  }
}
