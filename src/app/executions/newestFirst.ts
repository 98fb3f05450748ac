/** The query that every list makes unless it asks for more: newest first, by the time within the ids. */

import type { ExecutionFilter } from "../../domain/execution/executionFilter.ts";
import type { ExecutionPageRequest, ExecutionQuery } from "../ports.ts";

export function newestFirst(
  page: ExecutionPageRequest,
  narrowed: ExecutionFilter & { readonly jobId?: string | null } = {},
): ExecutionQuery {
  const { jobId = null, ...filter } = narrowed;
  return {
    jobId,
    status: null,
    source: null,
    fromMs: null,
    toMs: null,
    jobName: null,
    sort: "scheduled_for",
    order: "desc",
    page,
    ...filter,
  };
}
