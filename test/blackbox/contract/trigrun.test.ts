/**
 * The native API against what TrigRun documents of it: every example, table and default of its pages "Executions" and
 * "Jobs", field by field. Delays between retries are in `src/domain/retry/policy.test.ts`, for no test here takes time.
 */

import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { departures } from "../../support/contract.ts";
import { startInstance, until } from "../../support/instance.ts";
import type { ApiResponse, TestInstance } from "../../support/instance.ts";
import { createJob, executionWhen, run, startRun } from "../../support/runs.ts";
import { startTargetServer } from "../../support/targetServer.ts";
import type { TargetServer } from "../../support/targetServer.ts";

let instance: TestInstance;
let target: TargetServer;

beforeAll(async () => {
  [target, instance] = await Promise.all([startTargetServer(), startInstance()]);
});

afterAll(async () => {
  await Promise.all([instance.stop(), target.stop()]);
});

const LATER = "2090-01-01T00:00:00.000Z";
const AT_ONCE = { type: "fixed", initial_ms: 0, jitter: false };

const api = (method: string, path: string, body?: unknown, headers: Readonly<Record<string, string>> = {}) =>
  instance.api(method, path, body, { headers });

/** A job that only runs when it is told to, with the changes given; answers with the whole reply. */
const post = (changes: Readonly<Record<string, unknown>>, headers: Readonly<Record<string, string>> = {}) =>
  api(
    "POST",
    "/v1/jobs",
    { name: "job", kind: "scheduled", schedule: { run_at: LATER }, request: { url: target.url }, ...changes },
    headers,
  );

/** What a list shows once it has `count` executions; it may be two seconds behind. */
async function listed(path: string, count: number): Promise<ApiResponse["json"]> {
  let body: ApiResponse["json"] = null;
  const isThere = async () => {
    body = (await api("GET", path)).json;
    return body.data.length === count;
  };
  await until(isThere, 15_000, `${count} executions at ${path}`);
  return body;
}

