/** The real Trigger.dev client: batches, schedules, wait tokens, queues, and what has no meaning here. */

import { apiClientManager } from "@trigger.dev/core/v3";
import { TriggerClient, auth, batch, configure, envvars, queues, runs, schedules, tasks, wait } from "@trigger.dev/sdk";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import type { TriggerStage } from "../support/triggerStage.ts";
import { startTriggerStage } from "../support/triggerStage.ts";
import { until } from "../support/instance.ts";

let stage: TriggerStage;
beforeAll(async () => {
  stage = await startTriggerStage();
});
afterAll(async () => {
  await stage?.stop();
});

const DEADLINE_MS = 15_000;
const ended = (id: string) => runs.poll(id, { pollIntervalMs: 50 });

describe("tasks.batchTrigger", () => {
  it("starts one run for each item, in their order, with the options of each", async () => {
    const task = await stage.createTask();
    const handle = await tasks.batchTrigger(task.name, [
      { payload: { n: 0 }, options: { tags: ["first"] } },
      { payload: { n: 1 } },
      { payload: { n: 2 }, options: { delay: "1h" } },
    ]);
    expect(handle).toMatchObject({ batchId: expect.stringMatching(/^batch_/), runCount: 3 });
    const started = await batch.retrieve(handle.batchId);
    expect(started).toMatchObject({ id: handle.batchId, status: "PROCESSING", runCount: 3 });
    const [first, second, third] = started.runs;
    expect(await ended(first ?? "")).toMatchObject({
      payload: { n: 0 },
      tags: ["first"],
      batchId: handle.batchId,
      triggerFunction: "batchTrigger",
    });
    expect(await ended(second ?? "")).toMatchObject({ payload: { n: 1 } });
    expect(await runs.retrieve(third ?? "")).toMatchObject({ payload: { n: 2 }, status: "DELAYED" });
    await runs.cancel(third ?? "");
    const isOver = async () => (await batch.retrieve(handle.batchId)).status === "COMPLETED";
    await until(isOver, DEADLINE_MS, "the batch to be over");
    const listed = async () => (await runs.list({ batch: handle.batchId })).data.length === 3;
    await until(listed, DEADLINE_MS, "three runs of the batch to be listed");
  });

  it("hands many items in as one stream, and the same key starts nothing twice", async () => {
    const task = await stage.createTask({ concurrencyLimit: 50 });
    const items = Array.from({ length: 60 }, (_, n) => ({ payload: { n } }));
    const options = { idempotencyKey: `batch-${task.name}` };
    const handle = await tasks.batchTrigger(task.name, items, options);
    expect((await tasks.batchTrigger(task.name, items, options)).batchId).toBe(handle.batchId);
    await until(() => stage.target.arrivalsAt(task.path).length >= 60, DEADLINE_MS, "60 requests");
    const isOver = async () => (await batch.retrieve(handle.batchId)).status === "COMPLETED";
    await until(isOver, DEADLINE_MS, "the batch to be over");
    const numbers = stage.target.arrivalsAt(task.path).map(({ body }) => JSON.parse(body).n as number);
    expect(numbers.toSorted((one, other) => one - other)).toEqual(items.map(({ payload }) => payload.n));
  });

  it("tells which item named no task", async () => {
    const task = await stage.createTask();
    const handle = await batch.trigger([
      { id: task.name, payload: {} },
      { id: "nobody", payload: {} },
    ]);
    const isOver = async () => (await batch.retrieve(handle.batchId)).status === "PARTIAL_FAILED";
    await until(isOver, DEADLINE_MS, "the batch to have failed in part");
    const { processing, runs: started } = await batch.retrieve(handle.batchId);
    expect(started).toHaveLength(1);
    expect(processing.errors).toMatchObject([{ index: 1, taskIdentifier: "nobody" }]);
  });

  it("takes the one call of older clients", async () => {
    const task = await stage.createTask();
    const body = {
      items: [{ task: task.name, payload: '{"json":{"n":1}}', options: { payloadType: "application/super+json" } }],
    };
    const headers = { "trigger-version": "3.3.17" };
    const old = await stage.instance.api("POST", "/api/v1/tasks/batch", body, { headers });
    expect(old).toMatchObject({ status: 200, json: { isCached: false, runs: [{ taskIdentifier: task.name }] } });
    expect(await ended(old.json.runs[0].id)).toMatchObject({ payload: { n: 1 } });
    const newer = await stage.instance.api("POST", "/api/v2/tasks/batch", body, { headers });
    expect(newer).toMatchObject({ status: 202, json: { runCount: 1 } });
  });
});

