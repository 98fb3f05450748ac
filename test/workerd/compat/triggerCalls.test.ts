/** Calls of the Trigger.dev face that its client makes rarely, or that older clients make. */

import { env } from "cloudflare:workers";
import { beforeAll, describe, expect, it } from "vitest";
import type { Reply, TestWorkspace } from "../api/harness.ts";
import { createWorkspace, eventually } from "../api/harness.ts";
import { aJob, anExecution } from "../db/builders.ts";
import { storageOn } from "../db/storage.ts";

const CLIENT = { "trigger-version": "4.8.3", "x-trigger-api-version": "2025-07-16" };

let workspace: TestWorkspace;
beforeAll(async () => {
  workspace = await createWorkspace();
});

const ask = (method: string, path: string, body?: unknown, headers: Record<string, string> = {}): Promise<Reply> =>
  workspace.call(method, path, { headers: { ...CLIENT, ...headers }, ...(body === undefined ? {} : { body }) });

/** A task that fails at once. */
const createTask = (name: string, changes: object = {}) =>
  workspace.createJob({ name, state: "draft", retry_policy: { max_attempts: 1 }, ...changes });

describe("POST /api/v1/tasks/:task/trigger", () => {
  it("takes the idempotency key of other clients from the headers", async () => {
    await createTask("by-header");
    const path = "/api/v1/tasks/by-header/trigger";
    const first = await ask("POST", path, {}, { "idempotency-key": "k1" });
    const second = await ask("POST", path, {}, { "idempotency-key": "k1" });
    const other = await ask("POST", path, {}, { "idempotency-key": "k2" });
    expect(first).toMatchObject({ status: 200, body: { isCached: false } });
    expect(second).toMatchObject({ status: 200, body: { id: first.body.id, isCached: true } });
    expect(other.body.id).not.toBe(first.body.id);
  });

  it("starts nothing with labels that cannot be stored", async () => {
    const job = await createTask("labels");
    const path = "/api/v1/tasks/labels/trigger";
    const tags = Array.from({ length: 11 }, (_, n) => `tag-${n}`);
    expect(await ask("POST", path, { options: { tags } })).toMatchObject({ status: 422 });
    expect(await ask("POST", path, { options: { tags: ["x".repeat(129)] } })).toMatchObject({ status: 400 });
    const metadata = { m: "x".repeat(300_000) };
    expect(await ask("POST", path, { options: { metadata } })).toMatchObject({ status: 413 });
    const queue = await ask("GET", `/api/v1/queues/${job.id}?type=id`);
    expect(queue.body).toMatchObject({ running: 0, queued: 0 });
    expect((await ask("GET", "/api/v1/runs?filter[taskIdentifier]=labels")).body.data).toEqual([]);
  });

  it("names the payload that a task's input schema refuses", async () => {
    await workspace.createJob({
      name: "strict",
      kind: "workflow",
      schedule: undefined,
      request: undefined,
      steps: [{ id: "a", type: "transform", value: 1 }],
      input_schema: { type: "object", required: ["order"] },
    });
    const reply = await ask("POST", "/api/v1/tasks/strict/trigger", { payload: {} });
    expect(reply).toMatchObject({ status: 400, body: { code: "invalid_request" } });
    expect(reply.body.error).toMatch(/^payload.*order/);
  });
});

describe("POST /api/v3/batches/:id/items", () => {
  it("says how many items are missing, and takes the same ones again", async () => {
    await createTask("batched");
    const batch = await ask("POST", "/api/v3/batches", { runCount: 2 });
    expect(batch).toMatchObject({ status: 202, body: { runCount: 2, isCached: false } });
    const path = `/api/v3/batches/${batch.body.id}/items`;
    const [one, two] = [0, 1].map((index) => `${JSON.stringify({ index, task: "batched" })}\n`);
    const first = await ask("POST", path, one);
    expect(first).toMatchObject({
      status: 200,
      body: { itemsAccepted: 1, sealed: false, enqueuedCount: 1, expectedCount: 2 },
    });
    const again = await ask("POST", path, `${one}\n${two}`);
    expect(again).toMatchObject({ status: 200, body: { itemsAccepted: 1, itemsDeduplicated: 1, sealed: true } });
    const read = await ask("GET", `/api/v2/batches/${batch.body.id}`);
    expect(new Set(read.body.runs).size).toBe(2);
  });

  it("names the line, or the item and its field, that cannot be read", async () => {
    const batch = await ask("POST", "/api/v3/batches", { runCount: 2 });
    const path = `/api/v3/batches/${batch.body.id}/items`;
    const broken = await ask("POST", path, '{"index":0,"task":"batched"}\n{"index":');
    expect(broken).toMatchObject({ status: 400, body: { issues: [{ path: "line 2" }] } });
    const wrong = await ask("POST", path, '{"index":0,"task":"batched","options":{"delay":"soon"}}');
    expect(wrong).toMatchObject({ status: 400, body: { issues: [{ path: "items[0].options.delay" }] } });
  });
});