describe("Executions: details", () => {
  const EXAMPLE = {
    id: "clx...",
    job_id: "clx...",
    job_name: "health-check",
    status: "succeeded",
    scheduled_for: "2026-03-15T10:00:00.000Z",
    source: "schedule",
    attempts: [{ number: 2, status: "SUCCESS", statusCode: 200, latencyMs: 142, bodyPreview: '{"ok":true}' }],
    final_response: { statusCode: 200, bodyPreview: '{"ok":true}' },
  };

  it("are the example, of an execution whose second attempt succeeded", async () => {
    const ok = { kind: "respond" as const, body: '{"ok":true}' };
    target.on("/health", [{ kind: "respond", status: 503, body: "busy" }, ok]);
    const request = { url: `${target.url}/health` };
    const created = await api("POST", "/v1/jobs", { name: "health-check", kind: "one_time", request });
    const { data } = await listed(`/v1/jobs/${created.json.id}/executions?status=succeeded`, 1);
    const { status, json } = await api("GET", `/v1/executions/${data[0].id}`);
    expect(status).toBe(200);
    expect(departures(EXAMPLE, json)).toEqual([]);
    expect(json).toMatchObject({
      ...EXAMPLE,
      id: data[0].id,
      job_id: created.json.id,
      scheduled_for: data[0].scheduled_for,
      attempts: [
        { number: 1, status: "HTTP_ERROR", statusCode: 503, latencyMs: expect.any(Number) },
        { number: 2, status: "SUCCESS", statusCode: 200, latencyMs: expect.any(Number), bodyPreview: '{"ok":true}' },
      ],
    });
    const [arrival] = target.arrivalsAt("/health");
    expect(arrival?.headers["x-cron-service-execution-id"]).toBe(json.id);
  });

  it.each([
    ["SUCCESS", { kind: "respond", body: "ok" }, { statusCode: 200, bodyPreview: "ok", errorClass: null }],
    ["HTTP_ERROR", { kind: "respond", status: 404 }, { statusCode: 404, errorClass: "http_status" }],
    [
      "TIMEOUT",
      { kind: "hang" },
      { statusCode: null, bodyPreview: null, responseHeaders: null, errorClass: "timeout" },
    ],
    ["CONNECTION_ERROR", { kind: "reset" }, { statusCode: null, errorClass: expect.any(String) }],
  ] as const)("record an attempt of status %s", async (status, behaviour, shown) => {
    target.on(`/attempt-${status}`, behaviour);
    const { attempts } = await run(instance, { url: `${target.url}/attempt-${status}`, timeout_seconds: 1 });
    expect(attempts).toHaveLength(1);
    expect(attempts[0]).toMatchObject({ number: 1, status, latencyMs: expect.any(Number), ...shown });
    if (shown.statusCode !== null) expect(attempts[0].responseHeaders).toBeTypeOf("object");
  });

  it("preview at most 64 KB of a response", async () => {
    target.on("/large", { kind: "endless", bytes: 100_000 });
    const { attempts } = await run(instance, { url: `${target.url}/large` });
    expect(attempts[0].bodyPreview).toBe("x".repeat(65_536));
  });

  it("of a workflow show each step, what it waits for, what started it, and its final output", async () => {
    const steps = [
      { type: "transform", id: "greet", value: { hello: "{{trigger.body.name}}" } },
      { type: "wait_for_webhook", id: "answer" },
    ];
    const template = { greeting: "{{steps.greet.output.hello}}", answer: "{{steps.answer.output.said}}" };
    const { json: job } = await api("POST", "/v1/jobs", {
      name: "flow",
      kind: "webhook_trigger",
      steps,
      response_output_template: template,
    });
    await instance.api("POST", new URL(job.webhook_url).pathname, { name: "Ada" }, { token: null });
    const { data } = await listed(`/v1/jobs/${job.id}/executions?status=waiting`, 1);
    const waiting = (await api("GET", `/v1/executions/${data[0].id}`)).json;
    expect(waiting).toMatchObject({
      status: "waiting",
      source: "webhook",
      trigger_input: { method: "POST", body: { name: "Ada" } },
      waiting: { step: "answer", type: "wait_for_webhook", callback_url: expect.any(String) },
      step_executions: [
        { id: "greet", status: "succeeded", output: { hello: "Ada" } },
        { id: "answer", status: "waiting" },
      ],
    });
    const { pathname } = new URL(waiting.waiting.callback_url);
    await instance.api("POST", pathname, { said: "yes" }, { token: null });
    const ended = await executionWhen(instance, waiting.id);
    expect(ended).toMatchObject({ status: "succeeded", final_output: { greeting: "Ada", answer: "yes" } });
  });
});

describe("Executions: retries", () => {
  it("follow the policy of the example until it is exhausted", async () => {
    const policy = { max_attempts: 5, retry_on_statuses: [429, 500, 502, 503, 504] };
    target.on("/down", { kind: "respond", status: 503 });
    const execution = await run(
      instance,
      { url: `${target.url}/down` },
      { retry_policy: { ...policy, backoff: AT_ONCE } },
    );
    expect(execution.status).toBe("failed");
    expect(execution.attempts.map(({ number }: { number: number }) => number)).toEqual([1, 2, 3, 4, 5]);
    expect((await api("GET", `/v1/jobs/${execution.job_id}`)).json.retry_policy).toMatchObject(policy);
  });

  it.each([
    [429, 3],
    [500, 3],
    [502, 3],
    [503, 3],
    [504, 3],
    [501, 1],
  ])("after status %d make %d attempts by default", async (status, attempts) => {
    target.on(`/retry-${status}`, { kind: "respond", status });
    const backoff = { backoff: AT_ONCE };
    const execution = await run(instance, { url: `${target.url}/retry-${status}` }, { retry_policy: backoff });
    expect(execution.attempts).toHaveLength(attempts);
  });

  it.each([
    ["a timeout is always tried again", "/timeout", { kind: "hang" }, 2],
    ["a connection error is always tried again", "/reset", { kind: "reset" }, 2],
    ["a body that does not match is not", "/mismatch", { kind: "respond", body: "no" }, 1],
  ] as const)("%s", async (_, path, behaviour, attempts) => {
    target.on(path, behaviour);
    const execution = await run(
      instance,
      {
        url: target.url + path,
        timeout_seconds: 1,
        response_matcher: { mode: "contains", value: "ok" },
      },
      { retry_policy: { max_attempts: 2, retry_on_statuses: [], backoff: AT_ONCE } },
    );
    expect(execution).toMatchObject({ status: "failed" });
    expect(execution.attempts).toHaveLength(attempts);
  });
});

