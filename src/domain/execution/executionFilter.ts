/** Which executions are meant, in a list and in a bulk action. */

import type { ExecutionSource } from "./execution.ts";
import type { StatusFilter } from "./statusFilter.ts";

/** Each member narrows further, and does nothing when it is absent. Of a list, any member may fit. */
export interface ExecutionFilter {
  readonly jobIds?: readonly string[];
  readonly statuses?: readonly StatusFilter[];
  readonly sources?: readonly ExecutionSource[];
  readonly tags?: readonly string[];
  readonly batchId?: string;
  /** What a bulk action cancelled, or the replays that it started. */
  readonly bulkActionId?: string;
  readonly jobVersions?: readonly number[];
  /** Bounds of the creation, `createdFromMs` included, `createdToMs` excluded. */
  readonly createdFromMs?: number;
  readonly createdToMs?: number;
}
