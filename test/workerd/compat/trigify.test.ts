/** The rest of the Trigify face over a whole instance: traces, workflows, and who may ask. */

import { beforeAll, describe, expect, it } from "vitest";
import { keysOf } from "../../support/contract.ts";
import type { Reply, TestWorkspace } from "../api/harness.ts";
import { OPERATOR_TOKEN, TARGET, call, createWorkspace, park } from "../api/harness.ts";
import type { TrigifyClient } from "./trigify.ts";
import { ENRICH, GREET, runId, trigifyClient, wf } from "./trigify.ts";

let workspace: TestWorkspace;
let trigify: TrigifyClient;
beforeAll(async () => {
  workspace = await createWorkspace();
  trigify = trigifyClient(workspace);
});

describe("GET /v1/workflows/:id/executions/:runId", () => {
  it("traces the steps of an execution", async () => {
    const http = { ...ENRICH, output: { email: "$.email" } };
    const jobId = await trigify.createFlow([GREET, http]);
    const id = await trigify.start(jobId);
    await trigify.ended(jobId, 1);
    const reply = await trigify.get(`/v1/workflows/${wf(jobId)}/executions/${runId(id)}`);
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
      expect((await trigify.get(`/v1/workflows/${jobId}/executions/${name}`)).body).toEqual(reply.body);
    }
  });

  it("shows one that runs at this moment", async () => {
    const { jobId, executionId } = await park(workspace, {}, { type: "wait_for_webhook", id: "answer" });
    const { data } = (await trigify.get(`/v1/workflows/${jobId}/executions/${executionId}`)).body;
    expect(data).toMatchObject({ status: "running", ended_at: null, duration_ms: null, error: null });
    expect(data.steps[1]).toMatchObject({ step_id: "answer", status: "running", ended_at: null, output: null });
  });

  it("gives who may only read no link to act by", async () => {
    const links = { url: "{{waits.answer.url}}" };
    const { jobId, executionId } = await park(workspace, links, { type: "wait_for_webhook", id: "answer" });
    const path = `/v1/workflows/${jobId}/executions/${executionId}`;
    const linkIn = async (key: string) => (await trigify.get(path, key)).body.data.steps[0].output.result.url;
    expect(await linkIn(workspace.owner)).toMatch(/\/[0-9a-f]{32}$/);
    expect(await linkIn(workspace.member)).not.toMatch(/[0-9a-f]{32}/);
  });

  it("is 404 for an execution of another workflow, and for an id that is none", async () => {
    const [one, other] = [await trigify.createFlow([GREET]), await trigify.createFlow([GREET])];
    const id = await trigify.start(one);
    expect((await trigify.get(`/v1/workflows/${one}/executions/${id}`)).status).toBe(200);
    for (const path of [`${other}/executions/${id}`, `${one}/executions/run_nope`, `nope/executions/${id}`]) {
      const reply = await trigify.get(`/v1/workflows/${path}`);
      expect(reply).toMatchObject({ status: 404, body: { success: false, error: { code: "NOT_FOUND" } } });
    }
  });
});

describe("GET /v1/workflows", () => {
  it("shows jobs as workflows, page by page, by status, with a total", async () => {
    const own = await createWorkspace("workflows");
    const published = await own.createJob({ name: "published" });
    const draft = await own.createJob({ name: "draft", state: "draft", kind: "cron", schedule: { cron: "0 2 * * *" } });
    const at = async (query: string) => (await trigify.get(`/v1/workflows${query}`, own.owner)).body;
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
    const { body } = await trigify.get(`/v1/workflows/${wf(draft.id)}`, own.owner);
    expect(body).toEqual({
      message: "Workflow retrieved successfully",
      success: true,
      data: drafts.data.items[0],
    });
  });

  it.each(["limit=0", "limit=101", "offset=-1", "status=active"])("refuses %s", async (query) => {
    expect(await trigify.get(`/v1/workflows?${query}`)).toMatchObject({
      status: 400,
      body: { success: false, error: { code: "VALIDATION_ERROR", details: { errors: [expect.any(String)] } } },
    });
  });
});

describe("who may ask", () => {
  let paths: readonly string[];
  beforeAll(async () => {
    const jobId = await trigify.createFlow([GREET]);
    const id = await trigify.start(jobId);
    paths = ["", `/${wf(jobId)}`, `/${wf(jobId)}/executions`, `/${wf(jobId)}/executions/${runId(id)}`].map(
      (path) => `/v1/workflows${path}`,
    );
  });

  it("is whoever has a token of the workspace, by either header", async () => {
    for (const path of paths) {
      expect([path, (await trigify.get(path, workspace.member)).status]).toEqual([path, 200]);
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
      expect(await trigify.get(path, theirs.owner)).toMatchObject({
        status: 404,
        body: { error: { code: "NOT_FOUND" } },
      });
    }
    expect((await trigify.get("/v1/workflows", theirs.owner)).body.data).toMatchObject({ items: [], total: 0 });
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
      expect(await trigify.get(path)).toMatchObject({
        status: 404,
        body: { success: false, error: { code: "NOT_FOUND" } },
      });
    }
    expect((await trigify.get("/v1/workflowsx")).body.error).toMatchObject({ code: "not_found" });
  });
});