describe("Executions: statuses and sources", () => {
  it("are queued, running, succeeded and failed, each a filter of both lists", async () => {
    const release = Promise.withResolvers<void>();
    target.on("/slow", { kind: "handle", handle: (_, response) => void release.promise.then(() => response.end()) });
    const jobId = await createJob(instance, { url: `${target.url}/slow` }, { name: "Statuses", concurrency_limit: 1 });
    const running = await startRun(instance, jobId);
    const queued = await startRun(instance, jobId);
    for (const [status, id] of [
      ["running", running],
      ["queued", queued],
    ] as const) {
      await executionWhen(instance, id, (execution) => execution.status === status);
      expect((await listed(`/v1/jobs/${jobId}/executions?status=${status}`, 1)).data[0].id).toBe(id);
    }
    release.resolve();
    await executionWhen(instance, queued, ({ status }) => status === "succeeded");
    target.on("/slow", { kind: "respond", status: 400 });
    const failed = await startRun(instance, jobId);
    await executionWhen(instance, failed, ({ status }) => status === "failed");
    expect((await listed(`/v1/executions?job_name=STAT&status=failed`, 1)).data[0].id).toBe(failed);
    expect((await listed(`/v1/executions?job_name=STAT&status=succeeded`, 2)).data[0].id).toBe(queued);
    expect((await listed(`/v1/executions?job_name=STAT&status=waiting`, 0)).data).toEqual([]);
  });

  it("are told by how an execution was started: manual, replay", async () => {
    const jobId = await createJob(instance, { url: target.url });
    const started = await api("POST", `/v1/jobs/${jobId}/run-now`);
    expect([started.status, started.json.source]).toEqual([202, "manual"]);
    const original = await executionWhen(instance, started.json.id);
    const before = Date.now();
    const replay = await api("POST", `/v1/executions/${original.id}/replay`);
    expect(replay).toMatchObject({
      status: 202,
      json: { source: "replay", job_id: jobId, replayed_from: original.id },
    });
    expect(Date.parse(replay.json.scheduled_for)).toBeGreaterThanOrEqual(before);
    expect((await api("GET", `/v1/executions/${original.id}`)).json).toEqual(original);
  });
});

describe("Executions: the list", () => {
  it("takes every query parameter of the table, and both of its examples", async () => {
    const jobId = await createJob(instance, { url: target.url }, { name: "Listed job" });
    const first = await executionWhen(instance, await startRun(instance, jobId));
    const second = await executionWhen(instance, await startRun(instance, jobId));
    const ids = [second.id, first.id];
    const path = `/v1/jobs/${jobId}/executions`;
    const idsOf = async (query: string, at = path) =>
      (await api("GET", `${at}?${query}`)).json.data.map(({ id }: { id: string }) => id);
    const { data, pagination } = await listed(path, 2);
    expect(pagination).toMatchObject({ limit: 50, offset: 0, has_more: false });
    expect(data[0]).toMatchObject({ id: second.id, job_id: jobId, job_name: "Listed job", source: "manual" });
    expect(await idsOf("sort=scheduled_for&order=desc")).toEqual(ids);
    expect(await idsOf("sort=created_at&order=asc")).toEqual(ids.toReversed());
    expect(await idsOf("limit=1")).toEqual([second.id]);
    expect(await idsOf("limit=1&offset=1")).toEqual([first.id]);
    expect(await idsOf(`from=${second.scheduled_for}`)).toEqual([second.id]);
    expect(await idsOf(`to=${second.scheduled_for}`)).toEqual([first.id]);
    expect(await idsOf("job_name=listed", "/v1/executions")).toEqual(ids);
    const example = "status=failed&from=2026-03-01T00:00:00Z&sort=scheduled_for&order=desc&limit=10";
    expect((await api("GET", `/v1/executions?${example}`)).status).toBe(200);
  });

  it.each(["limit=0", "limit=101", "offset=-1", "sort=status", "order=up", "status=done", "from=yesterday"])(
    "refuses %s",
    async (query) => {
      const refused = await api("GET", `/v1/executions?${query}`);
      expect(refused).toMatchObject({ status: 400, json: { error: { code: "invalid_request" } } });
      expect(
        departures({ error: { code: "", message: "", details: [{ path: "", message: "" }] } }, refused.json),
      ).toEqual([]);
    },
  );
});

