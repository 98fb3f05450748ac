/** Asks a job's actor to start something: the one way there, for run-now, replay, restart and the faces. */

import type { JobActorProtocol } from "../../domain/engine/protocol.ts";
import { ok } from "../../domain/result.ts";
import type { Outcome } from "../errors.ts";
import { notFound, refused } from "../errors.ts";
import type { Services } from "../services.ts";
import { applyJob } from "./applyJob.ts";
import { actorUnavailable } from "./callActor.ts";

/** A slot frees when an execution ends, which takes seconds. */
const BACKLOG_RETRY_AFTER_SECONDS = 10;

/**
 * Asks the actor straight away: it knows its job and workspace, so the database is not read. Only an actor that does
 * not know the job makes us look there; a job that was saved and never arrived is applied, and its actor asked once more.
 */
export async function askToStart<Answer>(
  services: Services,
  workspaceId: string,
  jobId: string,
  ask: (actor: JobActorProtocol) => Promise<Answer | "unknown_job">,
): Promise<Outcome<Answer>> {
  const first = await askOnce(services, jobId, ask);
  if (!first.ok) return first;
  if (first.value !== "unknown_job") return ok(first.value);
  const job = await services.jobs.find(workspaceId, jobId);
  if (job === null) return notFound("job");
  const applied = await applyJob(services, job);
  if (!applied.ok) return applied;
  const second = await askOnce(services, jobId, ask);
  if (!second.ok) return second;
  return second.value === "unknown_job" ? notFound("job") : ok(second.value);
}

/** `message` is for who cannot raise the job's limit. */
export function backlogFull(
  message = "So many executions are waiting already, or such large ones, that no more of this job are taken. Wait for some to " +
    "finish, raise concurrency_limit, or start them with smaller inputs.",
) {
  return refused("backlog_full", message, { retryAfterSeconds: BACKLOG_RETRY_AFTER_SECONDS });
}

/** Not repeated on a fault: the call may have started an execution before its answer was lost. */
async function askOnce<Answer>(
  services: Services,
  jobId: string,
  ask: (actor: JobActorProtocol) => Promise<Answer>,
): Promise<Outcome<Answer>> {
  try {
    return ok(await ask(services.actors.of(jobId)));
  } catch (fault) {
    services.report(fault, { call: "trigger", id: jobId });
    return actorUnavailable(
      "What runs this job could not be reached just now. Look at its executions before you try again: one may have started.",
    );
  }
}
