import { beforeAll, describe, expect, it } from "vitest";
import type { Reply } from "../api/harness.ts";
import { TARGET } from "../api/harness.ts";
import type { RunsClient } from "./runsHarness.ts";
import { runsClient } from "./runsHarness.ts";

let client: RunsClient;
beforeAll(async () => {
  client = await runsClient("workflows");
});

const SUM = { id: "sum", type: "transform", config: { action: "transform", sourceData: { n: "{{input.n}}" } } };
const REST = { id: "rest", type: "wait", config: { duration: 3_600_000 } };
const BODY = { name: "invoice", trigger: { type: "api" }, steps: [SUM] };

const create = (changes: object = {}) => client.call("POST", "/workflows", { ...BODY, ...changes });
const fieldsOf = (reply: Reply): string[] => reply.body.error.details.map(({ field }: { field: string }) => field);
const isoTime = expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);

describe("POST /workflows", () => {
  it("creates a draft and shows it", async () => {
    const inputSchema = { type: "object", required: ["n"] };
    const created = await create({ description: "Sums up.", inputSchema });
    expect(created.status).toBe(201);
    expect(created.body).toEqual({
      success: true,
      data: {
        id: expect.stringMatching(/^wf_[0-9a-z]{26}$/),
        name: "invoice",
        description: "Sums up.",
        status: "draft",
        version: 1,
        trigger: { type: "api" },
        createdAt: isoTime,
        updatedAt: isoTime,
        steps: [SUM],
        inputSchema,
      },
    });
    expect((await client.call("GET", `/workflows/${created.body.data.id}`)).body).toEqual(created.body);
  });

  it.each([
    [{ steps: [{ id: "a", type: "code", config: {} }] }, ["steps[0].type"]],
    [{ steps: [{ type: "wait", config: { duration: 1_000 } }] }, ["steps[0].id"]],
    [{ steps: [{ id: "a", type: "api", config: { url: "nowhere" } }] }, ["steps[0].config.url"]],
    [
      { steps: [{ id: "a", type: "transform", config: { sourceData: "{{steps.b.output.x}}" } }] },
      ["steps[0].config.sourceData"],
    ],
    [{ trigger: { type: "schedule", interval: { value: 8, unit: "weeks" } } }, ["trigger.interval"]],
    [{ trigger: { type: "schedule", cron: "61 * * * *" } }, ["trigger.cron"]],
    [{ inputSchema: { type: "nothing" } }, ["inputSchema.type"]],
    [{ settings: {}, outputSchema: {} }, ["outputSchema", "settings"]],
    [{ name: "", steps: undefined }, ["name", "steps"]],
    [{ nmae: "x" }, ["nmae"]],
  ])("refuses %j by name", async (changes, fields) => {
    const reply = await create(changes);
    expect(reply).toMatchObject({ status: 400, body: { success: false, error: { code: "VALIDATION_ERROR" } } });
    expect(fieldsOf(reply).toSorted()).toEqual(fields);
  });
});

describe("GET /workflows", () => {
  it("lists by status and name, a page at a time", async () => {
    const own = await runsClient("list");
    const ids: string[] = [];
    for (const name of ["Invoices", "orders", "invoicing"]) {
      ids.unshift((await own.call("POST", "/workflows", { ...BODY, name })).body.data.id);
    }
    await own.call("POST", `/workflows/${ids[1]}/activate`);
    const list = async (query: string) => {
      const { data, meta } = (await own.call("GET", `/workflows?${query}`)).body;
      return { ids: data.map(({ id }: { id: string }) => id), meta };
    };
    expect((await list("search=INVOIC")).ids).toEqual([ids[0], ids[2]]);
    expect((await list("status=active")).ids).toEqual([ids[1]]);
    expect((await list("status=archived")).ids).toEqual([]);
    const first = await list("limit=2");
    expect(first).toMatchObject({ ids: [ids[0], ids[1]], meta: { hasMore: true } });
    expect(await list(`limit=2&cursor=${first.meta.cursor}`)).toEqual({
      ids: [ids[2]],
      meta: { cursor: null, hasMore: false },
    });
    const [item] = (await own.call("GET", "/workflows")).body.data;
    expect(Object.keys(item)).toEqual([
      "id", "name", "description", "status", "version", "trigger", "createdAt", "updatedAt",
    ]); // prettier-ignore
  });

  it.each(["status=completed", "limit=0", "cursor=x", "name=x"])("refuses ?%s", async (query) => {
    const reply = await client.call("GET", `/workflows?${query}`);
    expect(reply).toMatchObject({ status: 400, body: { error: { code: "VALIDATION_ERROR" } } });
    expect(fieldsOf(reply)).toEqual([query.split("=")[0]]);
  });
});

