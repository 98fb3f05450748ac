/** Jobs that run once, and how their executions ended: what black-box tests of requests have in common. */

import { until } from "./instance.ts";
import type { ApiResponse, TestInstance } from "./instance.ts";

const DEADLINE_MS = 15_000;

/** A draft that only runs when it is told to; `retry_policy` has one attempt unless another is given. */
export async function createJob(
  instance: TestInstance,
  request: Readonly<Record<string, unknown>>,
  more: Readonly<Record<string, unknown>> = {},
  token?: string,
): Promise<string> {
  const body = { name: "job", kind: "one_time", state: "draft", request, retry_policy: { max_attempts: 1 }, ...more };
  const created = await instance.api("POST", "/v1/jobs", body, token === undefined ? {} : { token });
  if (created.status !== 201) throw new Error(JSON.stringify(created.json));
  return created.json.id;
}

export async function startRun(instance: TestInstance, jobId: string, token?: string): Promise<string> {
  const extra = token === undefined ? {} : { token };
  const started = await instance.api("POST", `/v1/jobs/${jobId}/run-now`, undefined, extra);
  if (started.status !== 202) throw new Error(JSON.stringify(started.json));
  return started.json.id;
}

/** The execution as the API shows it once `isThere` holds; by default once it has ended. */
export async function executionWhen(
  instance: TestInstance,
  executionId: string,
  isThere: (execution: ApiResponse["json"]) => boolean = hasEnded,
  token?: string,
): Promise<ApiResponse["json"]> {
  let execution: ApiResponse["json"] = null;
  await until(
    async () => {
      const extra = token === undefined ? {} : { token };
      execution = (await instance.api("GET", `/v1/executions/${executionId}`, undefined, extra)).json;
      return isThere(execution);
    },
    DEADLINE_MS,
    `execution ${executionId}`,
  );
  return execution;
}

/** What a list shows once it has `count` executions; it may be two seconds behind. */
export async function listWhen(instance: TestInstance, path: string, count: number): Promise<ApiResponse["json"]> {
  let list: ApiResponse["json"] = null;
  const isThere = async () => {
    list = (await instance.api("GET", path)).json;
    return list.data.length === count;
  };
  await until(isThere, DEADLINE_MS, `${count} executions at ${path}`);
  return list;
}

export async function run(
  instance: TestInstance,
  request: Readonly<Record<string, unknown>>,
  more: Readonly<Record<string, unknown>> = {},
): Promise<ApiResponse["json"]> {
  return await executionWhen(instance, await startRun(instance, await createJob(instance, request, more)));
}

function hasEnded(execution: ApiResponse["json"]): boolean {
  return ["succeeded", "failed", "cancelled"].includes(execution.status);
}