describe("schedules", () => {
  it("are created, changed by their key, stopped, started and deleted", async () => {
    const task = await stage.createTask();
    const wanted = {
      task: task.name,
      cron: "0 2 * * *",
      timezone: "Europe/London",
      deduplicationKey: `key-${task.name}`,
    };
    const created = await schedules.create({ ...wanted, externalId: "customer-1" });
    expect(created).toMatchObject({
      type: "IMPERATIVE",
      task: task.name,
      active: true,
      externalId: "customer-1",
      deduplicationKey: wanted.deduplicationKey,
      timezone: "Europe/London",
      generator: { type: "CRON", expression: "0 2 * * *" },
    });
    expect(Number(created.nextRun)).toBeGreaterThan(Date.now());
    const again = await schedules.create({ ...wanted, cron: "30 3 * * *" });
    expect(again).toMatchObject({ id: created.id, generator: { expression: "30 3 * * *" } });
    const updated = await schedules.update(created.id, {
      task: task.name,
      cron: "*/5 * * * *",
      externalId: "customer-2",
    });
    expect(updated).toMatchObject({
      id: created.id,
      externalId: "customer-2",
      generator: { expression: "*/5 * * * *" },
    });
    expect(await schedules.deactivate(created.id)).toMatchObject({ active: false });
    expect(await schedules.activate(created.id)).toMatchObject({ active: true });
    expect(await schedules.retrieve(created.id)).toMatchObject({ id: created.id, active: true });
    expect(await schedules.del(created.id)).toEqual({ id: created.id });
    await expect(schedules.retrieve(created.id)).rejects.toMatchObject({ status: 404 });
  });

  it("are listed by pages", async () => {
    const task = await stage.createTask();
    const ids: string[] = [];
    for (let n = 0; n < 3; n++) {
      ids.push(
        (await schedules.create({ task: task.name, cron: "0 0 1 1 *", deduplicationKey: `${task.name}-${n}` })).id,
      );
    }
    const first = await schedules.list({ perPage: 2 });
    expect(first.pagination).toMatchObject({ currentPage: 1 });
    const all: string[] = [];
    for await (const each of schedules.list({ perPage: 2 })) all.push(each.id);
    expect(new Set(all).size).toBe(first.pagination.count);
    for (const id of ids) expect(all).toContain(id);
  });

  it("say what is wrong with them, as what cannot be processed", async () => {
    const task = await stage.createTask();
    const key = { deduplicationKey: "wrong" };
    await expect(schedules.create({ task: task.name, cron: "nonsense", ...key })).rejects.toMatchObject({
      status: 422,
    });
    await expect(schedules.create({ task: "nobody", cron: "0 0 * * *", ...key })).rejects.toMatchObject({
      status: 422,
    });
    const nowhere = { task: task.name, cron: "0 0 * * *", timezone: "Mars/Base", ...key };
    await expect(schedules.create(nowhere)).rejects.toMatchObject({ status: 422 });
    await expect(schedules.retrieve("sched_nothing")).rejects.toMatchObject({ status: 404 });
  });

  it("know the time zones, UTC first, without a token", async () => {
    const { timezones } = await schedules.timezones();
    expect(timezones[0]).toBe("UTC");
    expect(timezones).toContain("Europe/London");
    expect((await schedules.timezones({ excludeUtc: true })).timezones).not.toContain("UTC");
  });
});

describe("wait tokens", () => {
  it("are created once for a key, listed, and completed with data", async () => {
    const created = await wait.createToken({
      timeout: "10m",
      idempotencyKey: "tok",
      idempotencyKeyTTL: "1h",
      tags: ["t1"],
    });
    expect(created).toMatchObject({ id: expect.stringMatching(/^waitpoint_/), isCached: false });
    expect(await wait.createToken({ idempotencyKey: "tok" })).toMatchObject({ id: created.id, isCached: true });
    expect(await wait.retrieveToken(created.id)).toMatchObject({
      status: "WAITING",
      tags: ["t1"],
      idempotencyKey: "tok",
    });
    const found: string[] = [];
    for await (const token of wait.listTokens({ tags: "t1", status: "WAITING", period: "1h", limit: 1 }))
      found.push(token.id);
    expect(found).toEqual([created.id]);
    expect(await wait.completeToken(created.id, { approved: true })).toMatchObject({ success: true });
    expect(await wait.completeToken(created.id, { approved: false })).toMatchObject({ success: true });
    const completed = await wait.retrieveToken<{ approved: boolean }>(created.id);
    expect(completed).toMatchObject({ status: "COMPLETED", output: { approved: true } });
    expect(completed.completedAt).toBeInstanceOf(Date);
    expect((await wait.listTokens({ idempotencyKey: "tok", status: ["COMPLETED"] })).data).toHaveLength(1);
    await expect(wait.retrieveToken("waitpoint_nothing")).rejects.toMatchObject({ status: 404 });
  });

  it("are completed by anybody who has their URL, as often as they like", async () => {
    const { id, url } = await wait.createToken({ timeout: "10m" });
    const post = (address: string, body: string) => fetch(address, { method: "POST", body });
    const wrong = await post(url.replace(/[^/]+$/, "wrong"), "{}");
    expect(wrong.status).toBe(401);
    for (const body of ['{"paid":true}', '{"paid":false}']) {
      const answer = await post(url, body);
      expect([answer.status, await answer.json()]).toEqual([200, { success: true }]);
    }
    expect(await wait.retrieveToken(id)).toMatchObject({ status: "COMPLETED", output: { paid: true } });
    expect((await fetch(url)).status).toBe(405);
    expect((await post(url.replace(id, "waitpoint_nothing"), "{}")).status).toBe(404);
    const other = await wait.createToken();
    await post(other.url, "no JSON at all");
    expect(await wait.retrieveToken(other.id)).toMatchObject({ output: {} });
  });

  it("time out by the clock, with an error that the client understands", async () => {
    const { id } = await wait.createToken({ timeout: "1s" });
    const isOver = async () => (await wait.retrieveToken(id)).status === "TIMED_OUT";
    await until(isOver, DEADLINE_MS, "the token to time out");
    const token = await wait.retrieveToken(id);
    expect(token.error?.message).toMatch(/Nobody completed/);
  });
});

