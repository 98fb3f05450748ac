/** The Trigify face over a whole instance: every example of the seed, field by field, and what it does not say. */

import { beforeAll, describe, expect, it } from "vitest";
import { departures, keysOf } from "../../support/contract.ts";
import type { Reply, TestWorkspace } from "../api/harness.ts";
import { OPERATOR_TOKEN, TARGET, call, createWorkspace, eventually, park } from "../api/harness.ts";

/** The example of the seed. */
const EXAMPLE = {
  success: true,
  data: {
    executions: [
      {
        run_id: "run_x7k9m2",
        status: "completed",
        started_at: "2026-03-27T10:15:00.000Z",
        completed_at: "2026-03-27T10:15:04.320Z",
        duration: 4320,
        error: null,
      },
      {
        run_id: "run_p3n8q1",
        status: "failed",
        started_at: "2026-03-27T09:00:00.000Z",
        completed_at: "2026-03-27T09:00:02.150Z",
        duration: 2150,
        error: "Step 'Enrich profile' failed: profile not found",
      },
      {
        run_id: "run_a1b2c3",
        status: "running",
        started_at: "2026-03-27T10:30:00.000Z",
        completed_at: null,
        duration: null,
        error: null,
      },
    ],
    pagination: { page: 1, page_size: 20, total_count: 142, total_pages: 8 },
  },
};
const [COMPLETED, FAILED, RUNNING] = EXAMPLE.data.executions;

let workspace: TestWorkspace;
beforeAll(async () => {
  workspace = await createWorkspace();
});

const wf = (jobId: string): string => jobId.replace("job_", "wf_");
const runId = (executionId: string): string => executionId.replace("exe_", "run_");

/** As a client of that API asks: with `x-api-key`. */
const get = (path: string, key = workspace.owner): Promise<Reply> =>
  call("GET", path, { headers: { "x-api-key": key } });

const listOf = (jobId: string, query = ""): Promise<Reply> => get(`/v1/workflows/${wf(jobId)}/executions${query}`);

async function createFlow(steps: readonly object[], changes: object = {}): Promise<string> {
  const flow = { kind: "workflow", schedule: undefined, request: undefined, steps, ...changes };
  return (await workspace.createJob(flow)).id;
}

async function start(jobId: string): Promise<string> {
  return (await workspace.call("POST", `/v1/jobs/${jobId}/run-now`)).body.id;
}

/** The job's list, once all its `count` executions are there and have ended. */
const ended = (jobId: string, count: number): Promise<Reply> =>
  eventually(
    () => listOf(jobId, "?page_size=100"),
    ({ body }) =>
      body.data.executions.length === count &&
      body.data.executions.every(({ status }: { status: string }) => status !== "running"),
  );

const ENRICH = {
  type: "http",
  id: "enrich",
  name: "Enrich profile",
  url: TARGET,
  retry_policy: { max_attempts: 1 },
};
const GREET = { type: "transform", id: "greet", name: "Greet", value: { hello: "{{input.name}}" } };

