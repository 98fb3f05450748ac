/** The history of a workspace or of one of its jobs. */

import { encodeCursor } from "../../domain/cursor.ts";
import { isJobId } from "../../domain/ids.ts";
import { ok } from "../../domain/result.ts";
import type { Outcome } from "../errors.ts";
import { notFound } from "../errors.ts";
import { badCursor } from "../jobs/viewJob.ts";
import type { ExecutionQuery, ExecutionSummary, Page } from "../ports.ts";
import type { Services } from "../services.ts";

/** An unknown `jobId` as a filter of the whole history finds nothing, as any other filter does. */
export async function listExecutions(
  services: Services,
  workspaceId: string,
  query: ExecutionQuery,
): Promise<Outcome<Page<ExecutionSummary>>> {
  const page = await services.executions.list(workspaceId, query, services.clock.now());
  return page === "bad_cursor" ? badCursor() : ok(page);
}

/** The place of an execution in a list by due time, as `cursor` or `before` take it. */
export function cursorOf(executionId: string): string {
  return encodeCursor({ id: executionId, timeMs: null });
}

/** The executions of one job, which must exist. */
export async function listExecutionsOfJob(
  services: Services,
  workspaceId: string,
  jobId: string,
  query: Omit<ExecutionQuery, "jobId">,
): Promise<Outcome<Page<ExecutionSummary>>> {
  if (!isJobId(jobId)) return notFound("job");
  const [job, page] = await Promise.all([
    services.jobs.find(workspaceId, jobId),
    listExecutions(services, workspaceId, { ...query, jobId }),
  ]);
  return job === null ? notFound("job") : page;
}
