import { beforeAll, describe, expect, it } from "vitest";
import type { TestWorkspace } from "./harness.ts";
import { LATER, TARGET, createWorkspace } from "./harness.ts";

let workspace: TestWorkspace;
beforeAll(async () => {
  workspace = await createWorkspace();
});

describe("POST /v1/jobs", () => {
  it("creates a cron job with the seed's defaults", async () => {
    const created = await workspace.call("POST", "/v1/jobs", {
      body: { name: "nightly", kind: "cron", schedule: { cron: "0 2 * * *" }, request: { url: TARGET } },
    });
    expect(created.status).toBe(201);
    expect(created.headers.get("location")).toBe(`/v1/jobs/${created.body.id}`);
    expect(created.body).toMatchObject({
      name: "nightly",
      kind: "cron",
      state: "active",
      schedule: { cron: "0 2 * * *", timezone: "UTC", dst: { gap: "run", repeat: "once" } },
      request: {
        url: TARGET,
        method: "GET",
        headers: {},
        body: null,
        timeout_seconds: 30,
        success_statuses: [200, 201, 202, 204],
        response_matcher: null,
        assertions: [],
        output: {},
      },
      retry_policy: { max_attempts: 3, retry_on_statuses: [429, 500, 502, 503, 504], max_duration_seconds: null },
      concurrency_limit: 1,
      overlap_policy: "queue",
      misfire_policy: "fire_once",
      last_execution: null,
      version: 1,
    });
    expect(created.body.next_run_at).toMatch(/T02:00:00\.000Z$/);
    expect(await workspace.call("GET", `/v1/jobs/${created.body.id}`)).toMatchObject({
      status: 200,
      body: created.body,
    });
  });

  it("keeps whatever a request can say", async () => {
    const request = {
      url: `${TARGET}{{execution_id}}?key=secret://api-key`,
      method: "POST",
      headers: { Authorization: "Bearer secret://api-key", "X-At": "{{timestamp}}" },
      body: { deep: [1, "{{uuid}}", null, { a: true }] },
      timeout_seconds: 300,
      success_statuses: [200],
      response_matcher: { mode: "contains", value: "ok", case_sensitive: false },
      assertions: [{ source: "json", path: "$.items[0].id", operator: "eq", value: 5 }],
      output: { id: "$.id" },
    };
    const retryPolicy = {
      max_attempts: 10,
      retry_on_statuses: [500],
      retry_on_mismatch: true,
      backoff: { type: "list", initial_ms: 500, factor: 2, max_ms: 900_000, jitter: false, list_ms: [100, 200] },
      max_duration_seconds: 60,
    };
    const job = await workspace.createJob({ request, retry_policy: retryPolicy });
    const read = await workspace.call("GET", `/v1/jobs/${job.id}`);
    expect(read.body.request).toEqual(request);
    expect(read.body.retry_policy).toEqual(retryPolicy);
  });

  it.each([
    ["recurring", { every_n_minutes: 1440 }, 1],
    ["scheduled", { run_at: "2090-01-01T02:00:00+02:00" }, 10],
  ])("creates a job of kind %s", async (kind, schedule, limit) => {
    const job = await workspace.createJob({ kind, schedule });
    expect(job).toMatchObject({ kind, concurrency_limit: limit });
    if (kind === "scheduled") expect(job.next_run_at).toBe(LATER);
    else expect(job.next_run_at).toBe(new Date(Date.parse(String(job.created_at)) + 1440 * 60_000).toISOString());
  });

  it("creates a draft that is not due", async () => {
    const job = await workspace.createJob({ kind: "one_time", schedule: undefined, state: "draft" });
    expect(job).toMatchObject({ kind: "one_time", state: "draft", schedule: {}, next_run_at: null });
  });

  it("answers the same Idempotency-Key with the same job", async () => {
    const headers = { "idempotency-key": "key-1" };
    const body = { name: "once", kind: "cron", schedule: { cron: "0 0 * * *" }, request: { url: TARGET } };
    const first = await workspace.call("POST", "/v1/jobs", { headers, body });
    const reordered = { request: { url: TARGET }, schedule: { cron: "0 0 * * *" }, kind: "cron", name: "once" };
    const second = await workspace.call("POST", "/v1/jobs", { headers, body: reordered });
    expect([first.status, second.status]).toEqual([201, 200]);
    expect(second.body.id).toBe(first.body.id);
  });

  it("creates one job of many first requests at once", async () => {
    const body = { name: "race", kind: "cron", schedule: { cron: "0 0 * * *" }, request: { url: TARGET } };
    const send = () => workspace.call("POST", "/v1/jobs", { headers: { "idempotency-key": "race" }, body });
    const replies = await Promise.all(Array.from({ length: 8 }, send));
    expect(new Set(replies.map((reply) => reply.body.id)).size).toBe(1);
    expect(replies.map((reply) => reply.status).toSorted()).toEqual([200, 200, 200, 200, 200, 200, 200, 201]);
  });

  it("reads JSON whatever the content type says", async () => {
    const body = JSON.stringify({ name: "x", kind: "cron", schedule: { cron: "0 0 * * *" }, request: { url: TARGET } });
    const headers = { "content-type": "application/x-www-form-urlencoded" };
    expect((await workspace.call("POST", "/v1/jobs", { headers, body })).status).toBe(201);
  });
});

