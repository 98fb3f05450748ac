import { beforeAll, describe, expect, it } from "vitest";
import type { Reply, TestWorkspace } from "./harness.ts";
import { LATER, TARGET, createWorkspace, paths } from "./harness.ts";

let workspace: TestWorkspace;
beforeAll(async () => {
  workspace = await createWorkspace();
});

const GOOD = { name: "x", kind: "cron", schedule: { cron: "0 0 * * *" }, request: { url: TARGET } };

async function create(body: unknown): Promise<Reply> {
  return await workspace.call("POST", "/v1/jobs", { body });
}

async function countJobs(): Promise<number> {
  return (await workspace.call("GET", "/v1/jobs?limit=100")).body.data.length;
}

describe("POST /v1/jobs refuses", () => {
  it("everything that is wrong at once, whoever finds it, and writes nothing", async () => {
    const before = await countJobs();
    const reply = await create({
      name: "",
      kind: "cron",
      state: "completed",
      schedule: { cron: "0 0 31 2 *", timezone: "Mars/Base", every_minutes: 5 },
      request: { url: "ftp://example.com", timeout_seconds: 0, headers: { Host: "x", ok: 5 }, mehtod: "GET" },
      retry_policy: { max_attempts: 11, backoff: { type: "list" } },
      concurrency_limit: 101,
      overlap: "skip",
    });
    expect(reply.status).toBe(400);
    expect(reply.body.error.code).toBe("invalid_request");
    expect(paths(reply).toSorted()).toEqual([
      "concurrency_limit",
      "name",
      "overlap",
      "request.headers.Host",
      "request.headers.ok",
      "request.mehtod",
      "request.timeout_seconds",
      "request.url",
      "retry_policy.backoff.list_ms",
      "retry_policy.max_attempts",
      "schedule.cron",
      "schedule.every_minutes",
      "schedule.timezone",
      "state",
    ]);
    expect(await countJobs()).toBe(before);
  });

  it.each([
    [{ ...GOOD, name: undefined }, "name", "name is required: text of 1 to 255 characters."],
    [{ ...GOOD, name: "x".repeat(256) }, "name", "name must be text of 1 to 255 characters."],
    [{ ...GOOD, kind: "weekly" }, "kind", 'kind must be one of "recurring", "cron", "scheduled", "one_time", "work'],
    [{ ...GOOD, request: undefined }, "request", "request is required: an object with a url."],
    [{ ...GOOD, request: {} }, "request.url", "request.url is required: text of 1 to 8192 characters."],
    [{ ...GOOD, request: { url: TARGET, method: "HEAD" } }, "request.method", 'must be one of "GET"'],
    [{ ...GOOD, schedule: { cron: "* * * * * *" } }, "schedule.cron", "seconds and years are not supported"],
    [{ ...GOOD, schedule: { cron: "60 * * * *" } }, "schedule.cron", "minute"],
    [{ ...GOOD, schedule: { ...GOOD.schedule, timezone: "+02:00" } }, "schedule.timezone", "fixed offset"],
    [{ ...GOOD, schedule: undefined }, "schedule.cron", 'is required for kind "cron"'],
    [{ ...GOOD, schedule: { cron: "0 0 * * *", run_at: LATER } }, "schedule.run_at", 'is for kind "scheduled"'],
    [{ ...GOOD, kind: "scheduled", schedule: { run_at: "2020-01-01T00:00:00Z" } }, "schedule.run_at", "in the future"],
    [{ ...GOOD, kind: "scheduled", schedule: { run_at: "2090-01-01 00:00" } }, "schedule.run_at", "ISO 8601"],
    [{ ...GOOD, kind: "scheduled", schedule: { run_at: "2090-02-30T00:00:00Z" } }, "schedule.run_at", "ISO 8601"],
    [{ ...GOOD, kind: "recurring", schedule: { every_n_minutes: 1441 } }, "schedule.every_n_minutes", "1 to 1440"],
    [{ ...GOOD, kind: "recurring", schedule: { every_n_minutes: "5" } }, "schedule.every_n_minutes", "whole number"],
    [{ ...GOOD, concurency_limit: 5 }, "concurency_limit", 'did you mean "concurrency_limit"?'],
    [{ ...GOOD, request: { url: TARGET, timeout: 5 } }, "request.timeout", 'did you mean "timeout_seconds"?'],
    [{ ...GOOD, request: { url: "http://169.254.169.254/" } }, "request.url", "metadata"],
    [{ ...GOOD, request: { url: "https://carillon.test/v1/jobs" } }, "request.url", "this Carillon instance itself"],
    [{ ...GOOD, request: { url: TARGET, body: "{{nope}}", method: "POST" } }, "request.body", "unknown variable"],
    [
      { ...GOOD, request: { url: TARGET, headers: { "X-A": "secret://BAD" } } },
      'request.headers["X-A"]',
      "names no secret",
    ],
    [
      { ...GOOD, request: { url: TARGET, assertions: [{ source: "json", path: "a[", operator: "exists" }] } },
      "request.assertions[0].path",
      "",
    ],
    [
      { ...GOOD, request: { url: TARGET, response_matcher: { mode: "magic" } } },
      "request.response_matcher.mode",
      "one of",
    ],
    [
      { ...GOOD, request: { url: TARGET, response_matcher: { mode: "regex", pattern: "(" } } },
      "request.response_matcher.pattern",
      "",
    ],
  ])("%#: %j at %s", async (body, path, message) => {
    const reply = await create(body);
    expect(reply.status).toBe(400);
    expect(reply.body.error.details).toEqual([{ path, message: expect.stringContaining(message) }]);
  });

  it.each([["[]"], ['"text"'], ["null"], ["3"]])("the body %s, which is no object", async (body) => {
    const reply = await create(body);
    expect(reply).toMatchObject({ status: 400, body: { error: { message: "The body must be a JSON object." } } });
  });

  it.each([
    ["", "The body is empty"],
    ['{"name": "x",}', "position 13 (line 1, column 14)"],
    ["nope", "position 0"],
    ["[".repeat(1_000), "levels of nesting"],
    ['{"__proto__": {"name": "x"}}', "__proto__"],
  ])("malformed JSON: %j", async (body, message) => {
    const reply = await create(body);
    expect(reply).toMatchObject({ status: 400, body: { error: { code: "malformed_json" } } });
    expect(reply.body.error.message).toContain(message);
  });

  it("a body over 256 KB", async () => {
    const reply = await create({ ...GOOD, request: { url: TARGET, method: "POST", body: "x".repeat(256 * 1024) } });
    expect(reply).toMatchObject({ status: 413, body: { error: { code: "payload_too_large" } } });
  });

  it("an idempotency key with another body, and one that is no key", async () => {
    const headers = { "idempotency-key": "reused" };
    const { body: job } = await workspace.call("POST", "/v1/jobs", { headers, body: GOOD });
    const reply = await workspace.call("POST", "/v1/jobs", { headers, body: { ...GOOD, name: "y" } });
    expect(reply).toMatchObject({
      status: 409,
      body: { error: { code: "idempotency_key_reused", details: { job_id: job.id } } },
    });
    const bad = await workspace.call("POST", "/v1/jobs", { headers: { "idempotency-key": "a b" }, body: GOOD });
    expect(bad.status).toBe(400);
    expect(paths(bad)).toEqual(["Idempotency-Key"]);
  });
});

