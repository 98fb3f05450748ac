/** The executions of one job in numbered pages, each with the step that failed, and what one of them ran. */

import type { Execution, ExecutionError, ExecutionStatus } from "../../domain/execution/execution.ts";
import { readStepFailure } from "../../domain/execution/stepFailure.ts";
import type { Job } from "../../domain/job/job.ts";
import { ok } from "../../domain/result.ts";
import { locate, placesOf } from "../../domain/workflow/places.ts";
import type { Outcome } from "../errors.ts";
import { notFound } from "../errors.ts";
import { countExecutions } from "../jobs/countExecutions.ts";
import { findJob } from "../jobs/viewJob.ts";
import type { ExecutionSummary } from "../ports.ts";
import type { Services } from "../services.ts";
import { getExecution } from "./getExecution.ts";
import { listExecutions } from "./listExecutions.ts";
import { newestFirst } from "./newestFirst.ts";

/** What of a job's definition its executions are explained by. */
export type Ran = Pick<Job, "steps" | "request">;

/** Why an execution ended other than well. */
export interface Failure {
  /** `"request"` is the one step of a plain job; `null` where no step is to blame, as when it was cancelled. */
  readonly step: { readonly id: string; readonly name: string | null } | "request" | null;
  readonly message: string;
}

export interface NumberedPage {
  /** From 1. */
  readonly page: number;
  readonly pageSize: number;
}

export interface RunsOfJob {
  readonly runs: readonly { readonly execution: ExecutionSummary; readonly failure: Failure | null }[];
  /** Of all pages together. It counts at once what the list may show up to two seconds later. */
  readonly total: number;
}

/**
 * One page, newest due time first. The names of failed steps come from the definition that each execution ran under: the
 * job's own, and those of older versions in one query for the whole page. A page beyond the end is empty and reads nothing.
 */
export async function listRunsOfJob(
  services: Services,
  workspaceId: string,
  jobId: string,
  { page, pageSize }: NumberedPage,
): Promise<Outcome<RunsOfJob>> {
  const job = await findJob(services, workspaceId, jobId);
  if (!job.ok) return job;
  const total = await countExecutions(services, workspaceId, jobId);
  if (!total.ok) return total;
  const offset = (page - 1) * pageSize;
  if (offset >= total.value) return ok({ runs: [], total: total.value });
  const query = newestFirst({ limit: pageSize, offset, cursor: null }, { jobId });
  const listed = await listExecutions(services, workspaceId, query);
  if (!listed.ok) return listed;
  const executions = listed.value.items;
  const failed = executions.filter(({ status }) => status === "failed").map(({ jobVersion }) => jobVersion);
  const ran = await definitionsOf(services, job.value, failed);
  const runs = executions.map((execution) => ({ execution, failure: failureOf(execution, ran(execution.jobVersion)) }));
  return ok({ runs, total: total.value });
}

export interface RunOfJob {
  readonly execution: Execution;
  /** `null` for a definition that is too old to be kept. */
  readonly ran: Ran | null;
}

/** One execution of the job with the definition that it ran under. */
export async function getRunOfJob(
  services: Services,
  workspaceId: string,
  jobId: string,
  executionId: string,
): Promise<Outcome<RunOfJob>> {
  const [job, found] = await Promise.all([
    findJob(services, workspaceId, jobId),
    getExecution(services, workspaceId, executionId),
  ]);
  if (!job.ok) return job;
  if (!found.ok) return found;
  const execution = found.value;
  if (execution.jobId !== jobId) return notFound("execution");
  const ran = (await definitionsOf(services, job.value, [execution.jobVersion]))(execution.jobVersion);
  return ok({ execution, ran });
}

/** By version; `null` for one that is too old to be kept. */
async function definitionsOf(
  services: Services,
  job: Job,
  versions: readonly number[],
): Promise<(version: number) => Ran | null> {
  const older = [...new Set(versions)].filter((version) => version !== job.version);
  const found = older.length === 0 ? null : await services.jobVersions.findMany(job.id, older);
  return (version) => (version === job.version ? job : (found?.get(version) ?? null));
}

/**
 * What an execution says of its end, with the step that it names. One whose definition is not known any more names its step
 * by the id, which is the last part of the path.
 */
export function failureOf(
  { status, error }: { readonly status: ExecutionStatus; readonly error: ExecutionError | null },
  ran: Ran | null,
): Failure | null {
  if (error === null) return null;
  const named = status === "failed" ? readStepFailure(error.message) : null;
  if (named === null) {
    return { step: status === "failed" && ran?.steps === null ? "request" : null, message: error.message };
  }
  const { path, message } = named;
  const step = ran === null || ran.steps === null ? null : (locate(placesOf(ran.steps), path)?.place.step ?? null);
  return { step: { id: step?.id ?? path.slice(path.lastIndexOf(".") + 1), name: step?.name ?? null }, message };
}
