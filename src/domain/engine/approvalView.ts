/**
 * What the page behind an approval's link shows, worked out from the execution alone: while it lives, and from its record
 * afterwards, which keeps the key that its links were derived from. By then the key gives no right, since a decision needs
 * a step that waits; it only tells a link that was good from one that somebody made up.
 */

import { type Execution, isFinished } from "../execution/execution.ts";
import type { StepRecord } from "../execution/stepRecord.ts";
import type { JsonValue } from "../json.ts";
import { isLinkToken } from "../workflow/links.ts";
import type { ApprovalEnd, ApprovalView } from "./protocol.ts";

export interface ApprovalPlace {
  /** The path of its step. */
  readonly step: string;
  readonly token: string;
}

/** `null` for a wrong token, which takes the same time wherever it differs, and whether there is an execution or not. */
export function approvalView(
  execution: Execution | null,
  key: string | null,
  { step, token }: ApprovalPlace,
): ApprovalView | null {
  const isGood = isLinkToken(token, key ?? "", "approval", step);
  if (execution === null || key === null || !isGood) return null;
  const record = execution.workflow?.steps.find(({ path }) => path === step);
  return {
    executionId: execution.id,
    jobName: execution.jobName,
    step,
    message: textIn(record?.input ?? null, "message") ?? "",
    approvers: approversIn(record?.input ?? null),
    open: record?.status === "waiting",
    untilMs: record?.waitUntilMs ?? null,
    end: endOf(execution, record),
  };
}

function endOf(execution: Execution, record: StepRecord | undefined): ApprovalEnd | null {
  if (record === undefined || record.status === "waiting") {
    if (!isFinished(execution.status)) return null;
    return { decision: null, by: null, timedOut: false, atMs: execution.finishedAtMs };
  }
  const decision = textIn(record.output, "decision");
  const by = textIn(record.output, "by");
  return {
    decision: decision === "approved" || decision === "rejected" ? decision : null,
    by: by === "timeout" ? null : by,
    timedOut: by === "timeout" || record.error?.code === "approval_timeout",
    atMs: record.finishedAtMs,
  };
}

/** Those of an approval's input, as they stood when it began. */
export function approversIn(input: JsonValue): readonly string[] {
  if (typeof input !== "object" || input === null || !("approvers" in input)) return [];
  const { approvers } = input as Readonly<Record<string, JsonValue>>;
  return Array.isArray(approvers) ? approvers.filter((each) => typeof each === "string") : [];
}

export function textIn(value: JsonValue, key: string): string | null {
  if (typeof value !== "object" || value === null || !Object.hasOwn(value, key)) return null;
  const member = (value as Readonly<Record<string, JsonValue>>)[key];
  return typeof member === "string" ? member : null;
}
