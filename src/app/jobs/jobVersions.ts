/** What a job was in each of its versions. */

import { ok } from "../../domain/result.ts";
import type { Outcome } from "../errors.ts";
import { notFound } from "../errors.ts";
import type { JobVersion, Page, PageRequest } from "../ports.ts";
import type { Services } from "../services.ts";
import { badCursor, findJob } from "./viewJob.ts";

export async function listJobVersions(
  services: Services,
  workspaceId: string,
  jobId: string,
  page: PageRequest,
): Promise<Outcome<Page<JobVersion>>> {
  const job = await findJob(services, workspaceId, jobId);
  if (!job.ok) return job;
  const found = await services.jobVersions.list(jobId, page);
  return found === "bad_cursor" ? badCursor() : ok(found);
}

/** `version` as it stands in the path; a text that is no version names nothing. */
export async function getJobVersion(
  services: Services,
  workspaceId: string,
  jobId: string,
  version: string,
): Promise<Outcome<JobVersion>> {
  const job = await findJob(services, workspaceId, jobId);
  if (!job.ok) return job;
  const found = /^[1-9]\d{0,14}$/.test(version) ? await services.jobVersions.find(jobId, Number(version)) : null;
  return found === null ? notFound("version") : ok(found);
}