describe("GET /v1/jobs", () => {
  it("filters, pages by offset and by cursor, newest first", async () => {
    const own = await createWorkspace("lists");
    const names = ["alpha one", "beta", "ALPHA two"];
    for (const name of names) await own.createJob({ name });
    await own.createJob({ name: "draft", state: "draft", kind: "cron", schedule: { cron: "0 0 * * *" } });
    const namesOf = async (query: string) =>
      (await own.call("GET", `/v1/jobs${query}`)).body.data.map((job: { name: string }) => job.name);
    expect(await namesOf("")).toEqual(["draft", "ALPHA two", "beta", "alpha one"]);
    expect(await namesOf("?name=alpha")).toEqual(["ALPHA two", "alpha one"]);
    expect(await namesOf("?state=draft&kind=cron")).toEqual(["draft"]);
    expect(await namesOf("?limit=1&offset=2")).toEqual(["beta"]);
    const first = await own.call("GET", "/v1/jobs?limit=3");
    expect(first.body.pagination).toMatchObject({ limit: 3, offset: 0, has_more: true });
    const cursor = encodeURIComponent(first.body.pagination.next_cursor);
    const second = await own.call("GET", `/v1/jobs?limit=3&cursor=${cursor}`);
    expect(second.body.data.map((job: { name: string }) => job.name)).toEqual(["alpha one"]);
    expect(second.body.pagination).toMatchObject({ has_more: false, next_cursor: null });
  });
});

describe("PATCH /v1/jobs/:id", () => {
  it("changes only what it names and raises the version", async () => {
    const job = await workspace.createJob({ kind: "cron", schedule: { cron: "0 2 * * *", timezone: "Asia/Tokyo" } });
    const patched = await workspace.call("PATCH", `/v1/jobs/${job.id}`, {
      body: { name: "renamed", schedule: { cron: "0 3 * * *" }, request: { timeout_seconds: 5 } },
    });
    expect(patched.status).toBe(200);
    expect(patched.body).toMatchObject({
      name: "renamed",
      version: 2,
      schedule: { cron: "0 3 * * *", timezone: "Asia/Tokyo" },
      request: { url: TARGET, timeout_seconds: 5 },
      next_run_at: expect.stringMatching(/T18:00:00\.000Z$/),
    });
  });

  it("changes the kind with its schedule", async () => {
    const job = await workspace.createJob();
    const body = { kind: "recurring", schedule: { every_n_minutes: 5 } };
    const patched = await workspace.call("PATCH", `/v1/jobs/${job.id}`, { body });
    expect(patched.body).toMatchObject({ kind: "recurring", schedule: { every_n_minutes: 5 }, concurrency_limit: 10 });
  });

  it("leaves the job as it is when nothing is named", async () => {
    const job = await workspace.createJob();
    expect((await workspace.call("PATCH", `/v1/jobs/${job.id}`, { body: {} })).body.version).toBe(1);
  });

  it("loses none of many edits at once", async () => {
    const job = await workspace.createJob();
    const edit = (name: string) =>
      workspace.call("PATCH", `/v1/jobs/${job.id}`, { body: { request: { headers: { [name]: "1" } } } });
    const replies = await Promise.all([edit("A"), edit("B"), edit("C")]);
    expect(replies.map((reply) => reply.status)).toEqual([200, 200, 200]);
    expect((await workspace.call("GET", `/v1/jobs/${job.id}`)).body.version).toBe(4);
  });
});