describe("PATCH /v1/jobs/:id refuses", () => {
  it("what the whole would not allow, and changes nothing", async () => {
    const job = await workspace.createJob({ request: { url: TARGET, method: "POST", body: { a: 1 } } });
    const body = { name: "new", request: { method: "GET", timeout_seconds: 301 }, schedule: { cron: "0 0 * * *" } };
    const reply = await workspace.call("PATCH", `/v1/jobs/${job.id}`, { body });
    expect(reply.status).toBe(400);
    expect(paths(reply).toSorted()).toEqual(["request.body", "request.timeout_seconds", "schedule.cron"]);
    expect((await workspace.call("GET", `/v1/jobs/${job.id}`)).body).toMatchObject({ name: "job", version: 1 });
  });

  it("null for what has no default", async () => {
    const job = await workspace.createJob();
    const body = { name: null, kind: null, state: null, request: { url: null } };
    const reply = await workspace.call("PATCH", `/v1/jobs/${job.id}`, { body });
    expect(paths(reply)).toEqual(["name", "kind", "state", "request.url"]);
  });

  it("read-only fields by name", async () => {
    const job = await workspace.createJob();
    const body = { id: "x", version: 5, next_run_at: LATER };
    const reply = await workspace.call("PATCH", `/v1/jobs/${job.id}`, { body });
    expect(paths(reply)).toEqual(["id", "version", "next_run_at"]);
  });
});

