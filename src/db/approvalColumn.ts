/**
 * What of an execution waits for a person, as a column of its own: a list of approvals reads it and no record, and an
 * execution without any costs no entry of its index.
 */

import type { WaitingApproval } from "../app/ports.ts";
import type { Execution } from "../domain/execution/execution.ts";
import { isFinished } from "../domain/execution/execution.ts";
import type { StepRecord } from "../domain/execution/stepRecord.ts";
import type { JsonValue } from "../domain/json.ts";

/** The first of them in the order of their places; the others show when these are decided. */
const LISTED_MOST = 100;
/** Beside a record of steps that fills its own bound, within the 2 MB of a row (facts 3.1). */
const BYTES_MOST = 200_000;
const MESSAGE_CHARACTERS_MOST = 1_000;

/** In SQL: where an entry of the column names its step. */
export const STEP_PATH = "$.step";

type Entry = Omit<WaitingApproval, "executionId" | "jobId" | "jobName">;

/** In the order of their places, which a cursor goes by. */
export function toApprovalColumn({ status, workflow }: Execution): string | null {
  if (workflow === null || isFinished(status)) return null;
  const entries = workflow.steps
    .filter((step) => step.type === "approval" && step.status === "waiting")
    .map(toEntry)
    .toSorted((one, other) => (one.step < other.step ? -1 : 1));
  if (entries.length === 0) return null;
  const listed: string[] = [];
  let bytes = 1;
  for (const entry of entries.slice(0, LISTED_MOST)) {
    const json = JSON.stringify(entry);
    bytes += new TextEncoder().encode(json).byteLength + 1;
    if (bytes > BYTES_MOST) break;
    listed.push(json);
  }
  return `[${listed.join(",")}]`;
}

export function toWaitingApproval(row: {
  readonly id: string;
  readonly job_id: string;
  readonly job_name: string;
  readonly approval: string;
}): WaitingApproval {
  const entry = JSON.parse(row.approval) as Entry;
  return { executionId: row.id, jobId: row.job_id, jobName: row.job_name, ...entry };
}

function toEntry(record: StepRecord): Entry {
  const input = (record.input ?? {}) as Readonly<Record<string, JsonValue>>;
  const { message, approvers } = input;
  return {
    step: record.path,
    name: record.name,
    message: typeof message === "string" ? cut(message) : "",
    approvers: Array.isArray(approvers) ? approvers.filter((each) => typeof each === "string") : [],
    sinceMs: record.startedAtMs ?? 0,
    untilMs: record.waitUntilMs,
  };
}

function cut(message: string): string {
  return message.length > MESSAGE_CHARACTERS_MOST ? `${message.slice(0, MESSAGE_CHARACTERS_MOST)}…` : message;
}