describe("a replay", () => {
  it("is of any run, also one that has not ended", async () => {
    await createTask("again");
    const run = await ask("POST", "/api/v1/tasks/again/trigger", { payload: { n: 1 }, options: { delay: "1h" } });
    const replay = await ask("POST", `/api/v1/runs/${run.body.id}/replay`, { delay: "2h", metadata: { second: true } });
    expect(replay.status).toBe(200);
    const read = await ask("GET", `/api/v3/runs/${replay.body.id}`);
    expect(read.body).toMatchObject({ status: "DELAYED", payload: { n: 1 }, metadata: { second: true } });
  });
});

describe("a schedule", () => {
  it("is a job with a cron timing, and one with its own is declared", async () => {
    const task = await createTask("nightly");
    const body = { task: "nightly", cron: "0 2 * * *", deduplicationKey: "n", window: "30m" };
    const schedule = await ask("POST", "/api/v1/schedules", body);
    const jobId = schedule.body.id.replace("sched_", "job_");
    const job = await workspace.call("GET", `/v1/jobs/${jobId}`);
    expect(job.body).toMatchObject({ name: "nightly", kind: "cron", schedule: { cron: "0 2 * * *", timezone: "UTC" } });
    await workspace.call("PATCH", `/v1/jobs/${task.id}`, { body: { name: "weekly" } });
    expect((await ask("GET", `/api/v1/schedules/${schedule.body.id}`)).body).toMatchObject({ task: "weekly" });
    const own = await workspace.createJob({ name: "own", kind: "cron", schedule: { cron: "0 3 * * *" } });
    const list = await ask("GET", "/api/v1/schedules");
    const found = list.body.data.find(({ id }: { id: string }) => id === own.id.replace("job_", "sched_"));
    expect(found).toMatchObject({ type: "DECLARATIVE", task: "own", active: true });
  });
});

describe("a run that a schedule started", () => {
  it("shows its schedule, and is found by it", async () => {
    await createTask("hourly");
    const body = { task: "hourly", cron: "0 * * * *", deduplicationKey: "h", externalId: "customer-1" };
    const schedule = await ask("POST", "/api/v1/schedules", body);
    const id = schedule.body.id.replace("sched_", "job_");
    const job = aJob({ id, workspaceId: workspace.id, name: "hourly" });
    const execution = anExecution(job);
    expect(await storageOn(env.DB).history.record([{ execution, completesJob: false }])).toBe(true);
    const run = await ask("GET", `/api/v3/runs/${execution.id.replace("exe_", "run_")}`);
    expect(run.body).toMatchObject({
      taskIdentifier: "hourly",
      status: "COMPLETED",
      schedule: {
        id: schedule.body.id,
        externalId: "customer-1",
        deduplicationKey: "h",
        generator: { type: "CRON", expression: "0 * * * *" },
      },
    });
    expect(run.body).not.toHaveProperty("delayedUntil");
    for (const filter of [`filter[schedule]=${schedule.body.id}`, "filter[taskIdentifier]=hourly"]) {
      const list = await ask("GET", `/api/v1/runs?${filter}`);
      expect(list.body.data.map((item: { id: string }) => item.id)).toEqual([run.body.id]);
    }
  });
});

describe("GET /v1/executions/:id?view=trigger_dev_run", () => {
  it("shows the run of the older schema, with its labels", async () => {
    await createTask("viewed");
    const options = { tags: ["a"], metadata: { m: 1 }, delay: "1h" };
    const run = await ask("POST", "/api/v1/tasks/viewed/trigger", { payload: { n: 1 }, options });
    const path = `/v1/executions/${run.body.id.replace("run_", "exe_")}`;
    const view = await workspace.call("GET", `${path}?view=trigger_dev_run`);
    expect(view).toMatchObject({
      status: 200,
      body: {
        id: run.body.id,
        status: "DELAYED",
        taskIdentifier: "viewed",
        payload: { n: 1 },
        tags: ["a"],
        metadata: { m: 1 },
        startedAt: null,
        finishedAt: null,
        relatedRuns: {},
        attempts: [],
      },
    });
    expect(await workspace.call("GET", `${path}?view=other`)).toMatchObject({ status: 400 });
    await ask("POST", `/api/v2/runs/${run.body.id}/cancel`);
    const ended = await eventually(
      () => workspace.call("GET", `${path}?view=trigger_dev_run`),
      ({ body }) => body.status === "CANCELLED",
    );
    expect(ended.body.finishedAt).not.toBeNull();
  });
});
