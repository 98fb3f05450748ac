import { beforeAll, describe, expect, it } from "vitest";
import type { TestWorkspace } from "./harness.ts";
import { TARGET, createWorkspace, eventually, paths } from "./harness.ts";

let workspace: TestWorkspace;
beforeAll(async () => {
  workspace = await createWorkspace("workflows");
});

const TRANSFORM = { type: "transform", id: "sum", value: { total: "{{input.total}}" } };
const HTTP = { type: "http", id: "call", url: TARGET };

/** A workflow that runs only when it is told to. */
async function createWorkflow(changes: Readonly<Record<string, unknown>> = {}) {
  return await workspace.createJob({
    kind: "workflow",
    schedule: undefined,
    request: undefined,
    steps: [TRANSFORM],
    ...changes,
  });
}

async function refusal(changes: Readonly<Record<string, unknown>>) {
  const body = { name: "x", kind: "workflow", steps: [TRANSFORM], ...changes };
  const reply = await workspace.call("POST", "/v1/jobs", { body });
  expect(reply.status).toBe(400);
  return reply;
}

describe("a job with steps", () => {
  it("is shown as it was saved, with its defaults, and makes the same job again", async () => {
    const steps = [
      { ...HTTP, method: "POST", body: { a: "{{input.a}}" }, extract: { id: "$.id" }, timeout_seconds: 5 },
      {
        type: "condition",
        id: "branch",
        if: {
          all: [
            { left: "{{steps.call.output}}", operator: "exists" },
            { left: 1, operator: "lt", right: 2 },
          ],
        },
        then: [{ type: "approval", id: "ok", message: "Go?" }],
      },
      { type: "for_each", id: "loop", items: [1, 2], steps: [{ type: "wait", id: "pause", duration_seconds: 1 }] },
    ];
    const job = await createWorkflow({ steps, env: { base: "x" }, response_output_template: "{{context.id}}" });
    expect(job).toMatchObject({
      kind: "workflow",
      schedule: {},
      next_run_at: null,
      concurrency_limit: 10,
      env: { base: "x" },
      input_schema: null,
      response_output_template: "{{context.id}}",
      steps: [
        { id: "call", method: "POST", timeout_seconds: 5, retry_policy: { max_attempts: 3 }, extract: { id: "$.id" } },
        { id: "branch", then: [{ id: "ok", timeout_seconds: 86_400, on_timeout: "reject" }], else: [] },
        { id: "loop", items: [1, 2], mode: "all", max_concurrency: 10, steps: [{ id: "pause", duration_seconds: 1 }] },
      ],
    });
    expect(job).not.toHaveProperty("request");
    expect(job).not.toHaveProperty("retry_policy");
    const again = await createWorkflow({ steps: job.steps });
    expect(again.steps).toEqual(job.steps);
  });

  it.each([
    [{ every_n_minutes: 60 }, true],
    [{ cron: "0 2 * * *", timezone: "Europe/Berlin" }, true],
    [{ run_at: "2090-01-01T00:00:00.000Z" }, true],
    [undefined, false],
  ])("may be due by %j", async (schedule, isDue) => {
    const job = await createWorkflow({ schedule });
    expect(job.next_run_at !== null).toBe(isDue);
  });

  it("has its steps replaced as a whole by a PATCH, and keeps them otherwise", async () => {
    const job = await createWorkflow({ env: { a: 1 } });
    const named = await workspace.call("PATCH", `/v1/jobs/${job.id}`, { body: { name: "renamed" } });
    expect(named.body).toMatchObject({ name: "renamed", steps: job.steps, env: { a: 1 }, version: 2 });
    const steps = [{ type: "transform", id: "other", value: 1 }];
    const patched = await workspace.call("PATCH", `/v1/jobs/${job.id}`, { body: { steps, env: null } });
    expect(patched.body).toMatchObject({ steps, env: {}, version: 3 });
    expect(patched.body.steps).toHaveLength(1);
  });

  it("becomes a plain job and back, leaving nothing of the other kind behind", async () => {
    const job = await createWorkflow({ env: { a: 1 }, input_schema: { type: "object" } });
    const url = `/v1/jobs/${job.id}`;
    const refused = await workspace.call("PATCH", url, { body: { kind: "cron", schedule: { cron: "0 0 * * *" } } });
    expect(paths(refused)).toEqual(["request"]);
    const plain = await workspace.call("PATCH", url, {
      body: { kind: "cron", schedule: { cron: "0 0 * * *" }, request: { url: TARGET } },
    });
    expect(plain.body).toMatchObject({ kind: "cron", request: { url: TARGET } });
    expect(plain.body).not.toHaveProperty("steps");
    const stepped = await workspace.call("PATCH", url, {
      body: { kind: "workflow", schedule: null, steps: [TRANSFORM] },
    });
    expect(stepped.body).toMatchObject({ kind: "workflow", env: {}, input_schema: null });
    expect(stepped.body).not.toHaveProperty("request");
  });
});

