/** What breaks the Trigger.dev client without a word, asked of every endpoint of the face, present and future. */

import { beforeAll, describe, expect, it } from "vitest";
import { ENDPOINTS, triggerFace } from "../../../src/http/compat/trigger/face.ts";
import type { Endpoint } from "../../../src/http/operation.ts";
import type { Reply, TestWorkspace } from "../api/harness.ts";
import { OPERATOR_TOKEN, TARGET, call, createWorkspace, eventually } from "../api/harness.ts";

const CLIENT = {
  "trigger-version": "4.8.3",
  "x-trigger-api-version": "2025-07-16",
  "content-type": "application/json",
};

let ours: TestWorkspace;
let theirs: TestWorkspace;
let ids: Record<string, string>;

beforeAll(async () => {
  [ours, theirs] = await Promise.all([createWorkspace("ours"), createWorkspace("theirs")]);
  const job = await theirs.createJob({ name: "theirs", state: "draft", retry_policy: { max_attempts: 1 } });
  const cron = await theirs.createJob({ name: "cron", kind: "cron", schedule: { cron: "0 0 1 1 *" } });
  const run = await theirs.call("POST", `/v1/jobs/${job.id}/run-now`);
  const token = await theirs.call("POST", "/api/v1/waitpoints/tokens", { body: {}, headers: CLIENT });
  const batch = await theirs.call("POST", "/api/v3/batches", { body: { runCount: 1 }, headers: CLIENT });
  const bulk = await theirs.call("POST", "/api/v1/bulk-actions", {
    body: { action: "cancel", runIds: [run.body.id] },
    headers: CLIENT,
  });
  ids = {
    run_id: run.body.id.replace("exe_", "run_"),
    schedule_id: cron.id.replace("job_", "sched_"),
    queue: job.id.replace("job_", "queue_"),
    task: "theirs",
    token_id: token.body.id,
    batch_id: batch.body.id,
    bulk_action_id: bulk.body.id,
  };
});

const named = (endpoints: readonly Endpoint[]) =>
  endpoints.map(
    (endpoint) => [`${endpoint.contract.method.toUpperCase()} ${endpoint.contract.path}`, endpoint] as const,
  );
const GUARDED = ENDPOINTS.filter(({ access }) => access !== "public");
const WRITES = ENDPOINTS.filter(({ contract }) => contract.method !== "get");

/** Bodies that are as they should be, so that an answer speaks of what is named in the path. */
const BODIES: Readonly<Record<string, unknown>> = {
  rescheduleRun: { delay: "1h" },
  addRunTags: { tags: ["a"] },
  updateRunMetadata: { metadata: {} },
  resetIdempotencyKey: { taskIdentifier: "theirs" },
  createBatch: { runCount: 1 },
  addBatchItems: '{"index":0,"task":"theirs"}\n',
  batchTriggerV1: { items: [{ task: "theirs" }] },
  batchTriggerV2: { items: [{ task: "theirs" }] },
  createSchedule: { task: "theirs", cron: "0 0 * * *", deduplicationKey: "dk" },
  updateSchedule: { task: "theirs", cron: "0 0 * * *" },
  pauseQueue: { type: "id", action: "pause" },
  overrideQueueConcurrency: { type: "id", concurrencyLimit: 5 },
  createBulkAction: { action: "cancel", runIds: ["run_nothing"] },
};

function send(
  { contract }: Endpoint,
  token: string | null,
  { idOf = (name) => ids[name] ?? "x", body }: { idOf?: (name: string) => string; body?: string } = {},
): Promise<Reply> {
  const path = contract.path.replaceAll(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent(idOf(name)));
  const given = body ?? (contract.method === "get" || contract.method === "delete" ? undefined : BODIES[contract.id]);
  const options = { token, headers: CLIENT };
  return call(contract.method.toUpperCase(), path, given === undefined ? options : { ...options, body: given });
}

/** An error as the client reads it, which it does not repeat for nothing. */
function expectRefusal(reply: Reply): void {
  expect(reply.body).toEqual(expect.objectContaining({ error: expect.any(String) }));
  expect(reply.body.error.length).toBeGreaterThan(10);
  expect(reply.status).not.toBe(409);
  expect(reply.status).not.toBe(408);
  expect(reply.status).toBeLessThan(500);
  if (reply.status !== 429) expect(reply.headers.get("x-should-retry")).toBe("false");
}

describe("without a token, or with one that opens nothing", () => {
  it.each(named(GUARDED))("%s is 401", async (_, endpoint) => {
    for (const token of [null, "car_aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"]) {
      const reply = await send(endpoint, token);
      expect(reply.status).toBe(401);
      expectRefusal(reply);
    }
  });

  it("the time zones are told", async () => {
    const reply = await call("GET", "/api/v1/timezones");
    expect(reply.status).toBe(200);
    expect(reply.body.timezones[0]).toBe("UTC");
  });
});