describe("a workflow that was made elsewhere", () => {
  it("is shown as far as this API can say it, and changed no further", async () => {
    const made = await client.workspace.createJob({
      kind: "workflow",
      schedule: { run_at: "2090-01-01T00:00:00Z" },
      request: undefined,
      steps: [
        { id: "call", type: "http", url: TARGET, headers: { a: "secret://key" } },
        { id: "posted", type: "wait_for_webhook", when: { left: "{{steps.call.output.id}}", operator: "exists" } },
      ],
    });
    const path = `/workflows/${made.id}`;
    const { body } = await client.call("GET", path);
    expect(body.data).toMatchObject({
      id: made.id.replace("job_", "wf_"),
      status: "active",
      trigger: { type: "schedule", runAt: "2090-01-01T00:00:00.000Z" },
      steps: [
        { id: "call", type: "api", config: { url: TARGET, headers: { a: "{{secrets.key}}" }, retries: 2 } },
        { id: "posted", type: "wait_for_webhook", when: { left: "{{steps.call.output.data.id}}", operator: "exists" } },
      ],
    });
    const renamed = await client.call("PUT", path, { ...body.data, name: "renamed" });
    expect(renamed).toMatchObject({
      status: 200,
      body: { data: { name: "renamed", version: 2, steps: body.data.steps } },
    });
    const reply = await client.call("PUT", path, { steps: [SUM] });
    expect(reply).toMatchObject({ status: 400, body: { error: { message: expect.stringContaining("/v1/jobs") } } });
    expect(fieldsOf(reply)).toEqual(["steps"]);
  });

  it("is a plain job's one request, as a step", async () => {
    const made = await client.workspace.createJob({ kind: "recurring", schedule: { every_n_minutes: 60 } });
    expect((await client.call("GET", `/workflows/${made.id}`)).body.data).toMatchObject({
      trigger: { type: "schedule", interval: { value: 1, unit: "hours" } },
      steps: [{ id: "request", type: "api", config: { url: TARGET, method: "GET" } }],
    });
  });
});

describe("PUT /workflows/:id", () => {
  it("replaces what it names, in a new version, and nothing if it is what was read", async () => {
    const { data } = (await create()).body;
    expect((await client.call("PUT", `/workflows/${data.id}`, data)).body.data).toEqual(data);
    const steps = [SUM, { ...REST, config: { duration: 2, unit: "minutes" } }];
    const changed = await client.call("PUT", `/workflows/${data.id}`, { steps, trigger: { type: "webhook" } });
    expect(changed).toMatchObject({
      status: 200,
      body: {
        data: {
          version: 2,
          name: "invoice",
          trigger: { type: "webhook", provider: "custom", url: expect.stringContaining("/v1/triggers/") },
          steps: [SUM, { ...REST, config: { duration: 120_000 } }],
        },
      },
    });
    const native = await client.workspace.call("GET", `/v1/jobs/${data.id.replace("wf_", "job_")}`);
    expect(native.body.steps[0].value).toEqual({ n: "{{trigger.body.n}}" });
  });

  it("shows a webhook's URL to those who may start runs alone", async () => {
    const { data } = (await create({ trigger: { type: "webhook" } })).body;
    const headers = { "x-api-key": client.workspace.member };
    const shown = await client.call("GET", `/workflows/${data.id}`, undefined, { headers });
    expect(shown.body.data.trigger).toEqual({ type: "webhook", provider: "custom" });
    expect(data.trigger.url).toContain("/v1/triggers/");
  });
});

describe("DELETE /workflows/:id", () => {
  it("removes it, and is 404 from then on", async () => {
    const { id } = (await create()).body.data;
    expect((await client.call("DELETE", `/workflows/${id}`)).body).toEqual({
      success: true,
      data: { id, deleted: true },
    });
    const missing = { success: false, error: { code: "NOT_FOUND", message: "Workflow not found" } };
    for (const [method, path] of [
      ["GET", ""],
      ["DELETE", ""],
      ["PUT", ""],
      ["POST", "/run"],
      ["POST", "/pause"],
      ["POST", "/activate"],
    ] as const) {
      const reply = await client.call(method, `/workflows/${id}${path}`, method === "PUT" ? {} : undefined);
      expect([reply.status, reply.body]).toEqual([404, missing]);
    }
  });
});