describe("GET /v1/workflows/:id/executions", () => {
  it("is the seed's example, for an execution of each status", async () => {
    const { jobId, executionId } = await park(workspace, {}, { type: "wait_for_webhook", id: "answer" });
    const running = await eventually(
      () => listOf(jobId),
      ({ body }) => body.data.executions.length === 1,
    );
    expect(running.status).toBe(200);
    expect(running.body.data.executions[0]).toEqual({
      ...RUNNING,
      run_id: runId(executionId),
      started_at: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/),
    });

    const completedId = await createFlow([GREET]);
    await start(completedId);
    const completed = await ended(completedId, 1);
    const failedId = await createFlow([ENRICH]);
    const failedRun = await start(failedId);
    const failed = await ended(failedId, 1);
    for (const [example, reply, status] of [
      [COMPLETED, completed, "completed"],
      [FAILED, failed, "failed"],
    ] as const) {
      const whole = { ...EXAMPLE, data: { ...EXAMPLE.data, executions: [example] } };
      expect(departures(whole, reply.body)).toEqual([]);
      const [shown] = reply.body.data.executions;
      expect([keysOf(reply.body), keysOf(reply.body.data), keysOf(shown)]).toEqual([
        keysOf(EXAMPLE),
        keysOf(EXAMPLE.data),
        keysOf(COMPLETED ?? {}),
      ]);
      expect(shown.status).toBe(status);
      expect(shown.duration).toBe(Date.parse(shown.completed_at) - Date.parse(shown.started_at));
      expect(reply.body.data.pagination).toEqual({ page: 1, page_size: 100, total_count: 1, total_pages: 1 });
    }
    const native = await workspace.call("GET", `/v1/executions/${failedRun}`);
    const { message } = native.body.step_executions[0].error;
    expect(failed.body.data.executions[0]).toMatchObject({
      run_id: runId(failedRun),
      error: `Step 'Enrich profile' failed: ${message}`,
    });
  });

  it("names a step as it was called when it failed", async () => {
    const jobId = await createFlow([ENRICH]);
    await start(jobId);
    await ended(jobId, 1);
    await workspace.call("PATCH", `/v1/jobs/${jobId}`, { body: { steps: [{ ...ENRICH, name: "Look up" }] } });
    await start(jobId);
    await ended(jobId, 2);
    await workspace.call("PATCH", `/v1/jobs/${jobId}`, { body: { steps: [{ ...ENRICH, name: null }] } });
    await start(jobId);
    const { body } = await ended(jobId, 3);
    expect(body.data.executions.map(({ error }: { error: string }) => /'(.*?)'/.exec(error)?.[1])).toEqual([
      "enrich",
      "Look up",
      "Enrich profile",
    ]);
  });

  it("names the one step of a plain job, and none for what was cancelled", async () => {
    const slow = { max_attempts: 2, backoff: { type: "fixed", initial_ms: 86_400_000, max_ms: 86_400_000 } };
    const job = await workspace.createJob({ concurrency_limit: 1, retry_policy: slow });
    const [running, queued] = [await start(job.id), await start(job.id)];
    const both = await eventually(
      () => listOf(job.id),
      ({ body }) => body.data.executions.length === 2,
    );
    expect(both.body.data.executions).toMatchObject([{ status: "running" }, { status: "running" }]);
    for (const id of [queued, running]) await workspace.call("POST", `/v1/executions/${id}/cancel`);
    const cancelled = await ended(job.id, 2);
    for (const shown of cancelled.body.data.executions) {
      expect(shown).toMatchObject({
        status: "failed",
        completed_at: expect.any(String),
        duration: Date.parse(shown.completed_at) - Date.parse(shown.started_at),
        error: "Cancelled by request.",
      });
    }
    const plain = await workspace.createJob({ retry_policy: { max_attempts: 1 } });
    await start(plain.id);
    const { body } = await ended(plain.id, 1);
    expect(body.data.executions[0].error).toMatch(/^Step 'HTTP request' failed: ./);
  });

  it("has exact totals right after many starts, and pages that show each execution once", async () => {
    const jobId = await createFlow([GREET]);
    const ids = await Promise.all(Array.from({ length: 45 }, () => start(jobId)));
    const at = async (query: string) => (await listOf(jobId, query)).body.data;
    expect((await at("?page_size=10")).pagination).toEqual({
      page: 1,
      page_size: 10,
      total_count: 45,
      total_pages: 5,
    });
    await ended(jobId, 45);
    const walked: string[] = [];
    for (const page of [1, 2, 3, 4, 5]) {
      const { executions, pagination } = await at(`?page=${page}&page_size=10`);
      expect(pagination).toEqual({ page, page_size: 10, total_count: 45, total_pages: 5 });
      expect(executions).toHaveLength(page === 5 ? 5 : 10);
      walked.push(...executions.map(({ run_id }: { run_id: string }) => run_id));
    }
    expect(walked.toSorted()).toEqual(ids.map(runId).toSorted());
    expect(walked).toEqual(walked.toSorted().toReversed());
    expect(await at("?page=6&page_size=10")).toEqual({
      executions: [],
      pagination: { page: 6, page_size: 10, total_count: 45, total_pages: 5 },
    });
    expect((await at("")).executions).toHaveLength(20);
    expect((await at("")).pagination).toEqual({ page: 1, page_size: 20, total_count: 45, total_pages: 3 });
  });

  it("is empty for a workflow that never ran", async () => {
    const { id } = await workspace.createJob();
    expect((await listOf(id)).body).toEqual({
      success: true,
      data: { executions: [], pagination: { page: 1, page_size: 20, total_count: 0, total_pages: 0 } },
    });
  });

  it.each([
    ["page=0", ["page must be a whole number from 1 to 1000000000."]],
    ["page=-1", ["page must be a whole number from 1 to 1000000000."]],
    ["page=1.5", ["page must be a whole number from 1 to 1000000000."]],
    ["page=two", ["page must be a whole number from 1 to 1000000000."]],
    ["page_size=0", ["page_size must be a whole number from 1 to 100."]],
    ["page_size=101", ["page_size must be a whole number from 1 to 100."]],
    ["page=&page_size=", [expect.stringContaining("page"), expect.stringContaining("page_size")]],
  ])("refuses %s with what would be accepted", async (query, errors) => {
    const { id } = await workspace.createJob();
    const reply = await listOf(id, `?${query}`);
    expect(reply.status).toBe(400);
    expect(reply.body).toEqual({
      success: false,
      error: { code: "VALIDATION_ERROR", message: expect.any(String), details: { errors }, suggestion: null },
    });
  });

  it("takes the ids of both APIs, with and without their prefix, and parameters that it does not know", async () => {
    const { id } = await workspace.createJob();
    for (const name of [id, wf(id), id.slice("job_".length)]) {
      expect([name, (await get(`/v1/workflows/${name}/executions?expand=all`)).status]).toEqual([name, 200]);
    }
  });
});