describe("with the operator's token", () => {
  it.each(named(GUARDED))("%s is 403", async (_, endpoint) => {
    const reply = await send(endpoint, OPERATOR_TOKEN);
    expect(reply.status).toBe(403);
    expectRefusal(reply);
  });
});

describe("with a token that may only read", () => {
  it.each(named(GUARDED.filter(({ access }) => access === "write")))("%s is 403", async (_, endpoint) => {
    const reply = await send(endpoint, theirs.member);
    expect(reply.status).toBe(403);
    expectRefusal(reply);
  });
});

describe("what is another workspace's, or is no id at all", () => {
  /** These name nothing in their path that could belong to somebody. */
  const free = new Set(["listProjectRuns"]);
  const withId = GUARDED.filter(({ contract }) => contract.path.includes("{") && !free.has(contract.id));

  it.each(named(withId))("is 404 for %s", async (_, endpoint) => {
    const foreign = await send(endpoint, ours.owner);
    expect(foreign.status).toBe(404);
    expectRefusal(foreign);
    for (const id of ["nope", "run_", "%00", "x".repeat(500), "'; DROP TABLE jobs;--"]) {
      const reply = await send(endpoint, ours.owner, { idOf: () => id });
      expect([id, reply.status]).toEqual([id, 404]);
      expectRefusal(reply);
    }
  });

  it("is untouched by all these tries", async () => {
    const queue = await theirs.call("GET", `/api/v1/queues/${ids["queue"]}?type=id`, { headers: CLIENT });
    expect(queue.body).toMatchObject({ paused: false, concurrency: { override: null } });
  });
});

describe("a body that is empty", () => {
  /** The client sends these with content-length 0 and content-type JSON. */
  it.each(["cancelRun", "replayRun", "activateSchedule", "deactivateSchedule", "abortBulkAction"])(
    "is taken by %s",
    async (id) => {
      const endpoint = ENDPOINTS.find(({ contract }) => contract.id === id);
      if (endpoint === undefined) throw new Error(`There is no endpoint ${id}.`);
      await eventually(
        () => theirs.call("GET", `/api/v3/runs/${ids["run_id"]}`, { headers: CLIENT }),
        ({ body }) => body.isCompleted,
      );
      const reply = await send(endpoint, theirs.owner, { body: "" });
      expect(reply).toMatchObject({ status: 200, body: { id: expect.any(String) } });
    },
  );

  it.each(named(WRITES))("makes no fault of ours in %s", async (_, endpoint) => {
    const reply = await send(endpoint, ours.owner, { body: "", idOf: () => "nope" });
    if (reply.status >= 300) expectRefusal(reply);
  });
});

describe("a body that is nonsense", () => {
  it.each(named(WRITES))("is refused, never with a fault of ours, by %s", async (_, endpoint) => {
    for (const body of [
      "{",
      "null",
      "[]",
      "1",
      '"x"',
      '{"tags":[1]}',
      '{"options":{"delay":{}}}',
      '{"filter":{"to":[]}}',
    ]) {
      const reply = await send(endpoint, ours.owner, { body, idOf: () => "nope" });
      if (reply.status >= 300) expectRefusal(reply);
    }
  });
});

describe("a call that there is not", () => {
  it.each([
    ["GET", "/api/v1/nothing", 404],
    ["GET", "/api/v9/runs", 404],
    ["PATCH", "/api/v1/schedules", 405],
    ["GET", "/realtime/v1/anything/else", 404],
  ])("%s %s is refused in the client's own form", async (method, path, status) => {
    const reply = await call(method, path, { token: ours.owner, headers: CLIENT });
    expect(reply.status).toBe(status);
    if (path.startsWith("/api/v1") || path.startsWith("/realtime")) expectRefusal(reply);
  });
});

describe("which requests are the client's", () => {
  const speaks = (path: string, headers: Record<string, string>) =>
    triggerFace.speaks(new Request(`https://carillon.test${path}`, { headers }));

  it.each<[string, string, Record<string, string>]>([
    ["by its version", "/api/v1/runs", { "trigger-version": "3.3.17", "x-api-key": "k" }],
    ["by its API version", "/api/v1/runs", { "x-trigger-api-version": "2025-07-16", "x-api-key": "k" }],
    ["by its pages", "/api/v1/runs?page[size]=5", { "x-api-key": "k" }],
    ["by its filters", "/api/v1/runs?filter%5Bstatus%5D=FAILED", { "x-api-key": "k" }],
    ["by its way to send the key", "/api/v1/runs", { authorization: "Bearer k" }],
  ])("%s", (_, path, headers) => {
    expect(speaks(path, headers)).toBe(true);
  });

  it.each<[string, string, Record<string, string>]>([
    ["with the key of the other API", "/api/v1/runs?limit=5", { "x-api-key": "k" }],
    ["with both", "/api/v1/runs", { "x-api-key": "k", authorization: "Bearer k" }],
    ["at another path", "/api/v1/workflows", { authorization: "Bearer k" }],
    ["without any", "/api/v1/runs", {}],
  ])("not %s", (_, path, headers) => {
    expect(speaks(path, headers)).toBe(false);
  });
});

