/**
 * The working copy of one execution with steps while an event is applied to it: records, runs and errands change here and
 * become a new, immutable `LiveExecution` at the end. Nothing outside a reduction ever sees it.
 *
 * Guarantee: what an execution keeps stays within 1 MB. A record that would exceed it is put without its data, and the
 * execution fails as `state_too_large`.
 */

import type { ExecutionError } from "../execution/execution.ts";
import { isStepFinished, type StepRecord, type StepStatus, type WorkflowRecord } from "../execution/stepRecord.ts";
import type { Job } from "../job/job.ts";
import type { JsonValue } from "../json.ts";
import { err, type Result } from "../result.ts";
import type { TemplateScope } from "../template/render.ts";
import { type Condition, evaluateCondition } from "../workflow/conditions.ts";
import type { StepDefinition } from "../workflow/definition.ts";
import { locate, type Places, placesOf } from "../workflow/places.ts";
import { referencesIn, referencesOf } from "../workflow/references.ts";
import { isWithinBound, resolveJson, STATE_TOO_LARGE } from "../workflow/resolve.ts";
import { type ExecutionView, scopeAt } from "../workflow/scope.ts";
import { jsonBytes, STATE_BYTES_MOST } from "../workflow/size.ts";
import type { Errand } from "./errands.ts";
import type { LiveExecution, StepRun } from "./state.ts";

/** What an execution with steps has from its beginning on. */
export interface Begun {
  readonly workflow: WorkflowRecord;
  readonly frozen: { readonly timestampMs: number; readonly uuid: string };
  readonly key: string;
}

const STOPPED: ExecutionError = { code: "cancelled", message: "Cancelled, because its execution went on without it." };

export class Progress {
  readonly live: LiveExecution;
  readonly job: Job;
  readonly nowMs: number;
  readonly places: Places;
  readonly records = new Map<string, StepRecord>();
  readonly runs = new Map<string, StepRun>();
  /** Lists of steps that something was reached in: by these a branch is known to have begun. */
  readonly begunLists = new Set<string>();
  readonly errands: Errand[] = [];
  readonly children: string[];
  context: Readonly<Record<string, JsonValue>>;
  early: Readonly<Record<string, JsonValue>>;
  tooLarge = false;
  readonly #begun: Begun;
  #bytes: number;