describe("pause, resume, activate", () => {
  it("takes a job through its states", async () => {
    const job = await workspace.createJob({ state: "draft" });
    const post = async (action: string) => (await workspace.call("POST", `/v1/jobs/${job.id}/${action}`)).body;
    expect(await post("activate")).toMatchObject({ state: "active", version: 2, next_run_at: LATER });
    expect(await post("activate")).toMatchObject({ state: "active", version: 2 });
    expect(await post("pause")).toMatchObject({ state: "paused", version: 3, next_run_at: null });
    expect(await post("pause")).toMatchObject({ state: "paused", version: 3 });
    expect(await post("resume")).toMatchObject({ state: "active", version: 4, next_run_at: LATER });
  });
});

describe("GET /v1/jobs/:id/upcoming", () => {
  it("lists the next times and says them in words", async () => {
    const job = await workspace.createJob({ kind: "cron", schedule: { cron: "0 2 * * *" } });
    const upcoming = await workspace.call("GET", `/v1/jobs/${job.id}/upcoming?count=3`);
    expect(upcoming.body).toMatchObject({ kind: "cron", description: "At 02:00, UTC" });
    expect(upcoming.body.upcoming).toHaveLength(3);
    expect(upcoming.body.upcoming[0]).toBe(job.next_run_at);
    await workspace.call("POST", `/v1/jobs/${job.id}/pause`);
    expect((await workspace.call("GET", `/v1/jobs/${job.id}/upcoming`)).body.upcoming).toEqual([]);
  });
});

describe("DELETE /v1/jobs/:id", () => {
  it("removes the job for good and frees its idempotency key", async () => {
    const headers = { "idempotency-key": "to-delete" };
    const body = { name: "x", kind: "cron", schedule: { cron: "0 0 * * *" }, request: { url: TARGET } };
    const { body: job } = await workspace.call("POST", "/v1/jobs", { headers, body });
    const deleted = await workspace.call("DELETE", `/v1/jobs/${job.id}`);
    expect(deleted).toMatchObject({ status: 204, body: "" });
    expect((await workspace.call("GET", `/v1/jobs/${job.id}`)).status).toBe(404);
    expect((await workspace.call("DELETE", `/v1/jobs/${job.id}`)).status).toBe(404);
    expect((await workspace.call("POST", `/v1/jobs/${job.id}/run-now`)).status).toBe(404);
    expect((await workspace.call("POST", "/v1/jobs", { headers, body })).status).toBe(201);
  });
});

describe("POST /v1/schedules/preview", () => {
  it.each([
    [
      { schedule: { cron: "0 9 * * 1-5", timezone: "Europe/Berlin" } },
      "cron",
      "At 09:00, Monday through Friday, Europe/Berlin",
    ],
    [{ schedule: { every_n_minutes: 15 } }, "recurring", "Every 15 minutes"],
    [{ kind: "scheduled", schedule: { run_at: LATER } }, "scheduled", `Once at ${LATER}`],
  ])("says when %j would fire", async (body, kind, description) => {
    const preview = await workspace.call("POST", "/v1/schedules/preview", { token: workspace.member, body });
    expect(preview).toMatchObject({ status: 200, body: { kind, description } });
    expect(preview.body.upcoming).toHaveLength(kind === "scheduled" ? 1 : 10);
  });
});
