/**
 * What the templates of a step see.
 *
 * | variable | value |
 * | --- | --- |
 * | `input`, `trigger` | what the execution was started with; what came with its webhook |
 * | `steps.ID.output` | the output of a step; its members also stand directly under `steps.ID` |
 * | `steps.ID.status`, `.error`, `.status_code`, `.headers`, `.started_at`, `.finished_at` | how it went; these names win over members of the output |
 * | `context` | what `extract` took out of responses |
 * | `env` | of the job |
 * | `item`, `index` | of the innermost `for_each` |
 * | `waits.ID.url` | where to post to resume a `wait_for_webhook` step |
 * | `approvals.ID.url`, `.approve_url`, `.reject_url` | pages that decide an `approval` step |
 * | the variables of plain jobs | `{{attempt}}` in `http` steps only |
 *
 * A step that was skipped or not reached reads as `null`. Only what the templates name is put into a scope.
 */

import type { Execution } from "../execution/execution.ts";
import type { StepRecord } from "../execution/stepRecord.ts";
import type { Job } from "../job/job.ts";
import type { JsonValue } from "../json.ts";
import type { TemplateScope } from "../template/render.ts";
import { jobScope } from "../template/variables.ts";
import { approvalUrls, callbackUrl } from "./links.ts";
import { locate, pathAt, type Place, placesOf } from "./places.ts";
import type { References } from "./references.ts";

/** An execution under way, as its templates see it. */
export interface ExecutionView {
  readonly job: Job;
  readonly execution: Pick<Execution, "id" | "scheduledForMs">;
  readonly input: JsonValue;
  readonly triggerInput: JsonValue;
  readonly context: Readonly<Record<string, JsonValue>>;
  readonly records: ReadonlyMap<string, StepRecord>;
  readonly frozen: { readonly timestampMs: number; readonly uuid: string };
  readonly key: string;
}

/** The scope of the step at `path`; of the whole execution, for its final output, where that is `null`. */
export function scopeAt(view: ExecutionView, path: string | null, references: References): TemplateScope {
  const { job, execution, frozen } = view;
  const places = placesOf(job.steps ?? []);
  const here = path === null ? null : locate(places, path);
  const iterations = here?.iterations ?? [];
  const link = { publicUrl: job.publicUrl, executionId: execution.id, key: view.key };
  const each = (ids: ReadonlySet<string>, valueOf: (path: string) => JsonValue): JsonValue =>
    Object.fromEntries(
      [...ids].flatMap((id) => {
        const place = places.get(id);
        return place ? [[id, valueOf(pathAt(place.pattern, iterations))] as const] : [];
      }),
    );
  const values: Record<string, () => JsonValue> = {
    input: () => view.input,
    trigger: () => view.triggerInput,
    context: () => view.context,
    env: () => job.env,
    steps: () => each(references.steps.steps, (at) => stepView(view.records, at)),
    waits: () => each(references.steps.waits, (at) => ({ url: callbackUrl(link, at) })),
    approvals: () => each(references.steps.approvals, (at) => approvalUrls(link, at)),
    item: () => itemAt(view.records, here),
    index: () => iterations.at(-1) ?? null,
  };
  const variables = jobScope(
    {
      timestampMs: frozen.timestampMs,
      uuid: frozen.uuid,
      executionId: execution.id,
      jobId: job.id,
      jobName: job.name,
      scheduledForMs: execution.scheduledForMs,
    },
    1,
  );
  const named = [...references.roots].flatMap((root) => {
    const value = Object.hasOwn(values, root) ? values[root] : undefined;
    return value ? [[root, value()] as const] : [];
  });
  return { ...variables, ...Object.fromEntries(named) };
}

function itemAt(
  records: ExecutionView["records"],
  here: { place: Place; iterations: readonly number[] } | null,
): JsonValue {
  const loop = here?.place.loops.at(-1);
  if (!here || loop === undefined) return null;
  const items = itemsOf(records.get(pathAt(loop, here.iterations)));
  return items[here.iterations[here.place.loops.length - 1] ?? 0] ?? null;
}

/** The list of a `for_each`, as it was when the step began. */
export function itemsOf(record: StepRecord | undefined): readonly JsonValue[] {
  const input = record?.input;
  if (typeof input !== "object" || input === null || !("items" in input)) return [];
  return Array.isArray(input.items) ? (input.items as readonly JsonValue[]) : [];
}

function stepView(records: ExecutionView["records"], path: string): JsonValue {
  const record = records.get(path);
  if (!record) return null;
  const output = outputOf(records, record);
  const last = record.attempts.at(-1);
  const members = typeof output === "object" && output !== null && !Array.isArray(output) ? output : {};
  return {
    ...members,
    output,
    status: record.status,
    error: record.error === null ? null : { ...record.error },
    status_code: last?.statusCode ?? null,
    headers: last?.responseHeaders ?? null,
    started_at: isoOrNull(record.startedAtMs),
    finished_at: isoOrNull(record.finishedAtMs),
  };
}

function isoOrNull(ms: number | null): string | null {
  return ms === null ? null : new Date(ms).toISOString();
}

/**
 * The output of a step. That of `parallel` and `for_each` is put together here: `{results, errors, count}`, where
 * `results` has, per branch or iteration and in its order, the outputs of its steps by their ids, and `errors` one
 * `{index, step, code, message}` for each step that failed.
 */
export function outputOf(records: ExecutionView["records"], record: StepRecord): JsonValue {
  if ((record.type !== "parallel" && record.type !== "for_each") || record.status === "skipped") return record.output;
  const results: Record<string, JsonValue>[] = Array.from({ length: countOf(record) }, () => ({}));
  const errors: JsonValue[] = [];
  const direct = new RegExp(`^\\[(\\d+)\\]\\.[^.]+$`);
  for (const each of records.values()) {
    if (!each.path.startsWith(`${record.path}[`)) continue;
    const index = direct.exec(each.path.slice(record.path.length))?.[1];
    if (index === undefined) continue;
    const result = results[Number(index)];
    if (result) result[each.id] = outputOf(records, each);
    if (each.status === "failed" && each.error) errors.push({ index: Number(index), step: each.id, ...each.error });
  }
  return { results, errors, count: results.length };
}

function countOf(record: StepRecord): number {
  if (record.type === "for_each") return itemsOf(record).length;
  const input = record.input;
  return typeof input === "object" && input !== null && "branches" in input ? Number(input.branches) : 0;
}
