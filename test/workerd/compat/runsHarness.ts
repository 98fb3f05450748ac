/** Calls to the Runs API as its clients make them, and runs in every state to call it about. */

import { env } from "cloudflare:workers";
import type { Execution } from "../../../src/domain/execution/execution.ts";
import type { Job } from "../../../src/domain/job/job.ts";
import { toRunId, toWorkflowId } from "../../../src/http/compat/ids.ts";
import type { CallOptions, Reply, TestWorkspace } from "../api/harness.ts";
import { call, createWorkspace, eventually } from "../api/harness.ts";
import { aJob, anExecution } from "../db/builders.ts";
import { storageOn } from "../db/storage.ts";

const storage = storageOn(env.DB);

export interface RunsClient {
  readonly workspace: TestWorkspace;
  /** With the owner's token as `x-api-key`. */
  call(method: string, path: string, body?: unknown, options?: CallOptions): Promise<Reply>;
  /** A workflow that is active, made through this API. */
  workflow(steps: readonly unknown[], members?: Readonly<Record<string, unknown>>): Promise<string>;
  run(workflowId: string, body?: unknown): Promise<string>;
  /** The run once it is in this state. */
  runIn(runId: string, status: string): Promise<Reply>;
}

export async function runsClient(name: string): Promise<RunsClient> {
  const workspace = await createWorkspace(name);
  const client: RunsClient = {
    workspace,
    call: (method, path, body, options) =>
      call(method, `/api/v1${path}`, {
        token: null,
        headers: { "x-api-key": workspace.owner },
        ...(body === undefined ? {} : { body }),
        ...options,
      }),
    async workflow(steps, members = {}) {
      const body = { name: "workflow", trigger: { type: "api" }, steps, ...members };
      const created = await client.call("POST", "/workflows", body);
      const activated = await client.call("POST", `/workflows/${created.body.data?.id}/activate`);
      if (activated.status !== 200) throw new Error(JSON.stringify(created.body));
      return created.body.data.id;
    },
    async run(workflowId, body = {}) {
      const started = await client.call("POST", `/workflows/${workflowId}/run`, body);
      if (started.status !== 202) throw new Error(JSON.stringify(started.body));
      return started.body.data.runId;
    },
    runIn: (runId, status) =>
      eventually(
        () => client.call("GET", `/runs/${runId}`),
        ({ body }) => body.data?.status === status,
      ),
  };
  return client;
}

/** A job that is in the database alone, for executions that have ended. */
export async function storedJob(workspace: TestWorkspace, changes: Partial<Job> = {}): Promise<Job> {
  const job = aJob({ workspaceId: workspace.id, ...changes });
  await storage.jobs.insert(job, null);
  return job;
}

export async function storedRun(job: Job, changes: Partial<Execution> = {}) {
  const execution = anExecution(job, { source: "api", ...changes });
  if (!(await storage.history.record([{ execution, completesJob: false }]))) throw new Error("It was not recorded.");
  return { execution, id: toRunId(execution.id), workflowId: toWorkflowId(job.id) };
}
