/** Guarantee 6: one slow or hanging target delays no other job. */

import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type EngineApi, engineApi } from "../support/engineApi.ts";
import { startInstance, type TestInstance, until } from "../support/instance.ts";
import { startTargetServer, type TargetServer } from "../support/targetServer.ts";

/** Twice the connections that one invocation of the queue handler may have. */
const HANGING = 12;
const HEALTHY = 20;
/** The hanging ones give up after this; the healthy ones must be done before the first of them does. */
const TIMEOUT_SECONDS = 30;
const HEALTHY_DEADLINE_MS = 15_000;

let instance: TestInstance;
let target: TargetServer;
let api: EngineApi;

beforeAll(async () => {
  [instance, target] = await Promise.all([startInstance(), startTargetServer({ "/hang": { kind: "hang" } })]);
  api = engineApi(instance);
});
afterAll(async () => {
  await instance?.stop();
  await target?.stop();
});

describe("a target that never answers", () => {
  it("leaves healthy jobs flowing, while its own executions are still open", async () => {
    const patient = { request: { timeout_seconds: TIMEOUT_SECONDS }, retry_policy: { max_attempts: 1 } };
    const hanging = await Promise.all(
      Array.from({ length: HANGING }, () => api.createJob(`${target.url}/hang`, patient)),
    );
    await target.waitFor(() => target.arrivalsAt("/hang").length === HANGING, HEALTHY_DEADLINE_MS);
    const healthy = await Promise.all(Array.from({ length: HEALTHY }, () => api.createJob(`${target.url}/healthy`)));
    const runs = await Promise.all(healthy.map((job) => api.runNow(job.id)));
    await target.waitFor(() => target.arrivalsAt("/healthy").length >= 2 * HEALTHY, HEALTHY_DEADLINE_MS);
    for (const run of runs) expect(await api.ended(run.id)).toMatchObject({ status: "succeeded" });
    const areOpen = async () => {
      const lists = await Promise.all(hanging.map((job) => api.list(job.id)));
      return lists.every(([execution]) => execution?.status === "running");
    };
    await until(areOpen, HEALTHY_DEADLINE_MS, "the hanging executions to be listed as running");
  });

  it("does not keep an execution of the long queue from the healthy ones, nor itself from being cancelled", async () => {
    const job = await api.createJob(`${target.url}/hang`, { request: { timeout_seconds: 300 } });
    await until(
      async () => (await api.list(job.id))[0]?.status === "running",
      HEALTHY_DEADLINE_MS,
      "the long execution to be listed",
    );
    const [execution] = await api.list(job.id);
    const healthy = await api.createJob(`${target.url}/healthy`);
    expect(await api.onlyExecution(healthy.id)).toMatchObject({ status: "succeeded" });
    await api.must("POST", `/v1/executions/${execution?.id}/cancel`);
    expect(await api.onlyExecution(job.id)).toMatchObject({ status: "cancelled" });
  });
});

describe("an isolate that is full of attempts to targets that never answer", () => {
  it("leaves the rest to the queue, and every execution is in the list with its end", async () => {
    const crowded = await startInstance({ vars: { DIRECT_ATTEMPTS_PER_ISOLATE: "4" } });
    try {
      const its = engineApi(crowded);
      const patient = { request: { timeout_seconds: TIMEOUT_SECONDS }, retry_policy: { max_attempts: 1 } };
      await Promise.all(Array.from({ length: HANGING }, () => its.createJob(`${target.url}/hang`, patient)));
      const healthy = await its.createJob(`${target.url}/crowded`, {
        kind: "recurring",
        schedule: { every_n_minutes: 1_440 },
        concurrency_limit: 100,
      });
      const runs = await Promise.all(Array.from({ length: HEALTHY }, () => its.runNow(healthy.id)));
      for (const run of runs) expect(await its.ended(run.id)).toMatchObject({ status: "succeeded" });
      expect(target.arrivalsAt("/crowded")).toHaveLength(HEALTHY);
      const list = await its.list(healthy.id);
      expect(list.map(({ status }) => status)).toEqual(Array.from({ length: HEALTHY }, () => "succeeded"));
    } finally {
      await crowded.stop();
    }
  });
});