describe("GET /v1/workflows/:id/executions/:runId", () => {
  it("traces the steps of an execution", async () => {
    const http = { ...ENRICH, output: { email: "$.email" } };
    const jobId = await createFlow([GREET, http]);
    const id = await start(jobId);
    await ended(jobId, 1);
    const reply = await get(`/v1/workflows/${wf(jobId)}/executions/${runId(id)}`);
    expect(reply.status).toBe(200);
    const { data } = reply.body;
    const { message } = (await workspace.call("GET", `/v1/executions/${id}`)).body.step_executions[1].error;
    expect(reply.body).toEqual({
      success: true,
      data: {
        id: id.replace("exe_", "exec_"),
        run_id: runId(id),
        workflow_id: wf(jobId),
        status: "failed",
        started_at: data.started_at,
        ended_at: data.ended_at,
        duration_ms: Date.parse(data.ended_at) - Date.parse(data.started_at),
        event_name: "workflows/manual",
        created: data.created,
        column_config: [{ id: "enrich.email", stepId: "enrich", fieldPath: "result.email", label: "email" }],
        steps: [
          {
            step_id: "greet",
            step_name: "Greet",
            operation: "builtin:transform",
            status: "completed",
            started_at: expect.any(String),
            ended_at: expect.any(String),
            duration_ms: expect.any(Number),
            input: data.steps[0].input,
            output: { result: { hello: null } },
            error: null,
            iteration: null,
          },
          {
            step_id: "enrich",
            step_name: "Enrich profile",
            operation: "http_request",
            status: "failed",
            started_at: expect.any(String),
            ended_at: expect.any(String),
            duration_ms: expect.any(Number),
            input: expect.objectContaining({ url: TARGET }),
            output: null,
            error: message,
            iteration: null,
          },
        ],
        error: `Step 'Enrich profile' failed: ${message}`,
      },
    });
    for (const name of [id, data.id, id.slice("exe_".length)]) {
      expect((await get(`/v1/workflows/${jobId}/executions/${name}`)).body).toEqual(reply.body);
    }
  });

  it("shows one that runs at this moment", async () => {
    const { jobId, executionId } = await park(workspace, {}, { type: "wait_for_webhook", id: "answer" });
    const { data } = (await get(`/v1/workflows/${jobId}/executions/${executionId}`)).body;
    expect(data).toMatchObject({ status: "running", ended_at: null, duration_ms: null, error: null });
    expect(data.steps[1]).toMatchObject({ step_id: "answer", status: "running", ended_at: null, output: null });
  });

  it("gives who may only read no link to act by", async () => {
    const links = { url: "{{waits.answer.url}}" };
    const { jobId, executionId } = await park(workspace, links, { type: "wait_for_webhook", id: "answer" });
    const path = `/v1/workflows/${jobId}/executions/${executionId}`;
    const linkIn = async (key: string) => (await get(path, key)).body.data.steps[0].output.result.url;
    expect(await linkIn(workspace.owner)).toMatch(/\/[0-9a-f]{32}$/);
    expect(await linkIn(workspace.member)).not.toMatch(/[0-9a-f]{32}/);
  });

  it("is 404 for an execution of another workflow, and for an id that is none", async () => {
    const [one, other] = [await createFlow([GREET]), await createFlow([GREET])];
    const id = await start(one);
    expect((await get(`/v1/workflows/${one}/executions/${id}`)).status).toBe(200);
    for (const path of [`${other}/executions/${id}`, `${one}/executions/run_nope`, `nope/executions/${id}`]) {
      const reply = await get(`/v1/workflows/${path}`);
      expect(reply).toMatchObject({ status: 404, body: { success: false, error: { code: "NOT_FOUND" } } });
    }
  });
});

