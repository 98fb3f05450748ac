/** What lists of executions tell apart beyond the six statuses, each as a condition on what is kept of an execution. */

import type { Execution, ExecutionStatus } from "./execution.ts";
import { isDelayed } from "./execution.ts";

/**
 * A status, or a part of one:
 *
 * - `delayed` and `queued_only` share `queued`: the first is not due yet.
 * - `expired` and `cancelled_only` share `cancelled`: the first was not begun within its `ttl`.
 * - `timed_out` and `failed_only` share `failed`: the first waited too long, for an answer, a call, a decision or a child.
 */
export const STATUS_FILTERS = [
  "queued",
  "running",
  "waiting",
  "succeeded",
  "failed",
  "cancelled",
  "delayed",
  "queued_only",
  "expired",
  "cancelled_only",
  "timed_out",
  "failed_only",
] as const;
export type StatusFilter = (typeof STATUS_FILTERS)[number];

/** `error.code` of an execution that nobody began in time. */
const EXPIRED_CODE = "expired";
/** Every `error.code` that means a time ran out (docs/errors.md). */
export const TIMEOUT_CODES: readonly string[] = ["timeout", "webhook_timeout", "approval_timeout", "child_timeout"];

/** Holds for an execution of this status whose error is (not) one of the codes and that is (not) due after the moment. */
export interface StatusCondition {
  readonly status: ExecutionStatus;
  readonly errorCodes?: { readonly codes: readonly string[]; readonly isOneOf: boolean };
  readonly due?: { readonly momentMs: number; readonly isAfter: boolean };
}

export function statusCondition(filter: StatusFilter, nowMs: number): StatusCondition {
  switch (filter) {
    case "delayed":
      return { status: "queued", due: { momentMs: nowMs, isAfter: true } };
    case "queued_only":
      return { status: "queued", due: { momentMs: nowMs, isAfter: false } };
    case "expired":
      return { status: "cancelled", errorCodes: { codes: [EXPIRED_CODE], isOneOf: true } };
    case "cancelled_only":
      return { status: "cancelled", errorCodes: { codes: [EXPIRED_CODE], isOneOf: false } };
    case "timed_out":
      return { status: "failed", errorCodes: { codes: TIMEOUT_CODES, isOneOf: true } };
    case "failed_only":
      return { status: "failed", errorCodes: { codes: TIMEOUT_CODES, isOneOf: false } };
    default:
      return { status: filter };
  }
}

/** Which of the narrow filters an execution falls under: its status, taken apart. */
export function narrowStatus(
  execution: Pick<Execution, "status" | "error" | "startedAtMs" | "scheduledForMs">,
  nowMs: number,
): Exclude<StatusFilter, "queued" | "cancelled" | "failed"> {
  const { status, error } = execution;
  switch (status) {
    case "queued":
      return isDelayed(execution, nowMs) ? "delayed" : "queued_only";
    case "cancelled":
      return error?.code === EXPIRED_CODE ? "expired" : "cancelled_only";
    case "failed":
      return error !== null && TIMEOUT_CODES.includes(error.code) ? "timed_out" : "failed_only";
    default:
      return status;
  }
}
