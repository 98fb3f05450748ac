/** Statuses and trigger types of runs, from ours and, as filters, back. */

import type { ExecutionError, ExecutionSource } from "../../../domain/execution/execution.ts";
import type { StatusFilter } from "../../../domain/execution/statusFilter.ts";
import { narrowStatus } from "../../../domain/execution/statusFilter.ts";

export const RUN_STATUSES = ["pending", "running", "suspended", "completed", "failed", "cancelled", "timeout"] as const;
export type RunStatus = (typeof RUN_STATUSES)[number];

const BY_STATUS = {
  delayed: "pending",
  queued_only: "pending",
  running: "running",
  waiting: "suspended",
  succeeded: "completed",
  failed_only: "failed",
  timed_out: "timeout",
  cancelled_only: "cancelled",
  expired: "cancelled",
} as const satisfies Record<ReturnType<typeof narrowStatus>, RunStatus>;

type Picture = Parameters<typeof narrowStatus>[0];

export function runStatus(execution: Picture): RunStatus {
  // The moment tells delayed from queued, and here both are pending.
  return BY_STATUS[narrowStatus(execution, 0)];
}

const FILTERS: Readonly<Record<RunStatus, StatusFilter>> = {
  pending: "queued",
  running: "running",
  suspended: "waiting",
  completed: "succeeded",
  failed: "failed_only",
  cancelled: "cancelled",
  timeout: "timed_out",
};

export function statusFilter(status: RunStatus): StatusFilter {
  return FILTERS[status];
}

/** The seed's four. Replays, restarts and steps that start another job are calls, whoever makes them. */
export const TRIGGER_TYPES: Readonly<Record<ExecutionSource, "api" | "webhook" | "schedule" | "manual">> = {
  schedule: "schedule",
  manual: "manual",
  webhook: "webhook",
  api: "api",
  replay: "api",
  restart: "api",
  job: "api",
};

/** What failed did so in a step, a plain job's one request included; any other end has our word for it in capitals. */
export function runError(execution: Picture): { readonly code: string; readonly message: string } | null {
  const { error } = execution;
  if (error === null) return null;
  const status = runStatus(execution);
  return { code: status === "failed" ? STEP_ERROR : codeOf(status, error), message: error.message };
}

export const STEP_ERROR = "STEP_ERROR";

function codeOf(status: RunStatus, { code }: ExecutionError): string {
  return status === "timeout" ? "TIMEOUT" : code.toUpperCase();
}