describe("a job with steps is refused", () => {
  it.each([
    [{ request: { url: TARGET } }, ["request"]],
    [{ retry_policy: { max_attempts: 2 } }, ["retry_policy"]],
    [{ steps: undefined }, ["steps"]],
    [{ steps: [] }, ["steps"]],
    [{ schedule: { cron: "0 0 * * *", every_n_minutes: 5 } }, ["schedule"]],
    [{ kind: "webhook_trigger", schedule: { every_n_minutes: 5 } }, ["schedule.every_n_minutes"]],
    [{ kind: "cron", schedule: { cron: "0 0 * * *" }, request: { url: TARGET } }, ["steps"]],
    [{ input_schema: { type: "none" } }, ["input_schema.type"]],
    [{ input_schema: { $ref: "https://example.com/x" } }, ["input_schema.$ref"]],
    [{ steps: [{ ...HTTP, url: "ftp://a" }] }, ["steps[0].url"]],
    [{ steps: [{ ...HTTP, timeout_seconds: 301 }] }, ["steps[0].timeout_seconds"]],
    [{ steps: [{ ...HTTP, headers: { Host: "x" } }] }, ["steps[0].headers.Host"]],
    [{ steps: [{ ...HTTP, assertions: [{ source: "status", operator: "eq" }] }] }, ["steps[0].assertions[0].value"]],
    [{ steps: [{ ...HTTP, colour: "red" }] }, ["steps[0].colour"]],
    [{ steps: [TRANSFORM, { ...TRANSFORM }] }, ["steps[1].id"]],
    [{ steps: [{ ...TRANSFORM, value: "{{steps.later.output}}" }] }, ["steps[0].value"]],
    [{ steps: [{ type: "wait", id: "w" }] }, ["steps[0]"]],
    [
      {
        steps: [
          { type: "condition", id: "c", if: { left: 1, operator: "eq", right: 1 }, then: [{ ...HTTP, url: "x" }] },
        ],
      },
      ["steps[0].then[0].url"],
    ],
    [
      { steps: [{ type: "parallel", id: "p", branches: [[TRANSFORM], [{ type: "http", id: "b" }]] }] },
      ["steps[0].branches[1][0].url"],
    ],
  ])("for %j", async (changes, expected) => {
    expect(paths(await refusal(changes))).toEqual(expected);
  });

  it("for steps that a plain job is given by a PATCH", async () => {
    const job = await workspace.createJob();
    const reply = await workspace.call("PATCH", `/v1/jobs/${job.id}`, { body: { steps: [TRANSFORM] } });
    expect(paths(reply)).toEqual(["steps"]);
  });

  it("for everything at once", async () => {
    const reply = await refusal({
      steps: [{ ...HTTP, url: "x" }],
      input_schema: 5,
      request: { url: TARGET },
      concurrency_limit: 0,
    });
    expect(paths(reply).toSorted()).toEqual(["concurrency_limit", "input_schema", "request", "steps[0].url"]);
  });
});