describe("the states of a workflow", () => {
  it("go from draft to active, to paused, and back", async () => {
    const { id } = (await create()).body.data;
    const post = async (action: string) => {
      const reply = await client.call("POST", `/workflows/${id}/${action}`);
      return [reply.status, reply.body.data?.status ?? reply.body.error.code];
    };
    expect(await post("pause")).toEqual([400, "INVALID_STATE"]);
    expect(await post("run")).toEqual([400, "INVALID_STATE"]);
    expect(await post("activate")).toEqual([200, "active"]);
    expect(await post("activate")).toEqual([200, "active"]);
    expect(await post("pause")).toEqual([200, "paused"]);
    expect(await post("run")).toEqual([400, "INVALID_STATE"]);
    expect(await post("activate")).toEqual([200, "active"]);
  });
});

describe("POST /workflows/:id/run", () => {
  it("starts a run, and says so", async () => {
    const id = await client.workflow([SUM]);
    const started = await client.call("POST", `/workflows/${id}/run`, { input: { n: 1 } });
    expect(started.status).toBe(202);
    expect(started.body).toEqual({
      success: true,
      data: { runId: expect.stringMatching(/^run_/), status: "pending", workflowId: id, workflowVersion: 2 },
    });
    const { body } = await client.runIn(started.body.data.runId, "completed");
    expect(body.data).toMatchObject({ triggerType: "api", input: { n: 1 }, output: { result: { n: 1 } } });
  });

  it("needs no body", async () => {
    expect((await client.call("POST", `/workflows/${await client.workflow([SUM])}/run`)).status).toBe(202);
  });

  it("starts one run for one key, also once that has ended", async () => {
    const id = await client.workflow([SUM]);
    const run = () => client.call("POST", `/workflows/${id}/run`, { idempotencyKey: "order-1", input: { n: 1 } });
    const { runId } = (await run()).body.data;
    await client.runIn(runId, "completed");
    expect((await run()).body.data).toMatchObject({ runId, status: "completed" });
    expect((await client.call("POST", `/workflows/${id}/run`, { idempotencyKey: "order-2" })).body.data.runId).not.toBe(
      runId,
    );
  });

  it("waits for the run where it is asked to, and answers with it", async () => {
    const id = await client.workflow([SUM]);
    const reply = await client.call("POST", `/workflows/${id}/run`, { mode: "sync", input: { n: 2 } });
    expect(reply).toMatchObject({
      status: 200,
      body: { data: { status: "completed", workflowId: id, workflowVersion: 2, output: { result: { n: 2 } } } },
    });
    const { data } = reply.body;
    expect((await client.call("GET", `/runs/${data.runId}`)).body.data).toEqual(
      Object.fromEntries(Object.entries(data).filter(([key]) => key !== "runId" && key !== "workflowVersion")),
    );
  });

  it("answers with where the run is when the time is over", async () => {
    const id = await client.workflow([REST]);
    const reply = await client.call("POST", `/workflows/${id}/run`, { mode: "sync", maxExecutionTimeMs: 300 });
    expect(reply).toMatchObject({ status: 202, body: { data: { status: "suspended", workflowId: id } } });
    expect(Object.keys(reply.body.data)).toEqual(["runId", "status", "workflowId", "workflowVersion"]);
    await client.call("POST", `/runs/${reply.body.data.runId}/cancel`);
  });

  it("hands its input to a workflow that webhooks start as their body", async () => {
    const id = await client.workflow([SUM], { trigger: { type: "webhook" } });
    const reply = await client.call("POST", `/workflows/${id}/run`, { mode: "sync", input: { n: 5 } });
    expect(reply.body.data).toMatchObject({ triggerType: "api", input: { n: 5 }, output: { result: { n: 5 } } });
  });

  it("holds the input against the schema", async () => {
    const id = await client.workflow([SUM], { inputSchema: { type: "object", required: ["n"] } });
    const reply = await client.call("POST", `/workflows/${id}/run`, { input: { m: 1 } });
    expect(reply).toMatchObject({ status: 400, body: { error: { code: "VALIDATION_ERROR" } } });
    expect(fieldsOf(reply)).toEqual(["input.n"]);
  });

  it.each([
    [{ input: [1] }, "input"],
    [{ connectionId: "c" }, "connectionId"],
    [{ mode: "later" }, "mode"],
    [{ maxExecutionTimeMs: 100 }, "maxExecutionTimeMs"],
    [{ mode: "sync", maxExecutionTimeMs: 60_001 }, "maxExecutionTimeMs"],
    [{ idempotencyKey: "" }, "idempotencyKey"],
  ])("refuses %j", async (body, field) => {
    const reply = await client.call("POST", `/workflows/${await client.workflow([SUM])}/run`, body);
    expect(reply).toMatchObject({ status: 400, body: { error: { code: "VALIDATION_ERROR" } } });
    expect(fieldsOf(reply)).toEqual([field]);
  });
});
