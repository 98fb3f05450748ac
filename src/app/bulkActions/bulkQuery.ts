/** The list that a bulk action with a filter walks. */

import type { BulkFilter } from "../../domain/bulkAction/bulkAction.ts";
import { BULK_SLICE_MOST } from "../../domain/bulkAction/bulkAction.ts";
import type { ExecutionQuery } from "../ports.ts";

/** `cursor` is where the slice before ended. What was created from the action's own creation on does not match. */
export function queryOf(filter: BulkFilter, createdAtMs: number, cursor: string | null): ExecutionQuery {
  const { createdToMs = createdAtMs, ...others } = filter;
  return {
    jobId: null,
    status: null,
    source: null,
    fromMs: null,
    toMs: null,
    jobName: null,
    sort: "scheduled_for",
    order: "desc",
    page: { limit: BULK_SLICE_MOST, offset: 0, cursor },
    ...others,
    createdToMs: Math.min(createdToMs, createdAtMs),
  };
}
