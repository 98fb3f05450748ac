/** The list that a bulk action with a filter walks. */

import { BULK_SLICE_MOST } from "../../domain/bulkAction/bulkAction.ts";
import type { ExecutionFilter } from "../../domain/execution/executionFilter.ts";
import { newestFirst } from "../executions/newestFirst.ts";
import type { ExecutionQuery } from "../ports.ts";

/** `cursor` is where the slice before ended. What was created from the action's own creation on does not match. */
export function queryOf(filter: ExecutionFilter, createdAtMs: number, cursor: string | null): ExecutionQuery {
  const createdToMs = Math.min(filter.createdToMs ?? createdAtMs, createdAtMs);
  return newestFirst({ limit: BULK_SLICE_MOST, offset: 0, cursor }, { ...filter, createdToMs });
}
