/** Bringing a saved definition into force. */

import type { Job } from "../../domain/job/job.ts";
import { ok } from "../../domain/result.ts";
import type { Outcome } from "../errors.ts";
import type { Services } from "../services.ts";
import { actorUnavailable, callActor } from "./callActor.ts";

/**
 * Hands a definition that is in the repository to its actor. When the actor cannot be reached, the definition stays
 * marked as not applied and the watchdog hands it over; so a saved change is never lost, only late.
 */
export async function applyJob(services: Services, job: Job): Promise<Outcome<Job>> {
  const applied = await callActor(services, job.id, (actor) => actor.apply(job));
  if (!applied.ok) {
    return actorUnavailable(
      "The job is saved, but what runs it could not be reached just now; it takes effect within five minutes.",
      { job_id: job.id, version: job.version },
    );
  }
  services.later(confirmApplied(services, job));
  return ok(job);
}

/**
 * A job that was deleted between being saved and being applied has come back to life in its actor, because `erase` came
 * first; it is erased again. When the deletion comes after this look, so does its own `erase`.
 */
async function confirmApplied(services: Services, job: Job): Promise<void> {
  await services.jobs.markApplied(job.id, job.version);
  const stillThere = await services.jobs.find(job.workspaceId, job.id);
  if (stillThere === null) await callActor(services, job.id, (actor) => actor.erase());
}
