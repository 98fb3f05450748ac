/**
 * What the Runs API calls the parts of a step's outcome, and where they are in ours: one table for what templates may
 * name and for what a run shows, so that whoever reads a run can write `{{steps.ID.output.FIELD}}` from it.
 */

import type { StepRecord } from "../../../domain/execution/stepRecord.ts";
import type { JsonValue } from "../../../domain/json.ts";
import type { StepType } from "../../../domain/workflow/definition.ts";
import { isoOrNull } from "../../time.ts";
import { toRunId } from "../ids.ts";

export interface StepField {
  /** Under `steps.ID.output`, and under `steps.ID` too. */
  readonly wire: string;
  /** Under our `steps.ID`. */
  readonly ours: readonly [OurField, ...string[]];
  /** Shown as this API writes ids; a template yields it as we do, and either is accepted. */
  readonly isRunId?: true;
}

/** Names under our `steps.ID` that are not members of the output. */
export const OUR_FIELDS = ["output", "status", "error", "status_code", "headers", "started_at", "finished_at"] as const;
type OurField = (typeof OUR_FIELDS)[number];

const FAN_OUT: readonly StepField[] = [
  { wire: "results", ours: ["output", "results"] },
  { wire: "errors", ours: ["output", "errors"] },
  { wire: "count", ours: ["output", "count"] },
];

export const STEP_FIELDS: Readonly<Record<StepType, readonly StepField[]>> = {
  http: [
    { wire: "data", ours: ["output"] },
    { wire: "status", ours: ["status_code"] },
    { wire: "headers", ours: ["headers"] },
  ],
  condition: [{ wire: "result", ours: ["output", "result"] }],
  wait: [{ wire: "completedAt", ours: ["finished_at"] }],
  wait_for_webhook: [{ wire: "result", ours: ["output"] }],
  approval: [
    { wire: "approved", ours: ["output", "approved"] },
    { wire: "approvedBy", ours: ["output", "by"] },
    { wire: "approvedAt", ours: ["output", "at"] },
    { wire: "comment", ours: ["output", "comment"] },
  ],
  transform: [{ wire: "result", ours: ["output"] }],
  parallel: FAN_OUT,
  for_each: FAN_OUT,
  run_job: [
    { wire: "result", ours: ["output", "output"] },
    { wire: "runId", ours: ["output", "execution_id"], isRunId: true },
  ],
};

/** The output of a step that succeeded, as the Runs API shows it. */
export function wireOutput(record: StepRecord, output: JsonValue): Readonly<Record<string, JsonValue>> {
  const last = record.attempts.at(-1);
  const view: JsonValue = {
    output,
    status_code: last?.statusCode ?? null,
    headers: last?.responseHeaders ?? null,
    finished_at: isoOrNull(record.finishedAtMs),
  };
  const members = STEP_FIELDS[record.type].map(({ wire, ours, isRunId }) => {
    const value = valueAt(view, ours);
    return [wire, isRunId === true && typeof value === "string" ? toRunId(value) : value] as const;
  });
  return Object.fromEntries(members);
}

function valueAt(value: JsonValue, path: readonly string[]): JsonValue {
  return path.reduce<JsonValue>((inner, key) => {
    if (typeof inner !== "object" || inner === null || Array.isArray(inner) || !Object.hasOwn(inner, key)) return null;
    return (inner as Readonly<Record<string, JsonValue>>)[key] ?? null;
  }, value);
}
