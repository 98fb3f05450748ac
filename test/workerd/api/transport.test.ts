import { exports } from "cloudflare:workers";
import { beforeAll, describe, expect, it } from "vitest";
import type { TestWorkspace } from "./harness.ts";
import { ORIGIN, call, createWorkspace } from "./harness.ts";

let workspace: TestWorkspace;
beforeAll(async () => {
  workspace = await createWorkspace();
});

describe("every answer", () => {
  it.each([
    ["GET", "/healthz", 200],
    ["GET", "/docs", 200],
    ["GET", "/openapi.json", 200],
    ["GET", "/", 302],
    ["GET", "/v1/jobs", 401],
    ["GET", "/nowhere", 404],
    ["PUT", "/v1/jobs", 405],
  ])("%s %s carries a request id", async (method, path, status) => {
    const reply = await call(method, path);
    expect(reply.status).toBe(status);
    expect(reply.headers.get("x-request-id")).toMatch(/^req_[0-9a-z]{26}$/);
  });

  it("echoes a request id that is one", async () => {
    const idOf = async (id: string) =>
      (await call("GET", "/healthz", { headers: { "x-request-id": id } })).headers.get("x-request-id");
    expect(await idOf("trace-1.2:3_x")).toBe("trace-1.2:3_x");
    expect(await idOf("<script>")).toMatch(/^req_/);
    expect(await idOf("x".repeat(129))).toMatch(/^req_/);
  });
});

describe("a route", () => {
  it.each([
    ["PUT", "/v1/jobs", "GET, HEAD, POST"],
    ["POST", "/v1/whoami", "GET, HEAD"],
    ["GET", "/v1/workspaces", "POST"],
    ["DELETE", "/v1/jobs/job_x/pause", "POST"],
    ["OPTIONS", "/v1/executions/exe_x", "GET, HEAD"],
    ["POST", "/healthz", "GET, HEAD"],
  ])("answers %s %s with the methods that it has", async (method, path, allow) => {
    const reply = await call(method, path, { token: workspace.owner });
    expect(reply).toMatchObject({ status: 405, body: { error: { code: "method_not_allowed" } } });
    expect(reply.headers.get("allow")).toBe(allow);
  });

  it.each(["/v2/jobs", "/v1", "/v1/jobs/", "/v1/jobs/a/b/c", "/v1/job"])("is not found at %s", async (path) => {
    expect(await call("GET", path)).toMatchObject({
      status: 404,
      body: { error: { code: "not_found", details: null } },
    });
  });
});

describe("a body that streams without a length", () => {
  it("is cut off at 256 KB", async () => {
    let chunks = 0;
    const body = new ReadableStream<Uint8Array>({
      pull(controller) {
        chunks += 1;
        controller.enqueue(new Uint8Array(16_384).fill(0x20));
        if (chunks > 1_000) controller.close();
      },
    });
    const headers = { authorization: `Bearer ${workspace.owner}` };
    const response = await exports.default.fetch(new Request(`${ORIGIN}/v1/jobs`, { method: "POST", headers, body }));
    expect(response.status).toBe(413);
    expect(await response.json()).toMatchObject({ error: { code: "payload_too_large" } });
    expect(chunks).toBeLessThan(100);
  });
});

describe("the documentation", () => {
  it("is served as OpenAPI 3.1 and as a page", async () => {
    const document = await call("GET", "/openapi.json");
    expect(document.body.openapi).toBe("3.1.0");
    expect(Object.keys(document.body.paths)).toContain("/v1/jobs/{job_id}/run-now");
    const page = await call("GET", "/docs");
    expect(page.headers.get("content-security-policy")).toContain("default-src 'none'");
    expect(page.body).toContain(`curl '${ORIGIN}/v1/jobs?state=active&amp;limit=10'`.replaceAll("'", "&#39;"));
  });
});
