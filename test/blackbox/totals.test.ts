/** Totals of a job's executions across power cuts: as many as were acknowledged, and as many as the pages then show. */

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { attemptOf } from "../support/engineApi.ts";
import { startInstance, until } from "../support/instance.ts";
import type { TestInstance } from "../support/instance.ts";
import { createJob, startRun } from "../support/runs.ts";
import { startTargetServer } from "../support/targetServer.ts";
import type { TargetServer } from "../support/targetServer.ts";

let stateDir: string;
let instance: TestInstance;
let target: TargetServer;

beforeAll(async () => {
  stateDir = await mkdtemp(join(tmpdir(), "carillon-totals-"));
  [target, instance] = await Promise.all([startTargetServer(), startInstance({ stateDir })]);
});

afterAll(async () => {
  await Promise.all([instance.stop(), target.stop()]);
  await rm(stateDir, { recursive: true, force: true });
});

/** A page, asked for as in the seed's example: by `x-api-key`. */
async function page(jobId: string, query = "") {
  const headers = { "x-api-key": instance.ownerToken };
  const path = `/v1/workflows/${jobId.replace("job_", "wf_")}/executions${query}`;
  const answer = await instance.api("GET", path, undefined, { token: null, headers });
  expect([answer.status, answer.json.success]).toEqual([200, true]);
  return answer.json.data;
}

describe("total_count", () => {
  it("survives SIGKILL while executions are queued, running and just ended", async () => {
    target.on("/total", (arrival) => (attemptOf(arrival) === 1 ? { kind: "hang" } : { kind: "respond" }));
    const request = { url: `${target.url}/total`, timeout_seconds: 1 };
    const policy = { max_attempts: 3, backoff: { type: "fixed", initial_ms: 0, jitter: false } };
    const jobId = await createJob(instance, request, { concurrency_limit: 5, retry_policy: policy });
    const ids: string[] = [];
    for (let round = 1; round <= 3; round++) {
      ids.push(...(await Promise.all(Array.from({ length: 12 }, () => startRun(instance, jobId)))));
      expect((await page(jobId)).pagination).toMatchObject({ total_count: ids.length });
      await target.waitFor((arrivals) => arrivals.length >= round, 20_000);
      await instance.kill();
      await instance.restart();
      expect((await page(jobId)).pagination).toMatchObject({ total_count: ids.length });
    }
    const all = () => page(jobId, "?page_size=100");
    const isDone = async () => {
      const { executions } = await all();
      return executions.filter(({ status }: { status: string }) => status === "completed").length === ids.length;
    };
    await until(isDone, 90_000, "every execution to be listed as completed");
    const { executions, pagination } = await all();
    expect(pagination).toEqual({ page: 1, page_size: 100, total_count: 36, total_pages: 1 });
    expect(executions.map(({ run_id }: { run_id: string }) => run_id.replace("run_", "exe_")).toSorted()).toEqual(
      ids.toSorted(),
    );
  });
});
