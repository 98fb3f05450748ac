/** The one way in which a saved job becomes its next version. */

import { scheduledExecutionId } from "../../domain/ids.ts";
import { dependsOnFiring, editJob } from "../../domain/job/edit.ts";
import type { JobChanges } from "../../domain/job/editMerge.ts";
import type { Job } from "../../domain/job/job.ts";
import { scheduleOf } from "../../domain/job/job.ts";
import type { Outcome } from "../errors.ts";
import { invalid, refused } from "../errors.ts";
import { getExecution } from "../executions/getExecution.ts";
import type { Services } from "../services.ts";
import type { GivenSecret } from "../triggers/triggerTokens.ts";
import { storeTrigger } from "../triggers/triggerTokens.ts";
import { applyJob } from "./applyJob.ts";
import type { JobInput } from "./createJob.ts";
import { findJob } from "./viewJob.ts";

/** Edits of one job at the same moment are rare; a fifth lost race says that something else is wrong. */
const TRIES = 5;

export const COMPLETED =
  "This job has run and is completed. Run it again with run-now, or PATCH its schedule (schedule.run_at or kind), " +
  "which makes it active.";

/** What becomes of a job that was read: its next version, or `null` when there is nothing to change. */
export type Change = (job: Job) => Promise<Outcome<Job | null>>;

/**
 * Read, change, write if nobody else did meanwhile. The version is the lock: of two edits at the same moment one is
 * repeated on top of the other, and none is lost.
 */
export async function rewriteJob(
  services: Services,
  workspaceId: string,
  jobId: string,
  change: Change,
  secret: GivenSecret | null = null,
): Promise<Outcome<Job>> {
  for (let tryNumber = 1; tryNumber <= TRIES; tryNumber++) {
    const job = await findJob(services, workspaceId, jobId);
    if (!job.ok) return job;
    const next = await change(job.value);
    if (!next.ok) return next;
    if (next.value === null) return job;
    const stored = await storeTrigger(services, job.value, next.value, secret);
    if (!stored.ok) return stored;
    if (await services.jobs.replace(next.value, job.value.version)) {
      forgetSecret(services, job.value, next.value);
      return await applyJob(services, next.value);
    }
  }
  return refused("edit_conflict", "This job is being changed by others all the time; read it and try again.", {
    retryAfterSeconds: 1,
  });
}

/** A secret that the definition named and names no longer is of no use to anybody. */
function forgetSecret(services: Services, before: Job, after: Job): void {
  const secretId = before.webhook?.verification?.secretId;
  if (secretId === undefined || secretId === after.webhook?.verification?.secretId) return;
  services.later(services.triggers.deleteSecret(secretId));
}

/** The next version of a job with these changes, or why there is none. */
export async function edited(services: Services, job: Job, input: JobInput): Promise<Outcome<Job>> {
  const result = editJob(job, input.changes, {
    nowMs: services.clock.now(),
    targetPolicy: services.targetPolicy,
    publicUrl: services.publicUrl,
    complaints: input.complaints,
    hasFired: await hasFired(services, job, input.changes),
  });
  if (result.ok) return result;
  return result.error.type === "completed" ? refused("job_completed", COMPLETED) : invalid(result.error.issues);
}

/** Whether the one execution of a one-shot job exists, in its actor or in the history; its id follows from its due time. */
async function hasFired(services: Services, job: Job, changes: JobChanges): Promise<boolean> {
  if (!dependsOnFiring(job, changes)) return false;
  const schedule = scheduleOf(job);
  if (schedule.type !== "once") return false;
  const execution = await getExecution(services, job.workspaceId, scheduledExecutionId(job.id, schedule.atMs));
  return execution.ok;
}
