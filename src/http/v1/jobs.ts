/** `/v1/jobs`: create, list, read, change and delete jobs. */

import type { IdempotencyKey } from "../../app/ports.ts";
import type { Outcome } from "../../app/errors.ts";
import { patchJob } from "../../app/jobs/changeJob.ts";
import { createJob } from "../../app/jobs/createJob.ts";
import { deleteJob } from "../../app/jobs/deleteJob.ts";
import type { JobView } from "../../app/jobs/viewJob.ts";
import { getJob, listJobs, viewJob, viewNewJob } from "../../app/jobs/viewJob.ts";
import { JOB_KINDS, JOB_STATES } from "../../domain/job/job.ts";
import type { JsonValue } from "../../domain/json.ts";
import { ok } from "../../domain/result.ts";
import type { Token } from "../../domain/workspace/workspace.ts";
import { isAllowed } from "../../domain/workspace/workspace.ts";
import { object, oneOf, text } from "../fields.ts";
import type { Operation, WorkspaceInput } from "../operation.ts";
import { jsonBody } from "../operation.ts";
import { canonicalJson } from "../readBody.ts";
import { readQuery } from "../readInput.ts";
import { IdempotencyHeaders, readIdempotencyKey } from "./idempotencyKey.ts";
import { STEPPED_JOB_EXAMPLES } from "./schemas/jobExamples.ts";
import { CreateJobBody, PatchJobBody, readJobInput } from "./schemas/jobInput.ts";
import { JOB_EXAMPLE, JobSchema, NEW_JOB_EXAMPLE, fromJobView } from "./schemas/job.ts";
import { PAGINATION_EXAMPLE, fromPage, listOf, pageQuery, toPageRequest } from "./schemas/paging.ts";

export const createJobOperation: Operation = {
  access: "write",
  contract: {
    id: "createJob",
    method: "post",
    path: "/v1/jobs",
    tag: "Jobs",
    summary: "Create a job",
    description:
      "Saves an HTTP request with its schedule, or steps that a schedule, a webhook or a call starts. With an `Idempotency-Key`, sending the same body again " +
      "answers 200 with the job that the first request created.",
    headers: IdempotencyHeaders,
    body: {
      schema: CreateJobBody,
      example: {
        name: "nightly-sync",
        kind: "cron",
        schedule: { cron: "0 2 * * *", timezone: "Europe/Berlin" },
        request: {
          url: "https://api.example.com/sync",
          method: "POST",
          headers: { "X-Source": "carillon" },
          body: { full: true },
        },
        retry_policy: { max_attempts: 5 },
      },
      moreExamples: STEPPED_JOB_EXAMPLES,
    },
    answers: {
      201: { description: "The job was created.", schema: JobSchema, example: NEW_JOB_EXAMPLE },
      200: { description: "The job that this key created before.", schema: JobSchema, example: JOB_EXAMPLE },
    },
    errors: ["idempotency_key_reused", "actor_unavailable"],
  },
  async handle(input) {
    const { services, workspaceId } = input;
    const body = jsonBody(input);
    const idempotency = await withDigest(input, body);
    if (!idempotency.ok) return idempotency;
    const outcome = await createJob(services, workspaceId, readJobInput(CreateJobBody, body), idempotency.value);
    if (!outcome.ok) return outcome;
    const { job, created, triggerToken } = outcome.value;
    return created
      ? ok({
          status: 201,
          body: fromJobView(viewNewJob(services, job, triggerToken)),
          headers: { location: `/v1/jobs/${job.id}` },
        })
      : ok({ status: 200, body: fromJobView(await viewJob(services, job)) });
  },
};

async function withDigest(input: WorkspaceInput, body: JsonValue): Promise<Outcome<IdempotencyKey | null>> {
  const key = readIdempotencyKey(input.headers);
  if (!key.ok || key.value === null) return key.ok ? ok(null) : key;
  return ok({ key: key.value, bodyDigest: await input.services.digest(canonicalJson(body)) });
}

const ListJobsQuery = object({
  state: oneOf(JOB_STATES).optional(),
  kind: oneOf(JOB_KINDS).optional(),
  name: text(1, 255).optional().openapi({ description: "Part of the name, in any case." }),
  ...pageQuery,
});

