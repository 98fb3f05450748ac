/** `GET /v1/workflows` and one of them: jobs as the Trigify API shows workflows. */

import { z } from "@hono/zod-openapi";
import { listDefinitions } from "../../../app/jobs/listDefinitions.ts";
import { findJob } from "../../../app/jobs/viewJob.ts";
import type { Job } from "../../../domain/job/job.ts";
import { ok } from "../../../domain/result.ts";
import { oneOf, wholeNumber } from "../../fields.ts";
import type { Endpoint } from "../../operation.ts";
import { readQuery } from "../../readInput.ts";
import { iso } from "../../time.ts";
import { fromWorkflowId, toWorkflowId } from "../ids.ts";
import { PAGE_SIZE_DEFAULT, PAGE_SIZE_MOST, success } from "./envelope.ts";
import { toGraph } from "./graph.ts";

/** Far beyond any workspace; a bound because a number needs one. */
const OFFSET_MOST = 1_000_000;

const WorkflowsQuery = z.object({
  limit: wholeNumber(1, PAGE_SIZE_MOST).default(PAGE_SIZE_DEFAULT),
  offset: wholeNumber(0, OFFSET_MOST).default(0),
  status: oneOf(["DRAFT", "PUBLISHED"]).optional(),
});

export const listWorkflowsEndpoint: Endpoint = {
  access: "read",
  contract: { id: "listWorkflows", method: "get", path: "/v1/workflows" },
  async handle({ services, workspaceId, query }) {
    const read = readQuery(WorkflowsQuery, query);
    if (!read.ok) return read;
    const { status, ...page } = read.value;
    const drafts = status === undefined ? "too" : status === "DRAFT" ? "only" : "none";
    const found = await listDefinitions(services, workspaceId, drafts, page);
    if (!found.ok) return found;
    const { jobs, hasMore, total } = found.value;
    const data = { items: jobs.map(fromJob), has_more: hasMore, total };
    return ok(success(data, "Workflows retrieved successfully"));
  },
};

export const getWorkflowEndpoint: Endpoint = {
  access: "read",
  contract: { id: "getWorkflow", method: "get", path: "/v1/workflows/{workflow_id}" },
  async handle({ services, workspaceId, id }) {
    const job = await findJob(services, workspaceId, fromWorkflowId(id) ?? "");
    return job.ok ? ok(success(fromJob(job.value), "Workflow retrieved successfully")) : job;
  },
};

/** A draft is a draft; everything else was published, and is enabled while its schedule and its webhook are. */
export function fromJob(job: Job) {
  return {
    id: toWorkflowId(job.id),
    name: job.name,
    // Jobs have no description, and nothing here searches social networks.
    description: null,
    workflow: toGraph(job),
    enabled: job.state === "active",
    status: job.state === "draft" ? "DRAFT" : "PUBLISHED",
    social_saved_search_id: null,
    created: iso(job.createdAtMs),
    updated: iso(job.updatedAtMs),
  };
}
