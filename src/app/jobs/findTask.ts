/** A job as other API faces name it: a task, by id or by name. */

import { isJobId } from "../../domain/ids.ts";
import type { Job } from "../../domain/job/job.ts";
import { ok } from "../../domain/result.ts";
import type { Outcome } from "../errors.ts";
import { notFound } from "../errors.ts";
import type { Services } from "../services.ts";

/** By id, or else by exact name. Of several jobs of one name it is the oldest that is not itself a schedule of a task. */
export async function findTask(
  services: Pick<Services, "jobs">,
  workspaceId: string,
  idOrName: string,
): Promise<Outcome<Job>> {
  const byId = isJobId(idOrName) ? await services.jobs.find(workspaceId, idOrName) : null;
  const job = byId ?? (await services.jobs.findByName(workspaceId, idOrName));
  return job === null ? notFound("job") : ok(job);
}
