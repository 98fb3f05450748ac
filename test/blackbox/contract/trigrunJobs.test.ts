/** The native API against what TrigRun documents of jobs: every table, default and limit of its page. */

import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startInstance } from "../../support/instance.ts";
import type { TestInstance } from "../../support/instance.ts";
import { listWhen, run } from "../../support/runs.ts";
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
    expect(
      (await listWhen(instance, `/v1/jobs/${created.json.id}/executions?status=succeeded`, 1)).data[0],
    ).toMatchObject({
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
    await listWhen(instance, `/v1/jobs/${execution.job_id}/executions`, 1);
    expect((await api("DELETE", `/v1/jobs/${execution.job_id}`)).status).toBe(204);
    for (const path of [`/v1/jobs/${execution.job_id}`, `/v1/executions/${execution.id}`]) {
      expect((await api("GET", path)).status).toBe(404);
    }
    expect((await api("GET", "/v1/executions?limit=100")).json.data).not.toContainEqual(
      expect.objectContaining({ id: execution.id }),
    );
  });
});