describe("transitions that lead nowhere", () => {
  it("say what would", async () => {
    const draft = await workspace.createJob({ state: "draft" });
    const paused = await workspace.createJob({ state: "paused" });
    const post = async (id: string, action: string) => await workspace.call("POST", `/v1/jobs/${id}/${action}`);
    expect(await post(draft.id, "pause")).toMatchObject({ status: 409, body: { error: { code: "invalid_state" } } });
    expect((await post(draft.id, "resume")).body.error.message).toContain("activate it instead");
    expect((await post(paused.id, "activate")).body.error.message).toContain("resume it instead");
  });

  it("take an empty body or {} and nothing else", async () => {
    const job = await workspace.createJob();
    const post = async (body?: unknown) => (await workspace.call("POST", `/v1/jobs/${job.id}/pause`, { body })).status;
    expect([await post(), await post({}), await post(""), await post({ reason: "x" }), await post("[]")]).toEqual([
      200, 200, 200, 400, 400,
    ]);
  });
});

describe("GET refuses", () => {
  it.each([
    ["/v1/jobs?limit=0", "limit"],
    ["/v1/jobs?limit=101", "limit"],
    ["/v1/jobs?offset=10001", "offset"],
    ["/v1/jobs?offset=-1", "offset"],
    ["/v1/jobs?state=running", "state"],
    ["/v1/jobs?kind=weekly", "kind"],
    ["/v1/jobs?cursor=bm9wZQ", "cursor"],
    ["/v1/jobs?page=2", "page"],
    ["/v1/executions?status=done", "status"],
    ["/v1/executions?source=cron", "source"],
    ["/v1/executions?from=yesterday", "from"],
    ["/v1/executions?from=2030-01-02T00:00:00Z&to=2030-01-01T00:00:00Z", "from"],
    ["/v1/executions?sort=name", "sort"],
    ["/v1/executions?order=up", "order"],
    ["/v1/executions?limit=1&limit=2", "limit"],
    ["/v1/executions?cursor=nope", "cursor"],
    ["/v1/tokens?cursor=x", "cursor"],
  ])("%s by the parameter's name", async (path, parameter) => {
    const reply = await workspace.call("GET", path);
    expect(reply).toMatchObject({ status: 400, body: { error: { code: "invalid_request" } } });
    expect(paths(reply)).toEqual([parameter]);
  });

  it.each([["0"], ["101"], ["x"]])("count=%s of upcoming times", async (count) => {
    const job = await workspace.createJob();
    expect(paths(await workspace.call("GET", `/v1/jobs/${job.id}/upcoming?count=${count}`))).toEqual(["count"]);
  });
});

describe("POST /v1/schedules/preview refuses", () => {
  it.each([
    [{ schedule: { cron: "99 * * * *" } }, ["schedule.cron"]],
    [{ schedule: {} }, ["schedule"]],
    [{}, ["schedule"]],
    [{ kind: "recurring" }, ["schedule.every_n_minutes"]],
    [{ schedule: { cron: "0 0 * * *", timezone: "Nowhere" }, count: 0 }, ["count", "schedule.timezone"]],
    [{ cron: "0 0 * * *" }, ["cron", "schedule"]],
  ])("%j", async (body, expected) => {
    const reply = await workspace.call("POST", "/v1/schedules/preview", { body });
    expect(reply.status).toBe(400);
    expect(paths(reply).toSorted()).toEqual(expected);
  });
});
