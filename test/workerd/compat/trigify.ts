/** Workflows of a workspace as a client of the Trigify API meets them. */

import type { Reply, TestWorkspace } from "../api/harness.ts";
import { TARGET, call, eventually } from "../api/harness.ts";

export const wf = (jobId: string): string => jobId.replace("job_", "wf_");
export const runId = (executionId: string): string => executionId.replace("exe_", "run_");

/** Nothing listens at its target, so that it fails. */
export const ENRICH = {
  type: "http",
  id: "enrich",
  name: "Enrich profile",
  url: TARGET,
  retry_policy: { max_attempts: 1 },
};
/** Succeeds at once. */
export const GREET = { type: "transform", id: "greet", name: "Greet", value: { hello: "{{input.name}}" } };

export interface TrigifyClient {
  /** As that API's clients ask: with `x-api-key`, the owner's token unless another is given. */
  get(path: string, key?: string): Promise<Reply>;
  listOf(jobId: string, query?: string): Promise<Reply>;
  createFlow(steps: readonly object[]): Promise<string>;
  start(jobId: string): Promise<string>;
  /** The job's list, once all its `count` executions are there and have ended. */
  ended(jobId: string, count: number): Promise<Reply>;
}

export function trigifyClient(workspace: TestWorkspace): TrigifyClient {
  const client: TrigifyClient = {
    get: (path, key = workspace.owner) => call("GET", path, { headers: { "x-api-key": key } }),
    listOf: (jobId, query = "") => client.get(`/v1/workflows/${wf(jobId)}/executions${query}`),
    async createFlow(steps) {
      return (await workspace.createJob({ kind: "workflow", schedule: undefined, request: undefined, steps })).id;
    },
    async start(jobId) {
      return (await workspace.call("POST", `/v1/jobs/${jobId}/run-now`)).body.id;
    },
    ended: (jobId, count) =>
      eventually(
        () => client.listOf(jobId, "?page_size=100"),
        ({ body }) =>
          body.data.executions.length === count &&
          body.data.executions.every(({ status }: { status: string }) => status !== "running"),
      ),
  };
  return client;
}
