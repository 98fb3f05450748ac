/** A job as a workflow, whatever API made it. */

import type { JobView } from "../../../app/jobs/viewJob.ts";
import type { Job, JobState } from "../../../domain/job/job.ts";
import type { JsonValue } from "../../../domain/json.ts";
import { iso } from "../../time.ts";
import { toWorkflowId } from "../ids.ts";
import { fromSteps } from "./fromSteps.ts";
import { fromSchedule } from "./triggerConfig.ts";

export const WORKFLOW_STATUSES = ["draft", "active", "paused", "archived"] as const;
export type WorkflowStatus = (typeof WORKFLOW_STATUSES)[number];

/** Nothing is archived here; what has run for good comes nearest, as neither starts by itself again. */
export const JOB_STATES: Readonly<Record<WorkflowStatus, JobState>> = {
  draft: "draft",
  active: "active",
  paused: "paused",
  archived: "completed",
};

const STATUSES: Readonly<Record<JobState, WorkflowStatus>> = {
  draft: "draft",
  active: "active",
  paused: "paused",
  completed: "archived",
};

function workflowStatus({ state }: Pick<Job, "state">): WorkflowStatus {
  return STATUSES[state];
}

export type WorkflowItem = Readonly<
  Record<"id" | "name" | "description" | "status" | "version" | "trigger" | "createdAt" | "updatedAt", JsonValue>
>;

export type Workflow = WorkflowItem & { readonly steps: JsonValue; readonly inputSchema: JsonValue };

/** Where a description is kept, which a job has none of: any template may name it too. */
export const DESCRIPTION = "description";

type Viewed = Pick<JobView, "job" | "triggerToken">;

export function toWorkflowItem({ job, triggerToken }: Viewed): WorkflowItem {
  const description = job.env[DESCRIPTION];
  // The native API's own URL, which is the instance's only one for webhooks.
  const url = triggerToken === null ? null : `${job.publicUrl ?? ""}/v1/triggers/${triggerToken}`;
  return {
    id: toWorkflowId(job.id),
    name: job.name,
    description: typeof description === "string" ? description : null,
    status: workflowStatus(job),
    version: job.version,
    trigger: fromSchedule(job.schedule, url),
    createdAt: iso(job.createdAtMs),
    updatedAt: iso(job.updatedAtMs),
  };
}

export function toWorkflow(view: Viewed): Workflow {
  return { ...toWorkflowItem(view), steps: fromSteps(view.job), inputSchema: view.job.inputSchema };
}