describe("Jobs: kinds and schedules", () => {
  it.each([["* * * * *"], ["0 * * * *"], ["0 2 * * *"], ["30 9 * * 1-5"], ["0 0 1 * *"]])(
    "takes the pattern %s, in UTC where no timezone is given",
    async (cron) => {
      const created = await post({ kind: "cron", schedule: { cron } });
      expect(created).toMatchObject({ status: 201, json: { kind: "cron", schedule: { cron, timezone: "UTC" } } });
    },
  );

  it.each([
    [1, 201],
    [1_440, 201],
    [0, 400],
    [1_441, 400],
    [1.5, 400],
  ])("answers an interval of %d minutes with %d", async (minutes, status) => {
    const created = await post({ kind: "recurring", schedule: { every_n_minutes: minutes } });
    expect(created.status).toBe(status);
    if (status !== 201) return;
    const { created_at, next_run_at } = created.json;
    expect(Date.parse(next_run_at)).toBe(Date.parse(created_at) + minutes * 60_000);
  });

  it("runs a one_time job at once, and it is completed", async () => {
    const created = await post({ kind: "one_time", schedule: undefined });
    expect(created.json).toMatchObject({ kind: "one_time", state: "active" });
    expect((await listed(`/v1/jobs/${created.json.id}/executions?status=succeeded`, 1)).data[0]).toMatchObject({
      source: "schedule",
    });
    expect((await api("GET", `/v1/jobs/${created.json.id}`)).json).toMatchObject({
      state: "completed",
      next_run_at: null,
    });
  });

  it("runs a scheduled job at a future timestamp", async () => {
    expect(await post({})).toMatchObject({ status: 201, json: { state: "active", next_run_at: LATER } });
    expect((await post({ schedule: { run_at: "2020-01-01T00:00:00Z" } })).status).toBe(400);
  });

  it("keeps a draft from its schedule, and a paused job until it is resumed", async () => {
    const draft = await post({ kind: "recurring", schedule: { every_n_minutes: 5 }, state: "draft" });
    expect(draft.json).toMatchObject({ state: "draft", next_run_at: null });
    const path = `/v1/jobs/${draft.json.id}`;
    const state = async (next: string) => (await api("PATCH", path, { state: next })).json;
    expect(await state("active")).toMatchObject({ state: "active", next_run_at: expect.any(String) });
    expect(await state("paused")).toMatchObject({ state: "paused", next_run_at: null });
    const before = Date.now();
    expect(Date.parse((await state("active")).next_run_at)).toBeGreaterThan(before);
  });
});