describe("a run that has ended", () => {
  it("is cancelled once more without a conflict, and cannot be rescheduled", async () => {
    const job = await ours.createJob({
      name: "ended",
      kind: "one_time",
      schedule: undefined,
      retry_policy: { max_attempts: 1 },
    });
    const run = await ours.call("POST", `/api/v1/tasks/${job.id}/trigger`, { body: {}, headers: CLIENT });
    const read = () => ours.call("GET", `/api/v3/runs/${run.body.id}`, { headers: CLIENT });
    await eventually(read, ({ body }) => body.isCompleted);
    const cancelled = await ours.call("POST", `/api/v2/runs/${run.body.id}/cancel`, { headers: CLIENT });
    expect(cancelled).toMatchObject({ status: 200, body: { id: run.body.id } });
    const moved = await ours.call("POST", `/api/v1/runs/${run.body.id}/reschedule`, {
      body: { delay: "1h" },
      headers: CLIENT,
    });
    expect(moved.status).toBe(422);
    expectRefusal(moved);
    for (const delay of ["soon", "", "2001-01-01T00:00:00Z", -1]) {
      const bad = await ours.call("POST", `/api/v1/runs/${run.body.id}/reschedule`, {
        body: { delay },
        headers: CLIENT,
      });
      expect([delay, bad.status]).toEqual([delay, 400]);
    }
  });
});

describe("the public callback of a wait token", () => {
  it("wants a length, and is JSON however it is refused", async () => {
    const created = await ours.call("POST", "/api/v1/waitpoints/tokens", { body: {}, headers: CLIENT });
    const path = new URL(created.body.url).pathname;
    const unsized = await call("POST", path, { headers: CLIENT });
    expect(unsized.status).toBe(411);
    expectRefusal(unsized);
    const wrong = await call("POST", `${path}x`, { body: {}, headers: { ...CLIENT, "content-length": "2" } });
    expect(wrong.status).toBe(401);
    expectRefusal(wrong);
  });
});

describe("clients that send no API version", () => {
  it("read the older names of statuses, and attempts", async () => {
    const job = await ours.createJob({
      name: "waits",
      kind: "workflow",
      schedule: undefined,
      request: undefined,
      steps: [{ id: "pause", type: "wait", duration_seconds: 3_600 }],
    });
    const run = await ours.call("POST", `/api/v1/tasks/${job.id}/trigger`, { body: {}, headers: CLIENT });
    const path = `/api/v3/runs/${run.body.id}`;
    const fresh = await eventually(
      () => ours.call("GET", path, { headers: CLIENT }),
      ({ body }) => body.status === "WAITING",
    );
    expect(fresh.body).toMatchObject({ isWaiting: true, attempts: [] });
    const old = await ours.call("GET", path, { headers: { "trigger-version": "3.3.17" } });
    expect(old.body).toMatchObject({ status: "FROZEN", isWaiting: false, isExecuting: true, attempts: [] });
    const list = await eventually(
      () => ours.call("GET", "/api/v1/runs?filter[status]=FROZEN", { headers: { "trigger-version": "3.3.17" } }),
      ({ body }) => body.data.length === 1,
    );
    expect(list.body.data[0]).toMatchObject({ id: run.body.id, status: "FROZEN", attempts: [] });
  });

  it("are not repeated when a job retries", async () => {
    const job = await ours.createJob({
      name: "retries",
      retry_policy: { max_attempts: 2, backoff: { type: "fixed", initial_ms: 86_400_000, max_ms: 86_400_000 } },
      request: { url: TARGET },
    });
    const run = await ours.call("POST", `/api/v1/tasks/${job.id}/trigger`, { body: {}, headers: CLIENT });
    const old = await eventually(
      () => ours.call("GET", `/api/v3/runs/${run.body.id}`, { headers: { "trigger-version": "3.3.17" } }),
      ({ body }) => body.status === "REATTEMPTING",
    );
    expect(old.body).toMatchObject({ isExecuting: true, attemptCount: 1 });
    const fresh = await ours.call("GET", `/api/v3/runs/${run.body.id}`, { headers: CLIENT });
    expect(fresh.body.status).toBe("EXECUTING");
  });
});