  constructor(live: LiveExecution, begun: Begun, job: Job, nowMs: number) {
    this.live = live;
    this.#begun = begun;
    this.job = job;
    this.nowMs = nowMs;
    this.places = placesOf(job.steps ?? []);
    const { workflow } = begun;
    for (const record of workflow.steps) this.#store(record);
    for (const run of live.steps) this.runs.set(run.path, run);
    this.context = workflow.context;
    this.early = live.early;
    this.children = [...workflow.children];
    const given = [workflow.input, workflow.triggerInput, workflow.context, live.early];
    this.#bytes = workflow.steps.reduce((sum, record) => sum + sizeOf(record), jsonBytes(given, STATE_BYTES_MOST));
    if (this.#bytes > STATE_BYTES_MOST) this.tooLarge = true;
  }

  /** The definition of the step at a path, which came from the definition itself. */
  stepAt(path: string): StepDefinition | null {
    return locate(this.places, path)?.place.step ?? null;
  }

  get view(): ExecutionView {
    const { input, triggerInput } = this.#begun.workflow;
    const { frozen, key } = this.#begun;
    const { execution } = this.live;
    return { job: this.job, execution, input, triggerInput, context: this.context, records: this.records, frozen, key };
  }

  scopeOf(step: StepDefinition, path: string): TemplateScope {
    return scopeAt(this.view, path, referencesOf(step));
  }

  resolve(value: JsonValue, step: StepDefinition, path: string): Result<JsonValue, ExecutionError> {
    return resolveJson(value, this.scopeOf(step, path));
  }

  condition(condition: Condition, step: StepDefinition, path: string): Result<boolean, ExecutionError> {
    const scope = this.scopeOf(step, path);
    return evaluateCondition(condition, (value) => resolveJson(value, scope));
  }

  /** What `response_output_template` gives at the end. */
  finalOutput(): Result<JsonValue, ExecutionError> {
    const template = this.job.responseOutputTemplate;
    const resolved = resolveJson(template, scopeAt(this.view, null, referencesIn(template)));
    if (!resolved.ok || this.#bytes + jsonBytes(resolved.value, STATE_BYTES_MOST) <= STATE_BYTES_MOST) return resolved;
    return err(STATE_TOO_LARGE);
  }

  isRenderable(value: JsonValue, step: StepDefinition, path: string): boolean {
    return isWithinBound(value, this.scopeOf(step, path));
  }

  /** Records that a step was reached. */
  reach(step: StepDefinition, path: string, status: StepStatus, details: Partial<StepRecord> = {}): void {
    const here = locate(this.places, path);
    this.put({
      path,
      id: step.id,
      type: step.type,
      name: step.name,
      status,
      startedAtMs: status === "pending" || status === "skipped" ? null : this.nowMs,
      finishedAtMs: isStepFinished(status) ? this.nowMs : null,
      input: null,
      output: null,
      error: null,
      attempts: [],
      iteration: here?.iterations.at(-1) ?? null,
      branch: here?.place.branch ?? null,
      waitUntilMs: null,
      child: null,
      ...details,
    });
  }

  change(path: string, changes: Partial<StepRecord>): void {
    const record = this.records.get(path);
    if (record) this.put({ ...record, ...changes });
  }

  /** The end of a step; whoever parked or ran it takes care of its run. */
  finish(
    path: string,
    status: "succeeded" | "failed",
    details: { output?: JsonValue; error?: ExecutionError | null } = {},
  ): void {
    this.change(path, { status, finishedAtMs: this.nowMs, waitUntilMs: null, ...details });
  }

  put(record: StepRecord): void {
    const before = this.records.get(record.path);
    const added = sizeOf(record) - (before ? sizeOf(before) : 0);
    if (this.#bytes + added > STATE_BYTES_MOST) {
      this.tooLarge = true;
      const slim: StepRecord = { ...record, input: null, output: null, attempts: [] };
      this.#store({ ...slim, status: "failed", finishedAtMs: this.nowMs, error: STATE_TOO_LARGE });
      return;
    }
    this.#bytes += added;
    this.#store(record);
  }

  /** Values that a step's `extract` took; later ones replace earlier ones of the same name. */
  extract(path: string, values: Readonly<Record<string, JsonValue>>): void {
    if (Object.keys(values).length === 0) return;
    this.change(path, { extracted: values });
    this.#bytes += jsonBytes(values, STATE_BYTES_MOST);
    if (this.#bytes > STATE_BYTES_MOST) this.tooLarge = true;
    else this.context = { ...this.context, ...values };
  }

  /** Parks a step until `untilMs`, unless what it waits for comes first. */
  park(path: string, untilMs: number): void {
    this.runs.set(path, { path, phase: "parked", dueMs: untilMs, fence: 0, dispatches: 0, lost: 0 });
  }

  /** Says that an execution has something to go on with, as soon as it has a slot. */
  wake(path: string): void {
    const before = this.runs.get(path);
    const fence = (before?.fence ?? 0) + 1;
    this.runs.set(path, { path, phase: "ready", dueMs: 0, fence, dispatches: 0, lost: 0 });
  }

  /** Ends everything unfinished inside a container, but not the container. */
  cancelInside(path: string, error: ExecutionError): void {
    this.cancelWithin(`${path}.`, error);
    this.cancelWithin(`${path}[`, error);
  }

  /** Ends everything unfinished whose path begins like this; executions that were waited for end too. */
  cancelWithin(prefix: string, error: ExecutionError = STOPPED): void {
    for (const record of this.records.values()) {
      if (!record.path.startsWith(prefix) || isStepFinished(record.status)) continue;
      this.change(record.path, { status: "cancelled", finishedAtMs: this.nowMs, waitUntilMs: null, error });
      this.abandonChild(record);
    }
    for (const path of this.runs.keys()) if (path.startsWith(prefix)) this.runs.delete(path);
  }

  /** Nobody waits for the step's child any more. */
  abandonChild(record: StepRecord): void {
    const step = this.stepAt(record.path);
    if (record.child === null || step?.type !== "run_job" || !step.waits) return;
    const { workspaceId } = this.job;
    const id = `cancel:${record.child}`;
    this.errands.push({ type: "cancel_child", id, workspaceId, childId: record.child, dueMs: this.nowMs, tries: 0 });
  }

  /** The execution as it stands now. */
  result(): LiveExecution {
    const { execution } = this.live;
    const workflow: WorkflowRecord = {
      ...this.#begun.workflow,
      context: this.context,
      children: this.children,
      steps: [...this.records.values()],
    };
    const { frozen, key } = this.#begun;
    return {
      ...this.live,
      execution: { ...execution, workflow },
      steps: [...this.runs.values()],
      early: this.early,
      frozen,
      key,
    };
  }

  #store(record: StepRecord): void {
    this.records.set(record.path, record);
    const end = record.path.lastIndexOf(".");
    if (end !== -1) this.begunLists.add(record.path.slice(0, end));
  }
}

/** Records do not change; most of them are those of the event before. */
const sizes = new WeakMap<StepRecord, number>();

function sizeOf(record: StepRecord): number {
  let size = sizes.get(record);
  if (size === undefined) {
    size = jsonBytes(record as unknown as JsonValue, STATE_BYTES_MOST);
    sizes.set(record, size);
  }
  return size;
}
