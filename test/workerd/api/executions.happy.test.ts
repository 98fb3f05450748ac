import { beforeAll, describe, expect, it } from "vitest";
import type { Reply, TestWorkspace } from "./harness.ts";
import { createWorkspace, eventually } from "./harness.ts";

let workspace: TestWorkspace;
beforeAll(async () => {
  workspace = await createWorkspace();
});

const ONCE = { retry_policy: { max_attempts: 1 } };

async function finished(id: string): Promise<Reply> {
  return await eventually(
    () => workspace.call("GET", `/v1/executions/${id}`),
    ({ body }) => ["succeeded", "failed", "cancelled"].includes(body.status),
  );
}

/** An execution that stays queued: the job's one slot is taken by another one that waits for its retry. */
async function queuedExecution(): Promise<{ jobId: string; running: string; queued: string }> {
  const job = await workspace.createJob({
    concurrency_limit: 1,
    retry_policy: { max_attempts: 2, backoff: { type: "fixed", initial_ms: 86_400_000, max_ms: 86_400_000 } },
  });
  const running = await workspace.call("POST", `/v1/jobs/${job.id}/run-now`);
  const queued = await workspace.call("POST", `/v1/jobs/${job.id}/run-now`);
  return { jobId: job.id, running: running.body.id, queued: queued.body.id };
}

describe("POST /v1/jobs/:id/run-now", () => {
  it("starts an execution that can be read at once, and leaves the schedule alone", async () => {
    const job = await workspace.createJob(ONCE);
    const started = await workspace.call("POST", `/v1/jobs/${job.id}/run-now`, { body: {} });
    expect(started).toMatchObject({
      status: 202,
      body: { job_id: job.id, job_name: "job", job_version: 1, source: "manual", replayed_from: null },
    });
    expect(started.headers.get("location")).toBe(`/v1/executions/${started.body.id}`);
    const read = await workspace.call("GET", `/v1/executions/${started.body.id}`);
    expect(read).toMatchObject({ status: 200, body: { id: started.body.id, created_at: started.body.created_at } });
    expect((await workspace.call("GET", `/v1/jobs/${job.id}`)).body.next_run_at).toBe(job.next_run_at);
  });

  it("runs a job in any state", async () => {
    for (const state of ["draft", "paused"]) {
      const job = await workspace.createJob({ ...ONCE, state });
      const started = await workspace.call("POST", `/v1/jobs/${job.id}/run-now`);
      expect((await finished(started.body.id)).body.status).toBe("failed");
    }
  });
});

describe("GET /v1/executions/:id", () => {
  it("shows attempts in the seed's form", async () => {
    const job = await workspace.createJob(ONCE);
    const started = await workspace.call("POST", `/v1/jobs/${job.id}/run-now`);
    const { body } = await finished(started.body.id);
    expect(body).toMatchObject({ status: "failed", final_response: null, output: null, replayed_from: null });
    expect(body.attempts).toHaveLength(1);
    expect(body.attempts[0]).toMatchObject({
      number: 1,
      status: "CONNECTION_ERROR",
      statusCode: null,
      bodyPreview: null,
      errorClass: expect.any(String),
      startedAt: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/),
    });
    expect(body.duration_ms).toBe(Date.parse(body.finished_at) - Date.parse(body.started_at));
    expect(body.lateness_ms).toBe(Date.parse(body.started_at) - Date.parse(body.scheduled_for));
  });
});

describe("GET /v1/executions", () => {
  it("lists, filters and pages", async () => {
    const own = await createWorkspace("lists");
    const call = (path: string) => own.call("GET", path);
    const jobs = [await own.createJob({ ...ONCE, name: "Alpha" }), await own.createJob({ ...ONCE, name: "beta" })];
    for (const job of jobs) await own.call("POST", `/v1/jobs/${job.id}/run-now`);
    const all = await eventually(
      () => call("/v1/executions"),
      ({ body }) => body.data.length === 2 && body.data.every((each: { status: string }) => each.status === "failed"),
    );
    expect(all.body.data[0]).toMatchObject({ job_name: "beta", attempt_count: 1, last_status_code: null });
    const ids = async (query: string) =>
      (await call(query)).body.data.map((each: { job_name: string }) => each.job_name);
    expect(await ids("/v1/executions?order=asc")).toEqual(["Alpha", "beta"]);
    expect(await ids("/v1/executions?job_name=ALPH")).toEqual(["Alpha"]);
    expect(await ids("/v1/executions?status=succeeded")).toEqual([]);
    expect(await ids("/v1/executions?source=manual&sort=created_at")).toEqual(["beta", "Alpha"]);
    expect(await ids(`/v1/executions?job_id=${jobs[0]?.id}`)).toEqual(["Alpha"]);
    expect(await ids(`/v1/jobs/${jobs[1]?.id}/executions`)).toEqual(["beta"]);
    expect(await ids("/v1/executions?to=2020-01-01T00:00:00Z")).toEqual([]);
    const first = await call("/v1/executions?limit=1");
    expect(first.body.pagination).toMatchObject({ limit: 1, has_more: true });
    expect(await ids(`/v1/executions?limit=1&cursor=${first.body.pagination.next_cursor}`)).toEqual(["Alpha"]);
    expect(await ids("/v1/executions?limit=1&offset=1")).toEqual(["Alpha"]);
    expect((await call("/v1/jobs?name=beta")).body.data[0].last_execution).toMatchObject({ status: "failed" });
  });
});

