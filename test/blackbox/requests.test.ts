/** What a request can say, over the wire: templates, response rules, retry policies, and the test of a job. */

import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startInstance } from "../support/instance.ts";
import type { ApiResponse, TestInstance } from "../support/instance.ts";
import { createJob, executionWhen, run, startRun } from "../support/runs.ts";
import { startTargetServer } from "../support/targetServer.ts";
import type { TargetServer } from "../support/targetServer.ts";

let instance: TestInstance;
let target: TargetServer;

beforeAll(async () => {
  [target, instance] = await Promise.all([startTargetServer(), startInstance()]);
});

afterAll(async () => {
  await Promise.all([instance.stop(), target.stop()]);
});

const retries = (more: object) => ({ retry_policy: { max_attempts: 4, ...more } });
const AT_ONCE = { type: "fixed", initial_ms: 0, jitter: false };
const json = (value: unknown, status = 200) => ({
  kind: "respond" as const,
  status,
  headers: { "content-type": "application/json" },
  body: JSON.stringify(value),
});

describe("templates", () => {
  it("are rendered once and stay the same for every attempt but {{attempt}}", async () => {
    target.on("/frozen", [{ kind: "respond", status: 503 }, { kind: "respond", status: 503 }, { kind: "respond" }]);
    const all = "{{timestamp}} {{uuid}} {{execution_id}} {{job_id}} {{job_name}} {{scheduled_for}}";
    const jobId = await createJob(
      instance,
      {
        url: `${target.url}/frozen?all=${all.replaceAll(" ", "/")}&attempt={{attempt}}`,
        method: "POST",
        headers: { "X-All": all, "X-Attempt": "{{attempt}}" },
        body: { all, nested: [{ attempt: "{{attempt}}" }] },
      },
      { name: "a b/ü&c", ...retries({ backoff: AT_ONCE }) },
    );
    const execution = await executionWhen(instance, await startRun(instance, jobId));
    expect(execution.status).toBe("succeeded");
    const arrivals = target.arrivalsAt("/frozen");
    expect(arrivals).toHaveLength(3);
    for (const [index, arrival] of arrivals.entries()) {
      const { all: rendered, nested } = JSON.parse(arrival.body);
      const [timestamp, uuid, ...others] = rendered.split(" ");
      expect(timestamp).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
      expect(uuid).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
      expect(others.join(" ")).toBe(`${execution.id} ${jobId} a b/ü&c ${execution.scheduled_for}`);
      expect(nested).toEqual([{ attempt: index + 1 }]);
      expect(arrival.headers["x-attempt"]).toBe(String(index + 1));
      const query = new URL(arrival.path, target.url).searchParams;
      expect(query.get("attempt")).toBe(String(index + 1));
      expect(query.get("all")).toBe(
        [timestamp, uuid, execution.id, jobId, "a b/ü&c", execution.scheduled_for].join("/"),
      );
      expect(rendered).toBe(JSON.parse(arrivals[0]?.body ?? "").all);
      expect(arrival.headers["x-all"]).toBe(arrivals[0]?.headers["x-all"]);
    }
  });
});

describe("response rules", () => {
  const request = (path: string, more: object) => ({ url: target.url + path, ...more });

  it("fail an execution whose status is a success, and name each rule that failed", async () => {
    target.on(
      "/rules",
      json({
        ok: false,
        items: [
          { id: 1, price: 5 },
          { id: 2, price: 50 },
        ],
      }),
    );
    const execution = await run(
      instance,
      request("/rules", {
        response_matcher: { mode: "regex", pattern: '^\\{"ok":true' },
        assertions: [
          { source: "status", operator: "eq", value: 200 },
          { source: "header", name: "Content-Type", operator: "contains", value: "json" },
          { source: "body", operator: "not_contains", value: "price" },
          { source: "json", path: "$.items[?@.price > 10].id", operator: "eq", value: 1 },
          { source: "json", path: "$.items[0:2].id", operator: "eq", value: [1, 2] },
          { source: "json", path: "$.items[?length(@.name) > 1]", operator: "exists" },
        ],
      }),
      retries({ backoff: AT_ONCE }),
    );
    expect(execution).toMatchObject({ status: "failed", error: { code: "response_mismatch" } });
    expect(execution.attempts).toHaveLength(1);
    expect(execution.attempts[0].failedRules.map(({ rule }: { rule: string }) => rule)).toEqual([
      "response_matcher",
      "assertions[2]",
      "assertions[3]",
      "assertions[5]",
    ]);
    expect(execution.attempts[0].failedRules[2]).toMatchObject({ expected: expect.stringContaining("eq 1"), got: "2" });
  });

  it("are tried again when the policy says so", async () => {
    target.on("/recovers", [json({ ok: false }), json({ ok: false }), json({ ok: true })]);
    const rules = { assertions: [{ source: "json", path: "$.ok", operator: "eq", value: true }] };
    const execution = await run(
      instance,
      request("/recovers", rules),
      retries({ retry_on_mismatch: true, backoff: AT_ONCE }),
    );
    expect(execution.status).toBe("succeeded");
    expect(execution.attempts.map(({ errorClass }: { errorClass: string }) => errorClass)).toEqual([
      "response_mismatch",
      "response_mismatch",
      null,
    ]);
  });

  it("keep the output of a response", async () => {
    target.on("/output", json({ user: { id: 7 }, tags: ["a", "b"] }));
    const output = { id: "$.user.id", tags: "$.tags[*]", none: "$.none", job: "{{job_name}}", attempt: "{{attempt}}" };
    const execution = await run(instance, request("/output", { output }));
    expect(execution.output).toEqual({ id: 7, tags: ["a", "b"], none: null, job: "job", attempt: 1 });
  });
});