describe("POST /v1/jobs/:id/run-now", () => {
  it("gives steps the input", async () => {
    const job = await createWorkflow({ response_output_template: "{{steps.sum.output.total}}" });
    const started = await workspace.call("POST", `/v1/jobs/${job.id}/run-now`, { body: { input: { total: 5 } } });
    expect(started.status).toBe(202);
    const ended = await eventually(
      () => workspace.call("GET", `/v1/executions/${started.body.id}`),
      (reply) => reply.body.status === "succeeded",
    );
    expect(ended.body).toMatchObject({ input: { total: 5 }, final_output: 5 });
  });

  it("refuses an input that does not fit the schema", async () => {
    const schema = { type: "object", required: ["total"], properties: { total: { type: "number", minimum: 1 } } };
    const job = await createWorkflow({ input_schema: schema });
    const run = (input: unknown) => workspace.call("POST", `/v1/jobs/${job.id}/run-now`, { body: { input } });
    expect((await run({ total: 1 })).status).toBe(202);
    expect(paths(await run({}))).toEqual(["input.total"]);
    expect(paths(await run({ total: 0 }))).toEqual(["input.total"]);
    expect(paths(await run([]))).toEqual(["input"]);
  });
});

describe("POST /v1/jobs/:id/test", () => {
  it("is for plain jobs", async () => {
    const job = await createWorkflow();
    const reply = await workspace.call("POST", `/v1/jobs/${job.id}/test`);
    expect([reply.status, reply.body.error.code]).toEqual([409, "invalid_state"]);
  });
});

describe("GET /v1/jobs/:id/versions", () => {
  it("has every version as it was saved, newest first, page by page", async () => {
    const job = await createWorkflow();
    const url = `/v1/jobs/${job.id}`;
    await workspace.call("PATCH", url, { body: { name: "second", steps: [{ ...TRANSFORM, value: 2 }] } });
    await workspace.call("POST", `${url}/pause`);
    const all = await workspace.call("GET", `${url}/versions`);
    expect(all.body.data).toMatchObject([
      { version: 3, name: "second", state: "paused", steps: [{ value: 2 }] },
      { version: 2, name: "second", state: "active", steps: [{ value: 2 }] },
      { version: 1, name: "job", state: "active", kind: "workflow", job_id: job.id, steps: job.steps },
    ]);
    const first = await workspace.call("GET", `${url}/versions?limit=2`);
    expect(first.body.pagination).toMatchObject({ has_more: true });
    const cursor = encodeURIComponent(first.body.pagination.next_cursor);
    const rest = await workspace.call("GET", `${url}/versions?limit=2&cursor=${cursor}`);
    expect(rest.body.data.map((each: { version: number }) => each.version)).toEqual([1]);
    expect((await workspace.call("GET", `${url}/versions/2`)).body).toEqual(all.body.data[1]);
    for (const none of ["0", "4", "01", "x"]) {
      expect((await workspace.call("GET", `${url}/versions/${none}`)).status).toBe(404);
    }
    expect(paths(await workspace.call("GET", `${url}/versions?cursor=x`))).toEqual(["cursor"]);
  });

  it("is for the job's own workspace, while the job is there", async () => {
    const job = await workspace.createJob();
    const other = await createWorkspace("others");
    expect((await other.call("GET", `/v1/jobs/${job.id}/versions`)).status).toBe(404);
    expect((await other.call("GET", `/v1/jobs/${job.id}/versions/1`)).status).toBe(404);
    expect((await workspace.call("GET", `/v1/jobs/${job.id}/versions/1`)).body).toMatchObject({ version: 1 });
    await workspace.call("DELETE", `/v1/jobs/${job.id}`);
    expect((await workspace.call("GET", `/v1/jobs/${job.id}/versions`)).status).toBe(404);
  });
});
