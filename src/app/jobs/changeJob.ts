/** Edits, and the changes of state that have a name of their own. */

import { transitionFrom } from "../../domain/job/edit.ts";
import type { Transition } from "../../domain/job/edit.ts";
import type { Job } from "../../domain/job/job.ts";
import { ok } from "../../domain/result.ts";
import type { Outcome } from "../errors.ts";
import { refused } from "../errors.ts";
import { leadSchedules } from "../schedules/leadSchedules.ts";
import type { Services } from "../services.ts";
import { nameSecret } from "../triggers/triggerTokens.ts";
import type { JobInput } from "./createJob.ts";
import type { Change } from "./rewriteJob.ts";
import { COMPLETED, edited, rewriteJob } from "./rewriteJob.ts";

/** PATCH: replaces what the changes name, in one new version. The schedules that are bound to the job follow it. */
export async function patchJob(
  services: Services,
  workspaceId: string,
  jobId: string,
  input: JobInput,
): Promise<Outcome<Job>> {
  const { input: named, secret } = nameSecret(services, input);
  const change: Change = async (job) => {
    const isEmpty = Object.keys(input.changes).length === 0 && input.complaints.length === 0;
    return isEmpty ? ok(null) : await edited(services, job, named);
  };
  const job = await rewriteJob(services, workspaceId, jobId, change, secret);
  // A job whose actor is out of reach is saved all the same.
  if (job.ok || job.error.code === "actor_unavailable") await leadSchedules(services, workspaceId, jobId);
  return job;
}

/** Pause, resume or activate; a job that is there already stays as it is, version included. */
export async function transitionJob(
  services: Services,
  workspaceId: string,
  jobId: string,
  transition: Transition,
): Promise<Outcome<Job>> {
  return await rewriteJob(services, workspaceId, jobId, async (job) => {
    if (job.state === "completed") return refused("job_completed", COMPLETED);
    const target = transitionFrom(job.state, transition);
    if (!target.ok) return refused("invalid_state", target.error, { details: { state: job.state } });
    if (target.value === "unchanged") return ok(null);
    const next = await edited(services, job, { changes: { state: target.value }, complaints: [] });
    return saysThatRunAtPassed(next)
      ? refused("run_at_passed", "The job's run_at has passed, so it would never run. PATCH schedule.run_at first.")
      : next;
  });
}

function saysThatRunAtPassed(outcome: Outcome<Job>): boolean {
  return (
    !outcome.ok &&
    outcome.error.code === "invalid_request" &&
    outcome.error.issues.every((issue) => issue.path === "schedule.run_at")
  );
}
