/** Removes a job, its actor's state and its executions; and the schedules that are bound to it. */

import { isJobId } from "../../domain/ids.ts";
import { ok } from "../../domain/result.ts";
import type { Outcome } from "../errors.ts";
import { notFound } from "../errors.ts";
import type { Services } from "../services.ts";
import { actorUnavailable, callActor } from "./callActor.ts";

/** What one request may remove in its background time; the watchdog removes what is left. */
const PURGE_AT_ONCE = 20_000;

/**
 * Its schedules go first, so that none fires for a task that is gone, also when a deletion stops halfway and is repeated.
 * The job is invisible from then on, and its actor forgets it in the next step; nothing that was in flight is
 * recorded afterwards. Should the actor be out of reach, the mark stays and the watchdog erases it.
 */
export async function deleteJob(services: Services, workspaceId: string, jobId: string): Promise<Outcome<null>> {
  if (!isJobId(jobId)) return notFound("job");
  for (const schedule of await services.scheduleBindings.listOfTask(workspaceId, jobId)) {
    // Deleted already, or marked while its actor is out of reach: the watchdog erases it. Neither keeps the task.
    await deleteJob(services, workspaceId, schedule.jobId);
  }
  const marked = await services.jobs.markDeleted(workspaceId, jobId, services.clock.now());
  if (!marked) return notFound("job");
  const erased = await callActor(services, jobId, (actor) => actor.erase());
  if (!erased.ok) {
    return actorUnavailable(
      "The job is deleted, but what runs it could not be reached just now; it may fire for up to five minutes more.",
      { job_id: jobId },
    );
  }
  services.later(services.jobs.purge(jobId, PURGE_AT_ONCE));
  return ok(null);
}
