/** `/api/v1/workflows`: list, create, read, change and delete workflows, which are our jobs. */

import type { Outcome } from "../../../app/errors.ts";
import { patchJob } from "../../../app/jobs/changeJob.ts";
import { createJob } from "../../../app/jobs/createJob.ts";
import { deleteJob } from "../../../app/jobs/deleteJob.ts";
import type { JobView } from "../../../app/jobs/viewJob.ts";
import { getJob, listJobs, viewJob, viewNewJob } from "../../../app/jobs/viewJob.ts";
import { NAME_CHARACTERS_MOST } from "../../../domain/job/validate.ts";
import { ok } from "../../../domain/result.ts";
import { isAllowed } from "../../../domain/workspace/workspace.ts";
import { LIMIT_DEFAULT, LIMIT_MOST, object, oneOf, text, wholeNumber } from "../../fields.ts";
import type { Endpoint, WorkspaceInput } from "../../operation.ts";
import { jsonBody } from "../../operation.ts";
import { readQuery } from "../../readInput.ts";
import { fromWorkflowId, toWorkflowId } from "../ids.ts";
import { inOwnWords } from "./complaints.ts";
import { readChangedWorkflow, readNewWorkflow } from "./definition.ts";
import { missing, named, success, successPage } from "./envelope.ts";
import { badCursor, CURSOR_CHARACTERS_MOST } from "./runs.ts";
import { JOB_STATES, toWorkflow, toWorkflowItem, WORKFLOW_STATUSES } from "./workflowView.ts";

const WorkflowsQuery = object({
  status: oneOf(WORKFLOW_STATUSES).optional(),
  search: text(1, NAME_CHARACTERS_MOST).optional(),
  limit: wholeNumber(1, LIMIT_MOST).optional(),
  cursor: text(1, CURSOR_CHARACTERS_MOST).optional(),
});

export const listWorkflows: Endpoint = {
  access: "read",
  contract: { id: "listWorkflows", method: "get", path: "/api/v1/workflows" },
  async handle({ services, workspaceId, token, query }) {
    const read = readQuery(WorkflowsQuery, query);
    if (!read.ok) return read;
    const { status, search = null, limit = LIMIT_DEFAULT, cursor = null } = read.value;
    const filter = { state: status === undefined ? null : JOB_STATES[status], kind: null, name: search };
    const page = await listJobs(services, workspaceId, filter, { limit, offset: 0, cursor });
    if (!page.ok) return page.error.code === "invalid_request" ? badCursor() : page;
    const { items, hasMore, nextCursor } = page.value;
    const shown = items.map((view) => toWorkflowItem(shownTo(token, view)));
    return ok(successPage(shown, { cursor: nextCursor, hasMore }));
  },
};

export const createWorkflow: Endpoint = {
  access: "write",
  contract: { id: "createWorkflow", method: "post", path: "/api/v1/workflows", body: {} },
  async handle(input) {
    const { services, workspaceId } = input;
    const workflow = readNewWorkflow(jsonBody(input));
    if (!workflow.ok) return workflow;
    const { changes, places } = workflow.value;
    const created = await createJob(services, workspaceId, { changes, complaints: [] }, null);
    if (!created.ok) return inOwnWords(created, places);
    const { job, triggerToken } = created.value;
    return ok(success(toWorkflow(viewNewJob(services, job, triggerToken)), 201));
  },
};

export const getWorkflow: Endpoint = {
  access: "read",
  contract: { id: "getWorkflow", method: "get", path: "/api/v1/workflows/{id}" },
  async handle(input) {
    const view = await findWorkflow(input);
    return view.ok ? ok(success(toWorkflow(shownTo(input.token, view.value)))) : view;
  },
};

export const updateWorkflow: Endpoint = {
  access: "write",
  contract: { id: "updateWorkflow", method: "put", path: "/api/v1/workflows/{id}", body: {} },
  async handle(input) {
    const { services, workspaceId } = input;
    const view = await findWorkflow(input);
    if (!view.ok) return view;
    const { job } = view.value;
    const workflow = readChangedWorkflow(job, toWorkflow(view.value), jsonBody(input));
    if (!workflow.ok) return workflow;
    const { changes, places } = workflow.value;
    const changed = await patchJob(services, workspaceId, job.id, { changes, complaints: [] });
    if (!changed.ok) return named("Workflow", inOwnWords(changed, places));
    return ok(success(toWorkflow(await viewJob(services, changed.value))));
  },
};

export const deleteWorkflow: Endpoint = {
  access: "write",
  contract: { id: "deleteWorkflow", method: "delete", path: "/api/v1/workflows/{id}" },
  async handle({ services, workspaceId, id }) {
    const jobId = fromWorkflowId(id);
    if (jobId === null) return missing("Workflow");
    const deleted = named("Workflow", await deleteJob(services, workspaceId, jobId));
    return deleted.ok ? ok(success({ id: toWorkflowId(jobId), deleted: true })) : deleted;
  },
};

export async function findWorkflow({ services, workspaceId, id }: WorkspaceInput): Promise<Outcome<JobView>> {
  const jobId = fromWorkflowId(id);
  return jobId === null ? missing("Workflow") : named("Workflow", await getJob(services, workspaceId, jobId));
}

/** A webhook's URL starts runs, so it is shown to those who may start them. */
function shownTo({ role }: WorkspaceInput["token"], view: JobView): JobView {
  return isAllowed(role, "write") ? view : { ...view, triggerToken: null };
}
