/** What use cases need to keep bulk actions and to carry them on. */

import type { BulkAction } from "../../domain/bulkAction/bulkAction.ts";
import type { Slice, SliceRequest } from "./slice.ts";

/** Where a bulk action stands. */
export interface BulkProgress {
  /** The last execution of the filter's walk, or the number of named executions that are done. */
  readonly position: string | null;
  readonly rev: number;
}

export interface BulkActionRepository {
  insert(action: BulkAction): Promise<void>;
  find(workspaceId: string, id: string): Promise<BulkAction | null>;
  list(workspaceId: string, page: SliceRequest): Promise<Slice<BulkAction>>;
  /** `null` unless it is pending and nobody works on it; until `leaseUntilMs` nobody else does. */
  claim(
    id: string,
    nowMs: number,
    leaseUntilMs: number,
  ): Promise<{ action: BulkAction; progress: BulkProgress } | null>;
  /** Books a slice, if the claim still stands; says whether it did. What was aborted meanwhile stays so. */
  advance(id: string, claimedRev: number, done: BulkSliceResult): Promise<boolean>;
  /** Stops it before its next slice; says whether it was pending. */
  abort(workspaceId: string, id: string, nowMs: number): Promise<boolean>;
  /** Pending ones that nobody has worked on since. */
  listStalled(beforeMs: number, limit: number): Promise<readonly string[]>;
  /** Removes up to `limit` actions that were created before `beforeMs` and are not pending; returns how many. */
  prune(beforeMs: number, limit: number): Promise<number>;
}

export interface BulkSliceResult {
  readonly position: string | null;
  readonly success: number;
  readonly failure: number;
  /** What was cancelled, or what replays were started: the list's filter by bulk action finds them. */
  readonly executionIds: readonly string[];
  readonly isLast: boolean;
  readonly nowMs: number;
}

/** Wakes a consumer for the next slice. A message that is lost is replaced by the watchdog. */
export interface BulkQueue {
  send(id: string): Promise<void>;
}
