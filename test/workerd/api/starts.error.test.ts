/** What a start, or a move of one, is refused for. */

import { beforeAll, describe, expect, it } from "vitest";
import type { TestWorkspace } from "./harness.ts";
import { createWorkspace, LATER, paths } from "./harness.ts";

let workspace: TestWorkspace;
let jobId: string;
beforeAll(async () => {
  workspace = await createWorkspace();
  jobId = (await workspace.createJob()).id;
});

describe("POST /v1/jobs/:id/run-now", () => {
  it.each([
    ["delay_seconds", { delay_seconds: 0 }],
    ["delay_seconds", { delay_seconds: 366 * 24 * 3_600 }],
    ["run_at", { run_at: "tomorrow" }],
    ["run_at", { run_at: LATER }],
    ["run_at", { run_at: "2030-01-01T00:00:00Z", delay_seconds: 5 }],
    ["ttl_seconds", { ttl_seconds: 0 }],
    ["max_attempts", { max_attempts: 11 }],
    ["concurrency_key", { concurrency_key: "" }],
    ["concurrency_key", { concurrency_key: "x".repeat(256) }],
    ["dealy_seconds", { dealy_seconds: 5 }],
  ])("names %s in %j", async (path, body) => {
    const reply = await workspace.call("POST", `/v1/jobs/${jobId}/run-now`, { body });
    expect([reply.status, paths(reply)]).toEqual([400, [path]]);
  });

  it("names an Idempotency-Key that is none", async () => {
    const headers = { "idempotency-key": "two words" };
    const reply = await workspace.call("POST", `/v1/jobs/${jobId}/run-now`, { headers });
    expect([reply.status, paths(reply)]).toEqual([400, ["Idempotency-Key"]]);
  });
});

describe("POST /v1/executions/:id/reschedule", () => {
  const delayed = async (): Promise<string> =>
    (await workspace.call("POST", `/v1/jobs/${jobId}/run-now`, { body: { delay_seconds: 3_600 } })).body.id;
  const move = (id: string, body: unknown) => workspace.call("POST", `/v1/executions/${id}/reschedule`, { body });

  it.each([
    ["nothing", {}],
    ["both", { run_at: "2030-01-01T00:00:00Z", delay_seconds: 5 }],
    ["too far ahead", { run_at: LATER }],
  ])("wants one moment, within a year: %s", async (_what, body) => {
    const reply = await move(await delayed(), body);
    expect([reply.status, paths(reply)]).toEqual([400, ["run_at"]]);
  });

  it("is refused for what has ended, and does not know what is not there", async () => {
    const id = await delayed();
    await workspace.call("POST", `/v1/executions/${id}/cancel`);
    expect(await move(id, { delay_seconds: 5 })).toMatchObject({
      status: 409,
      body: { error: { code: "not_delayed", details: { status: "cancelled" } } },
    });
    expect((await move(`exe_${"0".repeat(32)}`, { delay_seconds: 5 })).status).toBe(404);
    const stranger = await createWorkspace("stranger");
    const id2 = await delayed();
    const body = { delay_seconds: 5 };
    expect((await stranger.call("POST", `/v1/executions/${id2}/reschedule`, { body })).status).toBe(404);
  });
});

describe("PATCH /v1/jobs/:id", () => {
  it.each([
    ["concurrency_override", { concurrency_override: 0 }],
    ["concurrency_override", { concurrency_override: 101 }],
    ["queue_paused", { queue_paused: "yes" }],
  ])("names %s in %j", async (path, body) => {
    const reply = await workspace.call("PATCH", `/v1/jobs/${jobId}`, { body });
    expect([reply.status, paths(reply)]).toEqual([400, [path]]);
  });
});
