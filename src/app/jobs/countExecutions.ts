/** How many executions a job has, without counting them. */

import type { JobLoad } from "../../domain/engine/protocol.ts";
import { ok } from "../../domain/result.ts";
import type { Outcome } from "../errors.ts";
import { notFound } from "../errors.ts";
import type { Services } from "../services.ts";
import { actorUnavailable, callActor } from "./callActor.ts";

export interface CountedLoad {
  /** `null` for a job whose definition has not arrived at its actor, so that there is no execution of it. */
  readonly load: JobLoad | null;
  readonly total: number;
}

/**
 * As many as lists hold, or will hold in a moment: those that were ever created, which the actor knows, less those that
 * were removed with age. What earlier releases created without counting is counted in the history, once.
 */
export async function countExecutions(
  services: Services,
  workspaceId: string,
  jobId: string,
): Promise<Outcome<number>> {
  const counted = await countedLoad(services, workspaceId, jobId);
  return counted.ok ? ok(counted.value.total) : counted;
}

/** What the job has on its hands, and how many executions it has in all. */
export async function countedLoad(
  services: Services,
  workspaceId: string,
  jobId: string,
): Promise<Outcome<CountedLoad>> {
  const [pruned, load] = await Promise.all([
    services.jobs.prunedCount(workspaceId, jobId),
    callActor(services, jobId, (actor) => actor.load(workspaceId)),
  ]);
  if (pruned === null) return notFound("job");
  if (!load.ok) return actorUnavailable();
  return ok({ load: load.value, total: await totalOf(services, { workspaceId, jobId, pruned }, load.value) });
}

async function totalOf(
  services: Services,
  job: { readonly workspaceId: string; readonly jobId: string; readonly pruned: number },
  load: JobLoad | null,
): Promise<number> {
  if (load === null) return 0;
  if (load.total !== null) return Math.max(0, load.total - job.pruned);
  if (load.uncounted === null) throw new Error("An actor neither knows its total nor what is missing.");
  const { atMs, created, live } = load.uncounted;
  // What the actor has on its hands is counted with it, in the history or not; what it created later it counts itself.
  const recorded = await services.executions.countOfJob(job.jobId, { createdBeforeMs: atMs, except: live });
  const total = recorded + job.pruned + live.length;
  await callActor(services, job.jobId, (actor) => actor.countEarlier(job.workspaceId, total - created));
  return total - job.pruned;
}
