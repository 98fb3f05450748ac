/** The status of an execution in Trigger.dev's words, of which there are newer and older ones. */

import type { StatusFilter } from "../../../domain/execution/statusFilter.ts";
import { narrowStatus } from "../../../domain/execution/statusFilter.ts";
import type { Execution } from "../../../domain/execution/execution.ts";

/**
 * The newer names are for clients that send `x-trigger-api-version`. The client refuses an answer with a name that it does
 * not know, and the two sets differ: `WAITING` was `FROZEN`, and what runs again was `REATTEMPTING`.
 */
export type ApiDialect = "new" | "old";

export function dialectOf(headers: Headers): ApiDialect {
  return headers.has("x-trigger-api-version") ? "new" : "old";
}

export type StatusSource = Pick<Execution, "status" | "error" | "scheduledForMs" | "startedAtMs"> & {
  readonly attemptCount: number;
};

export function runStatus(execution: StatusSource, nowMs: number, dialect: ApiDialect): string {
  switch (narrowStatus(execution, nowMs)) {
    case "delayed":
      return "DELAYED";
    case "queued_only":
      return "QUEUED";
    case "running":
      return dialect === "old" && execution.attemptCount > 0 ? "REATTEMPTING" : "EXECUTING";
    case "waiting":
      return dialect === "old" ? "FROZEN" : "WAITING";
    case "succeeded":
      return "COMPLETED";
    case "failed_only":
      return "FAILED";
    case "timed_out":
      return "TIMED_OUT";
    case "cancelled_only":
      return "CANCELED";
    case "expired":
      return "EXPIRED";
  }
}

/** What the client's helpers go by; `poll` ends when `isCompleted` holds. */
export interface StatusFlags {
  readonly isQueued: boolean;
  readonly isExecuting: boolean;
  readonly isWaiting: boolean;
  readonly isCompleted: boolean;
  readonly isSuccess: boolean;
  readonly isFailed: boolean;
  readonly isCancelled: boolean;
}

const QUEUED = new Set(["QUEUED", "DELAYED"]);
const EXECUTING = new Set(["EXECUTING", "REATTEMPTING", "FROZEN"]);
/** Trigger.dev's own server leaves out the last two, and its client then polls 500 times for a run that has ended. */
const COMPLETED = new Set(["COMPLETED", "CANCELED", "FAILED", "TIMED_OUT", "EXPIRED"]);

export function statusFlags(status: string): StatusFlags {
  const isCompleted = COMPLETED.has(status);
  return {
    isQueued: QUEUED.has(status),
    isExecuting: EXECUTING.has(status),
    isWaiting: status === "WAITING",
    isCompleted,
    isSuccess: status === "COMPLETED",
    isFailed: isCompleted && status !== "COMPLETED",
    isCancelled: status === "CANCELED",
  };
}

/** `null` for a status that nothing here is ever in. Old names are understood from everybody. */
const FILTERS: Readonly<Record<string, StatusFilter | null>> = {
  QUEUED: "queued_only",
  DELAYED: "delayed",
  EXECUTING: "running",
  REATTEMPTING: "running",
  WAITING: "waiting",
  FROZEN: "waiting",
  COMPLETED: "succeeded",
  FAILED: "failed_only",
  TIMED_OUT: "timed_out",
  CANCELED: "cancelled_only",
  EXPIRED: "expired",
  DEQUEUED: null,
  PENDING_VERSION: null,
  WAITING_FOR_DEPLOY: null,
  CRASHED: null,
  INTERRUPTED: null,
  SYSTEM_FAILURE: null,
};

export const RUN_STATUSES: readonly string[] = Object.keys(FILTERS);

/** The filters of those names that anything can be in; `undefined` for a name that is none. */
export function statusFilters(names: readonly string[]): readonly StatusFilter[] | undefined {
  const filters = names.map((name) => (Object.hasOwn(FILTERS, name) ? FILTERS[name] : undefined));
  if (filters.includes(undefined)) return undefined;
  return [...new Set(filters.filter((filter) => filter !== null && filter !== undefined))];
}