describe("Jobs: request and retry policy", () => {
  it("has the defaults of the tables", async () => {
    const { json } = await post({});
    expect(json.request).toMatchObject({
      url: target.url,
      method: "GET",
      headers: {},
      body: null,
      timeout_seconds: 30,
      success_statuses: [200, 201, 202, 204],
    });
    expect(json.retry_policy).toMatchObject({ max_attempts: 3, retry_on_statuses: [429, 500, 502, 503, 504] });
  });

  it.each([
    ["request", { method: "GET" }, 201],
    ["request", { method: "POST" }, 201],
    ["request", { method: "PUT" }, 201],
    ["request", { method: "PATCH" }, 201],
    ["request", { method: "DELETE" }, 201],
    ["request", { method: "TRACE" }, 400],
    ["request", { timeout_seconds: 1 }, 201],
    ["request", { timeout_seconds: 300 }, 201],
    ["request", { timeout_seconds: 0 }, 400],
    ["request", { timeout_seconds: 301 }, 400],
    ["request", { url: undefined }, 400],
    ["request", { url: "ftp://example.com/" }, 400],
    ["retry_policy", { max_attempts: 1 }, 201],
    ["retry_policy", { max_attempts: 10 }, 201],
    ["retry_policy", { max_attempts: 0 }, 400],
    ["retry_policy", { max_attempts: 11 }, 400],
  ])("answers %s %j with %d", async (member, value, status) => {
    const given = member === "request" ? { request: { url: target.url, ...value } } : { [member]: value };
    const created = await post(given);
    expect(created.status).toBe(status);
    if (status === 201) expect(created.json[member]).toMatchObject(value);
  });

  it("sends the body as it is, and the value of a secret that a header names", async () => {
    await api("POST", "/v1/secrets", { name: "stripe-key", value: "sk_live_1" });
    const body = { deep: [1, null, { a: "ü" }] };
    await run(instance, {
      url: `${target.url}/body`,
      method: "POST",
      headers: { Authorization: "Bearer secret://stripe-key" },
      body,
    });
    const [arrival] = target.arrivalsAt("/body");
    expect([arrival?.method, arrival?.headers["authorization"], JSON.parse(arrival?.body ?? "")]).toEqual([
      "POST",
      "Bearer sk_live_1",
      body,
    ]);
  });
});

describe("Jobs: update, import, idempotent creation, deletion", () => {
  it("changes everything that may change in one request", async () => {
    const { json: job } = await post({});
    const changes = {
      name: "renamed",
      kind: "cron",
      schedule: { cron: "0 3 * * *", timezone: "Asia/Tokyo" },
      request: { method: "POST", timeout_seconds: 5 },
      retry_policy: { max_attempts: 4 },
      state: "paused",
      concurrency_limit: 7,
    };
    const patched = await api("PATCH", `/v1/jobs/${job.id}`, changes);
    expect(patched).toMatchObject({ status: 200, json: { id: job.id, ...changes } });
    expect(patched.json.request.url).toBe(target.url);
  });

  it("leaves the schedule alone when a job is run now", async () => {
    const { json: job } = await post({});
    const started = await api("POST", `/v1/jobs/${job.id}/run-now`);
    expect(started).toMatchObject({ status: 202, json: { source: "manual", job_id: job.id } });
    expect((await api("GET", `/v1/jobs/${job.id}`)).json).toMatchObject({ state: "active", next_run_at: LATER });
  });

  it("imports a crontab, with the default URL where a line has none", async () => {
    const crontab = `# a comment\n0 2 * * * ${target.url}/nightly\n*/5 * * * *\n`;
    const body = { crontab, default_url: `${target.url}/default` };
    const { status, json } = await api("POST", "/v1/jobs/import", body);
    expect([status, json.totals]).toEqual([200, { lines: 2, created: 2, would_create: 0, errors: 0 }]);
    const urls = json.lines.map(async ({ job_id }: { job_id: string }) => {
      const job = (await api("GET", `/v1/jobs/${job_id}`)).json;
      return [job.schedule.cron, job.request.url];
    });
    expect(await Promise.all(urls)).toEqual([
      ["0 2 * * *", `${target.url}/nightly`],
      ["*/5 * * * *", `${target.url}/default`],
    ]);
  });

  it("answers the same Idempotency-Key with the job that there is", async () => {
    const headers = { "idempotency-key": "contract" };
    const [first, second] = [await post({}, headers), await post({}, headers)];
    expect([first.status, second.status]).toEqual([201, 200]);
    expect(second.json).toEqual(first.json);
  });

  it("deletes a job with its executions", async () => {
    const execution = await run(instance, { url: target.url });
    await listed(`/v1/jobs/${execution.job_id}/executions`, 1);
    expect((await api("DELETE", `/v1/jobs/${execution.job_id}`)).status).toBe(204);
    for (const path of [`/v1/jobs/${execution.job_id}`, `/v1/executions/${execution.id}`]) {
      expect((await api("GET", path)).status).toBe(404);
    }
    expect((await api("GET", "/v1/executions?limit=100")).json.data).not.toContainEqual(
      expect.objectContaining({ id: execution.id }),
    );
  });
});
