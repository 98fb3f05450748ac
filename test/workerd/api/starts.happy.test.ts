/** Starting executions by hand, later, once, and within bounds. */

import { beforeAll, describe, expect, it } from "vitest";
import type { Reply, TestWorkspace } from "./harness.ts";
import { createWorkspace, eventually } from "./harness.ts";

let workspace: TestWorkspace;
beforeAll(async () => {
  workspace = await createWorkspace();
});

const HOUR = 3_600;
const TRANSFORM = { id: "t", type: "transform", value: "{{input.n}}" };

const runNow = (jobId: string, body: unknown = {}, headers: Record<string, string> = {}): Promise<Reply> =>
  workspace.call("POST", `/v1/jobs/${jobId}/run-now`, { body, headers });
const read = (id: string): Promise<Reply> => workspace.call("GET", `/v1/executions/${id}`);

describe("POST /v1/jobs/:id/run-now", () => {
  it("starts an execution that is due later, in seconds or at a moment", async () => {
    const job = await workspace.createJob();
    const before = Date.now();
    const inAnHour = await runNow(job.id, { delay_seconds: HOUR });
    expect(inAnHour).toMatchObject({ status: 202, body: { status: "queued", started_at: null } });
    expect(Date.parse(inAnHour.body.scheduled_for)).toBeGreaterThanOrEqual(before + HOUR * 1_000);
    const moment = new Date(before + 2 * HOUR * 1_000).toISOString();
    expect((await runNow(job.id, { run_at: moment })).body.scheduled_for).toBe(moment);
    const passed = await runNow(job.id, { run_at: "2020-01-01T00:00:00Z" });
    expect(Date.parse(passed.body.scheduled_for)).toBeGreaterThanOrEqual(before);
    const listed = await eventually(
      () => workspace.call("GET", `/v1/jobs/${job.id}/executions?status=queued`),
      ({ body }) => body.data.length === 2,
    );
    expect(listed.body.data[0].scheduled_for).toBe(moment);
    // What is still to come is not the last one.
    expect((await workspace.call("GET", `/v1/jobs/${job.id}`)).body.last_execution?.id ?? passed.body.id).toBe(
      passed.body.id,
    );
  });

  it("keeps what a start asked for, and shows it with the input of a plain job", async () => {
    const job = await workspace.createJob();
    const asked = { ttl_seconds: 60, max_attempts: 2, concurrency_key: "c_42" };
    const { body } = await runNow(job.id, { ...asked, input: { n: 7 }, delay_seconds: HOUR });
    expect((await read(body.id)).body).toMatchObject({
      input: { n: 7 },
      start_options: { ...asked, idempotency_key: null, batch_id: null, bulk_action_id: null },
    });
    const plain = await runNow(job.id, { delay_seconds: HOUR });
    expect(Object.keys(plain.body)).not.toContain("start_options");
    expect(Object.keys(plain.body)).not.toContain("input");
  });

  it("makes as many attempts as the start allows", async () => {
    const job = await workspace.createJob({
      retry_policy: { max_attempts: 5, backoff: { type: "fixed", initial_ms: 1, jitter: false } },
    });
    const { body } = await runNow(job.id, { max_attempts: 2 });
    const ended = await eventually(
      () => read(body.id),
      (reply) => reply.body.status === "failed",
    );
    expect(ended.body.attempts).toHaveLength(2);
    expect(ended.body.error.message).toContain("Attempt 2 of 2");
  });

  it("answers the same Idempotency-Key with the first execution, on the same job", async () => {
    const [job, other] = [await workspace.createJob(), await workspace.createJob()];
    const key = { "idempotency-key": "order-1001" };
    const first = await runNow(job.id, { delay_seconds: HOUR }, key);
    expect(first).toMatchObject({ status: 202, body: { start_options: { idempotency_key: "order-1001" } } });
    const again = await runNow(job.id, {}, key);
    expect([again.status, again.body.id]).toEqual([200, first.body.id]);
    expect(again.headers.get("location")).toBe(`/v1/executions/${first.body.id}`);
    expect((await runNow(other.id, { delay_seconds: HOUR }, key)).status).toBe(202);
  });

  it("answers a key whose execution has ended with how it ended", async () => {
    const job = await workspace.createJob({
      kind: "workflow",
      schedule: undefined,
      request: undefined,
      steps: [TRANSFORM],
    });
    const key = { "idempotency-key": "once" };
    const first = await runNow(job.id, { input: { n: 1 } }, key);
    await eventually(
      () => workspace.call("GET", `/v1/jobs/${job.id}/executions?status=succeeded`),
      ({ body }) => body.data.length === 1,
    );
    const again = await eventually(
      () => runNow(job.id, { input: { n: 2 } }, key),
      ({ body }) => body.status === "succeeded",
    );
    expect(again).toMatchObject({ status: 200, body: { id: first.body.id, input: { n: 1 } } });
  });
});

