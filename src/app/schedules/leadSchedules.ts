/** Carries the definition of a task over to the schedules that are bound to it. */

import type { CronTiming } from "../../domain/job/followTask.ts";
import { cronTimingOf, isSameDefinition, scheduleChanges } from "../../domain/job/followTask.ts";
import type { Job } from "../../domain/job/job.ts";
import { ok } from "../../domain/result.ts";
import type { Outcome } from "../errors.ts";
import { edited, rewriteJob } from "../jobs/rewriteJob.ts";
import type { Services } from "../services.ts";
import { sideBySide } from "../sideBySide.ts";

/** Schedules that are changed side by side: each is a few calls to the database and one to an actor. */
const AT_A_TIME = 10;

/**
 * A schedule follows its task: name, request or steps, policies and queue. Repeatable, and without effect where nothing
 * differs. A schedule that cannot follow (its actor is out of reach, or what the task does cannot be done by cron) is
 * reported; it goes on as it was, and the next edit of the task tries again.
 */
export async function leadSchedules(services: Services, workspaceId: string, taskJobId: string): Promise<void> {
  const bindings = await services.scheduleBindings.listOfTask(workspaceId, taskJobId);
  if (bindings.length === 0) return;
  const task = await services.jobs.find(workspaceId, taskJobId);
  if (task === null) return;
  await sideBySide(bindings, AT_A_TIME, async ({ jobId }) => {
    const followed = await followTask(services, task, jobId);
    // One that was deleted meanwhile has nothing to follow.
    if (followed.ok || followed.error.code === "not_found") return;
    services.report(new Error(`A schedule could not follow its task: ${followed.error.code}.`), {
      job: jobId,
      task: taskJobId,
    });
  });
}

/** Makes a schedule what its task is now, with another timing if one is given. */
export async function followTask(
  services: Services,
  task: Job,
  scheduleJobId: string,
  timing?: Pick<CronTiming, "cron" | "timezone">,
): Promise<Outcome<Job>> {
  return await rewriteJob(services, task.workspaceId, scheduleJobId, async (job) => {
    const wanted = timing ?? cronTimingOf(job);
    // Somebody gave the job another kind of schedule: it is no schedule of the task any more.
    if (wanted === null) return ok(null);
    const next = await edited(services, job, { changes: scheduleChanges(task, wanted), complaints: [] });
    return next.ok && isSameDefinition(job, next.value) ? ok(null) : next;
  });
}