export const listJobsOperation: Operation = {
  access: "read",
  contract: {
    id: "listJobs",
    method: "get",
    path: "/v1/jobs",
    tag: "Jobs",
    summary: "List jobs",
    description: "The jobs of the workspace, newest first.",
    query: ListJobsQuery,
    queryExample: "?state=active&limit=10",
    answers: {
      200: {
        description: "One page of jobs.",
        schema: listOf(JobSchema),
        example: { data: [JOB_EXAMPLE], pagination: { ...PAGINATION_EXAMPLE, limit: 10 } },
      },
    },
    errors: [],
  },
  async handle({ services, workspaceId, token, query }) {
    const read = readQuery(ListJobsQuery, query);
    if (!read.ok) return read;
    const { state = null, kind = null, name = null } = read.value;
    const page = toPageRequest(read.value);
    if (!page.ok) return page;
    const found = await listJobs(services, workspaceId, { state, kind, name }, page.value);
    if (!found.ok) return found;
    return ok({ status: 200, body: fromPage(found.value, page.value, (view) => fromJobView(viewFor(token, view))) });
  },
};

export const getJobOperation: Operation = {
  access: "read",
  contract: {
    id: "getJob",
    method: "get",
    path: "/v1/jobs/{job_id}",
    tag: "Jobs",
    summary: "Read a job",
    description: "One job, with the time of its next run and its last execution.",
    answers: { 200: { description: "The job.", schema: JobSchema, example: JOB_EXAMPLE } },
    errors: ["not_found"],
  },
  async handle({ services, workspaceId, token, id }) {
    const view = await getJob(services, workspaceId, id);
    return view.ok ? ok({ status: 200, body: fromJobView(viewFor(token, view.value)) }) : view;
  },
};

/** A webhook's token starts executions, so it is shown to those who may start them. */
function viewFor(token: Token, view: JobView): JobView {
  return isAllowed(token.role, "write") ? view : { ...view, triggerToken: null };
}

export const patchJobOperation: Operation = {
  access: "write",
  contract: {
    id: "updateJob",
    method: "patch",
    path: "/v1/jobs/{job_id}",
    tag: "Jobs",
    summary: "Change a job",
    description:
      "Changes only what it names and raises `version`. `schedule`, `request` and `retry_policy` are merged member by " +
      "member, `steps` and `env` are replaced as a whole; `null` sets a member back to its default. A changed schedule counts from now and makes a completed job " +
      "active again. Executions that are running finish under the version that they started with.",
    body: {
      schema: PatchJobBody,
      example: { schedule: { cron: "30 3 * * *" }, request: { timeout_seconds: 60 }, retry_policy: { backoff: null } },
    },
    answers: {
      200: {
        description: "The job as it is now.",
        schema: JobSchema,
        example: {
          ...JOB_EXAMPLE,
          schedule: { ...JOB_EXAMPLE.schedule, cron: "30 3 * * *" },
          request: { ...JOB_EXAMPLE.request, timeout_seconds: 60 },
          version: 2,
        },
      },
    },
    errors: ["not_found", "job_completed", "edit_conflict", "actor_unavailable"],
  },
  async handle(input) {
    const { services, workspaceId, id } = input;
    const job = await patchJob(services, workspaceId, id, readJobInput(PatchJobBody, jsonBody(input)));
    return job.ok ? ok({ status: 200, body: fromJobView(await viewJob(services, job.value)) }) : job;
  },
};

export const deleteJobOperation: Operation = {
  access: "write",
  contract: {
    id: "deleteJob",
    method: "delete",
    path: "/v1/jobs/{job_id}",
    tag: "Jobs",
    summary: "Delete a job",
    description: "Removes the job and its executions. What is in flight is not recorded afterwards.",
    answers: { 204: { description: "The job is gone." } },
    errors: ["not_found", "actor_unavailable"],
  },
  async handle({ services, workspaceId, id }) {
    const deleted = await deleteJob(services, workspaceId, id);
    return deleted.ok ? ok({ status: 204, body: null }) : deleted;
  },
};
