/** A job's executions as a queue: how long it is, whether it moves, how many run at a time. */

import { isJobId } from "../../domain/ids.ts";
import type { JobChanges } from "../../domain/job/editMerge.ts";
import type { Job } from "../../domain/job/job.ts";
import { ok } from "../../domain/result.ts";
import type { Outcome } from "../errors.ts";
import { notFound } from "../errors.ts";
import type { Services } from "../services.ts";
import { actorUnavailable, callActor } from "./callActor.ts";
import { patchJob } from "./changeJob.ts";
import { countedLoad } from "./countExecutions.ts";
import { findJob } from "./viewJob.ts";

export interface QueueView {
  readonly job: Job;
  readonly running: number;
  /** Due and not begun. */
  readonly queued: number;
  /** Not due yet. */
  readonly delayed: number;
  readonly waiting: number;
  /** Executions in the history, those that are live included (`countExecutions`). */
  readonly total: number;
}

export async function viewQueue(services: Services, workspaceId: string, jobId: string): Promise<Outcome<QueueView>> {
  const job = await findJob(services, workspaceId, jobId);
  return job.ok ? await viewOf(services, job.value) : job;
}

/** While a queue is paused nothing of its job is sent; what is under way goes on, and starts are taken. */
export async function setQueuePaused(
  services: Services,
  workspaceId: string,
  jobId: string,
  paused: boolean,
): Promise<Outcome<QueueView>> {
  const isSo = (job: Job): boolean => job.queuePaused === paused;
  return await changeQueue(services, workspaceId, jobId, { queuePaused: paused }, isSo);
}

/** `null` goes back to the job's own `concurrency_limit`. */
export async function overrideConcurrency(
  services: Services,
  workspaceId: string,
  jobId: string,
  limit: number | null,
): Promise<Outcome<QueueView>> {
  const isSo = (job: Job): boolean => (job.concurrencyOverride?.limit ?? null) === limit;
  return await changeQueue(services, workspaceId, jobId, { concurrencyOverride: limit }, isSo);
}

/** A queue that is as it should be makes no new version of its job. */
async function changeQueue(
  services: Services,
  workspaceId: string,
  jobId: string,
  changes: JobChanges,
  isSo: (job: Job) => boolean,
): Promise<Outcome<QueueView>> {
  const before = await findJob(services, workspaceId, jobId);
  if (!before.ok) return before;
  if (isSo(before.value)) return await viewOf(services, before.value);
  const after = await patchJob(services, workspaceId, jobId, { changes, complaints: [] });
  return after.ok ? await viewOf(services, after.value) : after;
}

/** Lets the next start with this key start an execution; says whether the key was known. */
export async function forgetIdempotencyKey(
  services: Services,
  workspaceId: string,
  jobId: string,
  key: string,
): Promise<Outcome<boolean>> {
  if (!isJobId(jobId)) return notFound("job");
  const digest = await services.digest(key);
  const forgotten = await callActor(services, jobId, (actor) => actor.forgetDedupe(workspaceId, digest));
  if (forgotten.ok) return forgotten;
  return actorUnavailable();
}

async function viewOf(services: Services, job: Job): Promise<Outcome<QueueView>> {
  const counted = await countedLoad(services, job.workspaceId, job.id);
  if (!counted.ok) return counted;
  const { load, total } = counted.value;
  const { running, queued, delayed, waiting } = load ?? { running: 0, queued: 0, delayed: 0, waiting: 0 };
  return ok({ job, running, queued, delayed, waiting, total });
}