describe("retry policies", () => {
  const waits = (path: string) => {
    const arrivals = target.arrivalsAt(path);
    return arrivals.slice(1).map(({ atMs }, index) => atMs - (arrivals[index]?.atMs ?? 0));
  };

  it.each([
    ["list", { type: "list", list_ms: [200, 20], jitter: false }, [200, 20, 20]],
    ["fixed", { type: "fixed", initial_ms: 100, jitter: false }, [100, 100, 100]],
    ["linear", { type: "linear", initial_ms: 60, jitter: false }, [60, 120, 180]],
    ["exponential", { type: "exponential", initial_ms: 50, factor: 3, max_ms: 200, jitter: false }, [50, 150, 200]],
  ])("wait as %s backoff says, at the least", async (type, backoff, least) => {
    target.on(`/backoff-${type}`, { kind: "respond", status: 500 });
    const execution = await run(instance, { url: `${target.url}/backoff-${type}` }, retries({ backoff }));
    expect(execution.attempts).toHaveLength(4);
    for (const [index, ms] of waits(`/backoff-${type}`).entries()) expect(ms).toBeGreaterThanOrEqual(least[index] ?? 0);
  });

  it("end an execution whose next attempt would come after max_duration_seconds", async () => {
    target.on("/duration", { kind: "respond", status: 500 });
    const policy = retries({ max_duration_seconds: 1, backoff: { type: "list", list_ms: [0, 5_000], jitter: false } });
    const execution = await run(instance, { url: `${target.url}/duration` }, policy);
    expect(execution.attempts).toHaveLength(2);
    expect(execution.error.message).toContain("max_duration_seconds");
  });
});

describe("the test of a job", () => {
  it("sends the request once and shows it, its answer and every verdict, and records nothing", async () => {
    await instance.api("POST", "/v1/secrets", { name: "api-key", value: "a-key-to-mask" });
    target.on("/tested", json({ ok: true, echo: "a-key-to-mask" }));
    const jobId = await createJob(instance, {
      url: `${target.url}/tested?key=secret://api-key&job={{job_name}}`,
      method: "POST",
      headers: { Authorization: "Bearer secret://api-key" },
      body: { attempt: "{{attempt}}", key: "secret://api-key" },
      assertions: [
        { source: "json", path: "$.ok", operator: "eq", value: true },
        { source: "json", path: "$.echo", operator: "eq", value: "other" },
      ],
      output: { echo: "$.echo" },
    });
    const tested = await instance.api("POST", `/v1/jobs/${jobId}/test`);
    expect(tested.status).toBe(200);
    expect(target.arrivalsAt("/tested")).toHaveLength(1);
    expect(target.arrivalsAt("/tested")[0]?.headers.authorization).toBe("Bearer a-key-to-mask");
    expect(tested.json).toMatchObject({
      success: false,
      request: {
        method: "POST",
        url: `${target.url}/tested?key=[secret]&job=job`,
        headers: { Authorization: "Bearer [secret]", "X-Cron-Service-Attempt": "1" },
        body: '{"attempt":1,"key":"[secret]"}',
      },
      response: { status: 200, body: '{"ok":true,"echo":"[secret]"}', body_truncated: false },
      error: { code: "response_mismatch" },
      rules: [
        { rule: "assertions[0]", ok: true },
        { rule: "assertions[1]", ok: false, got: "[secret]" },
      ],
    });
    expect((await instance.api("GET", `/v1/jobs/${jobId}/executions`)).json.data).toEqual([]);
    expect((await instance.api("GET", `/v1/jobs/${jobId}`)).json).toMatchObject({ state: "draft", version: 1 });
  });

  it.each<[string, object, Partial<ApiResponse["json"]>]>([
    [
      "a secret that is missing",
      { headers: { k: "secret://none" } },
      { request: null, error: { code: "secret_unavailable" } },
    ],
    ["a status that is no success", { success_statuses: [418] }, { success: false, error: { code: "http_status" } }],
    ["a success", {}, { success: true, error: null, rules: [] }],
  ])("tells %s", async (_what, request, expected) => {
    const jobId = await createJob(instance, { url: `${target.url}/told`, ...request });
    expect((await instance.api("POST", `/v1/jobs/${jobId}/test`)).json).toMatchObject(expected);
  });

  it("obeys the guard on every hop", async () => {
    target.on("/inside", { kind: "redirect", to: "http://169.254.169.254/latest" });
    const jobId = await createJob(instance, { url: `${target.url}/inside` });
    expect((await instance.api("POST", `/v1/jobs/${jobId}/test`)).json).toMatchObject({
      success: false,
      response: null,
      error: { code: "target_refused" },
    });
  });
});

describe("strict targets", () => {
  it("refuse private targets when a job is saved", async () => {
    const strict = await startInstance({ vars: { ALLOW_PRIVATE_TARGETS: "false" } });
    try {
      const body = { name: "x", kind: "one_time", request: { url: target.url } };
      const refused = await strict.api("POST", "/v1/jobs", body);
      expect(refused).toMatchObject({ status: 400, json: { error: { details: [{ path: "request.url" }] } } });
    } finally {
      await strict.stop();
    }
  });
});