describe("queues", () => {
  it("are jobs: read by id, task and list, held, released, and given another limit", async () => {
    const task = await stage.createTask({ concurrencyLimit: 3 });
    const byTask = { type: "task", name: task.name } as const;
    const queue = await queues.retrieve(byTask);
    expect(queue).toMatchObject({
      name: task.name,
      type: "task",
      paused: false,
      concurrencyLimit: 3,
      running: 0,
      queued: 0,
    });
    expect(await queues.retrieve(queue.id)).toMatchObject({ id: queue.id });
    const all: string[] = [];
    for await (const each of queues.list({ perPage: 5 })) all.push(each.id);
    expect(all).toContain(queue.id);
    expect(await queues.pause(byTask)).toMatchObject({ paused: true });
    const { id } = await tasks.trigger(task.name, {});
    expect(await runs.retrieve(id)).toMatchObject({ status: "QUEUED" });
    expect(await queues.retrieve(byTask)).toMatchObject({ queued: 1 });
    expect(await queues.resume(queue.id)).toMatchObject({ paused: false });
    expect(await ended(id)).toMatchObject({ status: "COMPLETED" });
    expect(await queues.overrideConcurrencyLimit(byTask, 7)).toMatchObject({
      concurrencyLimit: 7,
      concurrency: { current: 7, base: 3, override: 7 },
    });
    expect(await queues.resetConcurrencyLimit(byTask)).toMatchObject({ concurrency: { current: 3, override: null } });
    await expect(queues.retrieve("queue_nothing")).rejects.toMatchObject({ status: 404 });
  });

  it("of a name with a slash are found", async () => {
    await stage.createTask({ name: "reports/daily" });
    expect(await queues.retrieve({ type: "task", name: "reports/daily" })).toMatchObject({ name: "reports/daily" });
  });
});

describe("a client that is configured in another way", () => {
  it("works with a client object, and with a scope", async () => {
    const task = await stage.createTask();
    const { id } = await tasks.trigger(task.name, {});
    const { url, ownerToken } = stage.instance;
    const client = new TriggerClient({ baseURL: `${url}/`, accessToken: ownerToken });
    expect(await client.runs.retrieve(id)).toMatchObject({ id });
    const read = await auth.withAuth({ baseURL: url, accessToken: ownerToken }, () => runs.retrieve(id));
    expect(read).toMatchObject({ id });
    configure({ baseURL: url, accessToken: "car_nothing" });
    try {
      await expect(runs.retrieve(id)).rejects.toMatchObject({ status: 401 });
    } finally {
      configure({ baseURL: url, accessToken: ownerToken });
    }
  });
});

describe("what has no meaning here", () => {
  it("is refused at once, and says why", async () => {
    const fetches = vi.spyOn(globalThis, "fetch");
    const core = apiClientManager.clientOrThrow();
    await expect(core.retrieveRunTrace("run_1")).rejects.toMatchObject({ status: 404, message: /no trace/ });
    await expect(envvars.list("proj_x", "prod")).rejects.toMatchObject({ status: 404 });
    await expect(auth.createPublicToken()).rejects.toMatchObject({ status: 404 });
    await expect(core.createUploadPayloadUrl("file")).rejects.toMatchObject({ status: 404 });
    // One request for each: the client does not try again.
    expect(fetches).toHaveBeenCalledTimes(4);
    fetches.mockRestore();
  });
});