describe("POST /v1/executions/:id/reschedule", () => {
  it("moves what is not due yet, and keeps its id", async () => {
    const job = await workspace.createJob();
    const started = await runNow(job.id, { delay_seconds: HOUR });
    const moved = await workspace.call("POST", `/v1/executions/${started.body.id}/reschedule`, {
      body: { run_at: LATER_THIS_YEAR },
    });
    expect(moved).toMatchObject({
      status: 200,
      body: { id: started.body.id, scheduled_for: LATER_THIS_YEAR, status: "queued" },
    });
    expect((await read(started.body.id)).body.scheduled_for).toBe(LATER_THIS_YEAR);
  });

  it("begins at once what is moved to now", async () => {
    const job = await workspace.createJob({ retry_policy: { max_attempts: 1 } });
    const started = await runNow(job.id, { delay_seconds: HOUR });
    const body = { run_at: "2020-01-01T00:00:00Z" };
    await workspace.call("POST", `/v1/executions/${started.body.id}/reschedule`, { body });
    await eventually(
      () => read(started.body.id),
      (reply) => reply.body.status === "failed",
    );
  });
});

describe("POST /v1/executions/:id/replay", () => {
  it("carries the input of a plain job over, and where it belongs, but not when it was to run", async () => {
    const job = await workspace.createJob({ retry_policy: { max_attempts: 1 } });
    const asked = { input: { n: 7 }, max_attempts: 3, concurrency_key: "c", ttl_seconds: 60, delay_seconds: HOUR };
    const { body } = await runNow(job.id, asked);
    await workspace.call("POST", `/v1/executions/${body.id}/cancel`);
    const replay = await workspace.call("POST", `/v1/executions/${body.id}/replay`);
    expect(replay.body).toMatchObject({
      source: "replay",
      input: { n: 7 },
      start_options: { max_attempts: 3, concurrency_key: "c", ttl_seconds: null },
    });
    expect(Date.parse(replay.body.scheduled_for)).toBeLessThan(Date.parse(body.scheduled_for));
  });
});

describe("a job's queue", () => {
  it("is paused and released by a PATCH, while starts are taken", async () => {
    const job = await workspace.createJob({ retry_policy: { max_attempts: 1 } });
    expect(job).toMatchObject({ queue_paused: false, concurrency_override: null });
    const url = `/v1/jobs/${job.id}`;
    expect((await workspace.call("PATCH", url, { body: { queue_paused: true } })).body.queue_paused).toBe(true);
    const { body } = await runNow(job.id);
    expect(body.status).toBe("queued");
    expect((await workspace.call("GET", url)).body).toMatchObject({ queue_paused: true, state: "active", version: 2 });
    expect((await read(body.id)).body.status).toBe("queued");
    await workspace.call("PATCH", url, { body: { queue_paused: null } });
    await eventually(
      () => read(body.id),
      (reply) => reply.body.status === "failed",
    );
  });

  it("takes another limit for a while, and then its own again", async () => {
    const job = await workspace.createJob({ concurrency_limit: 4 });
    const url = `/v1/jobs/${job.id}`;
    const override = await workspace.call("PATCH", url, { body: { concurrency_override: 9 } });
    expect(override.body).toMatchObject({ concurrency_limit: 4, concurrency_override: 9 });
    const reset = await workspace.call("PATCH", url, { body: { concurrency_override: null } });
    expect(reset.body).toMatchObject({ concurrency_limit: 4, concurrency_override: null });
    const versions = await workspace.call("GET", `${url}/versions`);
    expect(versions.body.data.map((each: { concurrency_override: unknown }) => each.concurrency_override)).toEqual([
      null,
      9,
      null,
    ]);
  });
});

/** Within the year that a due time may lie ahead. */
const LATER_THIS_YEAR = new Date(Date.now() + 300 * 24 * HOUR * 1_000).toISOString();