describe("GET /v1/workflows", () => {
  it("shows jobs as workflows, page by page, by status, with a total", async () => {
    const own = await createWorkspace("workflows");
    const published = await own.createJob({ name: "published" });
    const draft = await own.createJob({ name: "draft", state: "draft", kind: "cron", schedule: { cron: "0 2 * * *" } });
    const at = async (query: string) => (await get(`/v1/workflows${query}`, own.owner)).body;
    const all = await at("");
    expect(all).toEqual({
      message: "Workflows retrieved successfully",
      success: true,
      data: { items: [expect.objectContaining({ name: "draft" }), expect.anything()], has_more: false, total: 2 },
    });
    expect(all.data.items[1]).toEqual({
      id: wf(published.id),
      name: "published",
      description: null,
      workflow: {
        trigger: { kind: "workflows/scheduled-trigger", inputs: { run_at: "2090-01-01T00:00:00.000Z" } },
        actions: [
          {
            id: "request",
            kind: "http_request",
            name: "HTTP request",
            inputs: { url: TARGET, method: "GET", headers: {}, body: null },
          },
        ],
        edges: [{ from: "$source", to: "request" }],
      },
      enabled: true,
      status: "PUBLISHED",
      social_saved_search_id: null,
      created: published["created_at"],
      updated: published["updated_at"],
    });
    const names = (body: Reply["body"]) => body.data.items.map(({ name }: { name: string }) => name);
    const page = await at("?limit=1");
    expect([names(page), page.data.has_more, page.data.total]).toEqual([["draft"], true, 2]);
    expect(names(await at("?limit=1&offset=1"))).toEqual(["published"]);
    const [drafts, others] = [await at("?status=DRAFT"), await at("?status=PUBLISHED")];
    expect([names(drafts), drafts.data.total, drafts.data.items[0].enabled]).toEqual([["draft"], 1, false]);
    expect([names(others), others.data.total]).toEqual([["published"], 1]);
    const { body } = await get(`/v1/workflows/${wf(draft.id)}`, own.owner);
    expect(body).toEqual({
      message: "Workflow retrieved successfully",
      success: true,
      data: drafts.data.items[0],
    });
  });

  it.each(["limit=0", "limit=101", "offset=-1", "status=active"])("refuses %s", async (query) => {
    expect(await get(`/v1/workflows?${query}`)).toMatchObject({
      status: 400,
      body: { success: false, error: { code: "VALIDATION_ERROR", details: { errors: [expect.any(String)] } } },
    });
  });
});

describe("who may ask", () => {
  let paths: readonly string[];
  beforeAll(async () => {
    const jobId = await createFlow([GREET]);
    const id = await start(jobId);
    paths = ["", `/${wf(jobId)}`, `/${wf(jobId)}/executions`, `/${wf(jobId)}/executions/${runId(id)}`].map(
      (path) => `/v1/workflows${path}`,
    );
  });

  it("is whoever has a token of the workspace, by either header", async () => {
    for (const path of paths) {
      expect([path, (await get(path, workspace.member)).status]).toEqual([path, 200]);
      expect([path, (await call("GET", path, { token: workspace.member })).status]).toEqual([path, 200]);
    }
  });

  it.each([
    ["nobody", {}, 401, "AUTH_REQUIRED"],
    ["a token that opens nothing", { "x-api-key": `car_${"a".repeat(40)}` }, 401, "INVALID_API_KEY"],
    ["a text that is no token", { authorization: "Basic abc" }, 401, "INVALID_API_KEY"],
    ["the operator", { "x-api-key": OPERATOR_TOKEN }, 403, "FORBIDDEN"],
  ] as const)("is not %s", async (_, headers, status, code) => {
    for (const path of paths) {
      const reply = await call("GET", path, { headers });
      expect([path, reply.status, reply.body.error.code]).toEqual([path, status, code]);
      expect(keysOf(reply.body.error)).toEqual(["code", "details", "message", "suggestion"]);
    }
  });

  it("is not another workspace", async () => {
    const theirs = await createWorkspace("theirs");
    for (const path of paths.slice(1)) {
      expect(await get(path, theirs.owner)).toMatchObject({ status: 404, body: { error: { code: "NOT_FOUND" } } });
    }
    expect((await get("/v1/workflows", theirs.owner)).body.data).toMatchObject({ items: [], total: 0 });
  });

  it("may only read: other methods are refused in this API's manner, and so are paths that it does not have", async () => {
    for (const path of paths) {
      for (const method of ["POST", "PUT", "PATCH", "DELETE"]) {
        const reply = await call(method, path, { token: workspace.owner, body: {} });
        expect([path, method, reply.status, reply.body.error.code]).toEqual([path, method, 405, "METHOD_NOT_ALLOWED"]);
        expect(reply.headers.get("allow")).toBe("GET, HEAD");
        expect(reply.body.error.suggestion).toContain("/v1/jobs");
      }
    }
    for (const path of [`${paths[1]}/draft`, `${paths[3]}/variables`, "/v1/workflows/a/b/c/d"]) {
      expect(await get(path)).toMatchObject({ status: 404, body: { success: false, error: { code: "NOT_FOUND" } } });
    }
    expect((await get("/v1/workflowsx")).body.error).toMatchObject({ code: "not_found" });
  });
});