describe("POST /v1/executions/:id/replay", () => {
  it("runs the job again and leaves the original as it is", async () => {
    const job = await workspace.createJob(ONCE);
    const started = await workspace.call("POST", `/v1/jobs/${job.id}/run-now`);
    const original = await finished(started.body.id);
    const replay = await workspace.call("POST", `/v1/executions/${started.body.id}/replay`);
    expect(replay).toMatchObject({
      status: 202,
      body: { source: "replay", replayed_from: started.body.id, job_id: job.id },
    });
    expect(replay.body.id).not.toBe(started.body.id);
    expect((await workspace.call("GET", `/v1/executions/${started.body.id}`)).body).toEqual(original.body);
  });
});

describe("POST /v1/executions/:id/cancel", () => {
  it("ends what waits, and what has ended cannot be cancelled again", async () => {
    const { queued, running } = await queuedExecution();
    for (const id of [queued, running]) {
      const cancelled = await workspace.call("POST", `/v1/executions/${id}/cancel`);
      expect(cancelled).toMatchObject({ status: 200, body: { id, status: "cancelled", error: { code: "cancelled" } } });
      const again = await workspace.call("POST", `/v1/executions/${id}/cancel`);
      expect(again).toMatchObject({ status: 409, body: { error: { code: "already_finished" } } });
      expect((await workspace.call("GET", `/v1/executions/${id}`)).body.status).toBe("cancelled");
    }
  });
});

describe("an execution that is not finished", () => {
  it("cannot be replayed", async () => {
    const { queued } = await queuedExecution();
    const replay = await workspace.call("POST", `/v1/executions/${queued}/replay`);
    expect(replay).toMatchObject({
      status: 409,
      body: { error: { code: "not_finished", details: { status: "queued" } } },
    });
  });
});

describe("a one_time job", () => {
  it("runs at once, is completed, and takes a new schedule", async () => {
    const job = await workspace.createJob({ ...ONCE, kind: "one_time", schedule: undefined });
    expect(job.next_run_at).toBe(job.created_at);
    const done = await eventually(
      () => workspace.call("GET", `/v1/jobs/${job.id}`),
      ({ body }) => body.state === "completed",
    );
    expect(done.body).toMatchObject({ next_run_at: null, last_execution: { source: "schedule", status: "failed" } });
    for (const action of ["pause", "resume", "activate"]) {
      const reply = await workspace.call("POST", `/v1/jobs/${job.id}/${action}`);
      expect(reply).toMatchObject({ status: 409, body: { error: { code: "job_completed" } } });
    }
    const active = await workspace.call("PATCH", `/v1/jobs/${job.id}`, { body: { state: "active" } });
    expect(active.status).toBe(409);
    const body = { kind: "recurring", schedule: { every_n_minutes: 60 } };
    expect((await workspace.call("PATCH", `/v1/jobs/${job.id}`, { body })).body).toMatchObject({ state: "active" });
  });

  it("does not run twice because it was paused and resumed", async () => {
    const job = await workspace.createJob({
      kind: "one_time",
      schedule: undefined,
      retry_policy: { max_attempts: 2, backoff: { type: "fixed", initial_ms: 86_400_000, max_ms: 86_400_000 } },
    });
    await workspace.call("POST", `/v1/jobs/${job.id}/pause`);
    expect((await workspace.call("POST", `/v1/jobs/${job.id}/resume`)).body.state).toBe("active");
    const own = await eventually(
      () => workspace.call("GET", `/v1/jobs/${job.id}/executions`),
      ({ body }) => body.data.length > 0,
    );
    expect(own.body.data).toHaveLength(1);
  });
});
