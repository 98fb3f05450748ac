/** `/v1/jobs/{job_id}/versions`: what a job was before its last change, and the one before that. */

import { z } from "@hono/zod-openapi";
import { getJobVersion, listJobVersions } from "../../app/jobs/jobVersions.ts";
import type { JobVersion } from "../../app/ports.ts";
import { JOB_KINDS, JOB_STATES, MISFIRE_POLICIES, OVERLAP_POLICIES } from "../../domain/job/job.ts";
import { ok } from "../../domain/result.ts";
import { object } from "../fields.ts";
import type { Operation } from "../operation.ts";
import { readQuery } from "../readInput.ts";
import { iso } from "../time.ts";
import { JOB_EXAMPLE, definitionMembers, fromDefinition, fromQueue, queueMembers } from "./schemas/job.ts";
import { PAGINATION_EXAMPLE, fromPage, listOf, pageQuery, toPageRequest } from "./schemas/paging.ts";
import { momentOut } from "./schemas/time.ts";

const JobVersionSchema = z
  .strictObject({
    job_id: z.string(),
    version: z.int(),
    name: z.string(),
    kind: z.enum(JOB_KINDS),
    state: z.enum(JOB_STATES).openapi({ description: "As it was saved with this version." }),
    ...definitionMembers,
    ...queueMembers,
    overlap_policy: z.enum(OVERLAP_POLICIES),
    misfire_policy: z.enum(MISFIRE_POLICIES),
    created_at: momentOut().openapi({ description: "When this version was saved." }),
  })
  .openapi("JobVersion");

function fromJobVersion(version: JobVersion): z.output<typeof JobVersionSchema> {
  return {
    job_id: version.jobId,
    version: version.version,
    name: version.name,
    kind: version.schedule.kind,
    state: version.state,
    ...fromDefinition(version),
    ...fromQueue(version),
    overlap_policy: version.overlapPolicy,
    misfire_policy: version.misfirePolicy,
    created_at: iso(version.savedAtMs),
  };
}

const VERSION_EXAMPLE: z.output<typeof JobVersionSchema> = {
  job_id: JOB_EXAMPLE.id,
  version: 1,
  name: JOB_EXAMPLE.name,
  kind: JOB_EXAMPLE.kind,
  state: JOB_EXAMPLE.state,
  schedule: JOB_EXAMPLE.schedule,
  request: JOB_EXAMPLE.request,
  retry_policy: JOB_EXAMPLE.retry_policy,
  concurrency_limit: JOB_EXAMPLE.concurrency_limit,
  concurrency_override: JOB_EXAMPLE.concurrency_override,
  queue_paused: JOB_EXAMPLE.queue_paused,
  overlap_policy: JOB_EXAMPLE.overlap_policy,
  misfire_policy: JOB_EXAMPLE.misfire_policy,
  created_at: JOB_EXAMPLE.created_at,
};

const VersionsQuery = object(pageQuery);

export const listJobVersionsOperation: Operation = {
  access: "read",
  contract: {
    id: "listJobVersions",
    method: "get",
    path: "/v1/jobs/{job_id}/versions",
    tag: "Jobs",
    summary: "List the versions of a job",
    description:
      "Every change of a job makes a version, pausing and resuming included; newest first, the current one at the head. " +
      "The newest 200 are kept. An execution runs on the version that it started with (`job_version`).",
    query: VersionsQuery,
    queryExample: "?limit=10",
    answers: {
      200: {
        description: "One page of versions.",
        schema: listOf(JobVersionSchema),
        example: { data: [VERSION_EXAMPLE], pagination: { ...PAGINATION_EXAMPLE, limit: 10 } },
      },
    },
    errors: ["not_found"],
  },
  async handle({ services, workspaceId, id, query }) {
    const read = readQuery(VersionsQuery, query);
    if (!read.ok) return read;
    const page = toPageRequest(read.value);
    if (!page.ok) return page;
    const found = await listJobVersions(services, workspaceId, id, page.value);
    return found.ok ? ok({ status: 200, body: fromPage(found.value, page.value, fromJobVersion) }) : found;
  },
};

export const getJobVersionOperation: Operation = {
  access: "read",
  contract: {
    id: "getJobVersion",
    method: "get",
    path: "/v1/jobs/{job_id}/versions/{version}",
    tag: "Jobs",
    summary: "Read a version of a job",
    description: "What the job was in this version. To go back to it, PATCH the job with what it says.",
    answers: { 200: { description: "The version.", schema: JobVersionSchema, example: VERSION_EXAMPLE } },
    errors: ["not_found"],
  },
  async handle({ services, workspaceId, id, params }) {
    const version = await getJobVersion(services, workspaceId, id, params.version ?? "");
    return version.ok ? ok({ status: 200, body: fromJobVersion(version.value) }) : version;
  },
};
