/** Bulk actions: cancelling or replaying many executions, a slice at a time. */

import type { ExecutionFilter } from "../execution/executionFilter.ts";

export const BULK_ACTION_TYPES = ["cancel", "replay"] as const;
export type BulkActionType = (typeof BULK_ACTION_TYPES)[number];

const BULK_ACTION_STATUSES = ["PENDING", "COMPLETED", "ABORTED"] as const;
export type BulkActionStatus = (typeof BULK_ACTION_STATUSES)[number];

/** Executions that a bulk action names one by one. */
export const BULK_RUN_IDS_MOST = 1_000;
/** Executions of one slice, which is one message: a slice is done in seconds, and an abort waits for one at most. */
export const BULK_SLICE_MOST = 50;

/** A slice takes seconds. What nobody has worked on for as long is resumed. */
export const BULK_LEASE_MS = 60_000;

export type BulkTarget =
  | { readonly type: "executions"; readonly ids: readonly string[] }
  /** Of what there was when the action was created: later executions do not match, least of all its own replays. The filter has a member. */
  | { readonly type: "filter"; readonly filter: ExecutionFilter };

export interface BulkAction {
  /** `bulk_…`. */
  readonly id: string;
  readonly workspaceId: string;
  readonly action: BulkActionType;
  readonly name: string | null;
  readonly status: BulkActionStatus;
  readonly target: BulkTarget;
  readonly counts: BulkCounts;
  readonly createdAtMs: number;
  readonly completedAtMs: number | null;
}

export interface BulkCounts {
  /** What was named, or what the filter matched when the action was created. */
  readonly total: number;
  /** What was cancelled since the action was created, or replayed. */
  readonly success: number;
  /** What could not be: it had ended (cancel), it has not ended (replay), it is gone or nobody's. */
  readonly failure: number;
}
