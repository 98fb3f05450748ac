/** The list of the Trigify face over a whole instance: the example of the seed, field by field, and what it does not say. */

import { env } from "cloudflare:workers";
import { beforeAll, describe, expect, it } from "vitest";
import { departures, keysOf } from "../../support/contract.ts";
import type { TestWorkspace } from "../api/harness.ts";
import { createWorkspace, eventually, park } from "../api/harness.ts";
import { storageOn } from "../db/storage.ts";
import type { TrigifyClient } from "./trigify.ts";
import { ENRICH, GREET, runId, trigifyClient, wf } from "./trigify.ts";

/** The example of the seed. */
const EXAMPLE = {
  success: true,
  data: {
    executions: [
      {
        run_id: "run_x7k9m2",
        status: "completed",
        started_at: "2026-03-27T10:15:00.000Z",
        completed_at: "2026-03-27T10:15:04.320Z",
        duration: 4320,
        error: null,
      },
      {
        run_id: "run_p3n8q1",
        status: "failed",
        started_at: "2026-03-27T09:00:00.000Z",
        completed_at: "2026-03-27T09:00:02.150Z",
        duration: 2150,
        error: "Step 'Enrich profile' failed: profile not found",
      },
      {
        run_id: "run_a1b2c3",
        status: "running",
        started_at: "2026-03-27T10:30:00.000Z",
        completed_at: null,
        duration: null,
        error: null,
      },
    ],
    pagination: { page: 1, page_size: 20, total_count: 142, total_pages: 8 },
  },
};
const [COMPLETED, FAILED, RUNNING] = EXAMPLE.data.executions;

let workspace: TestWorkspace;
let trigify: TrigifyClient;
beforeAll(async () => {
  workspace = await createWorkspace();
  trigify = trigifyClient(workspace);
});

describe("GET /v1/workflows/:id/executions", () => {
  it("is the seed's example, for an execution of each status", async () => {
    const { jobId, executionId } = await park(workspace, {}, { type: "wait_for_webhook", id: "answer" });
    const running = await eventually(
      () => trigify.listOf(jobId),
      ({ body }) => body.data.executions.length === 1,
    );
    expect(running.status).toBe(200);
    expect(running.body.data.executions[0]).toEqual({
      ...RUNNING,
      run_id: runId(executionId),
      started_at: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/),
    });

    const completedId = await trigify.createFlow([GREET]);
    await trigify.start(completedId);
    const completed = await trigify.ended(completedId, 1);
    const failedId = await trigify.createFlow([ENRICH]);
    const failedRun = await trigify.start(failedId);
    const failed = await trigify.ended(failedId, 1);
    for (const [example, reply, status] of [
      [COMPLETED, completed, "completed"],
      [FAILED, failed, "failed"],
    ] as const) {
      const whole = { ...EXAMPLE, data: { ...EXAMPLE.data, executions: [example] } };
      expect(departures(whole, reply.body)).toEqual([]);
      const [shown] = reply.body.data.executions;
      expect([keysOf(reply.body), keysOf(reply.body.data), keysOf(shown)]).toEqual([
        keysOf(EXAMPLE),
        keysOf(EXAMPLE.data),
        keysOf(COMPLETED ?? {}),
      ]);
      expect(shown.status).toBe(status);
      expect(shown.duration).toBe(Date.parse(shown.completed_at) - Date.parse(shown.started_at));
      expect(reply.body.data.pagination).toEqual({ page: 1, page_size: 100, total_count: 1, total_pages: 1 });
    }
    const native = await workspace.call("GET", `/v1/executions/${failedRun}`);
    const { message } = native.body.step_executions[0].error;
    expect(failed.body.data.executions[0]).toMatchObject({
      run_id: runId(failedRun),
      error: `Step 'Enrich profile' failed: ${message}`,
    });
  });

  it("names a step as it was called when it failed", async () => {
    const jobId = await trigify.createFlow([ENRICH]);
    await trigify.start(jobId);
    await trigify.ended(jobId, 1);
    await workspace.call("PATCH", `/v1/jobs/${jobId}`, { body: { steps: [{ ...ENRICH, name: "Look up" }] } });
    await trigify.start(jobId);
    await trigify.ended(jobId, 2);
    await workspace.call("PATCH", `/v1/jobs/${jobId}`, { body: { steps: [{ ...ENRICH, name: null }] } });
    await trigify.start(jobId);
    const { body } = await trigify.ended(jobId, 3);
    expect(body.data.executions.map(({ error }: { error: string }) => /'(.*?)'/.exec(error)?.[1])).toEqual([
      "enrich",
      "Look up",
      "Enrich profile",
    ]);
  });

  it("names the one step of a plain job, and none for what was cancelled", async () => {
    const slow = { max_attempts: 2, backoff: { type: "fixed", initial_ms: 86_400_000, max_ms: 86_400_000 } };
    const job = await workspace.createJob({ concurrency_limit: 1, retry_policy: slow });
    const [running, queued] = [await trigify.start(job.id), await trigify.start(job.id)];
    const both = await eventually(
      () => trigify.listOf(job.id),
      ({ body }) => body.data.executions.length === 2,
    );
    expect(both.body.data.executions).toMatchObject([{ status: "running" }, { status: "running" }]);
    for (const id of [queued, running]) await workspace.call("POST", `/v1/executions/${id}/cancel`);
    const cancelled = await trigify.ended(job.id, 2);
    for (const shown of cancelled.body.data.executions) {
      expect(shown).toMatchObject({
        status: "failed",
        completed_at: expect.any(String),
        duration: Date.parse(shown.completed_at) - Date.parse(shown.started_at),
        error: "Cancelled by request.",
      });
    }
    const plain = await workspace.createJob({ retry_policy: { max_attempts: 1 } });
    await trigify.start(plain.id);
    const { body } = await trigify.ended(plain.id, 1);
    expect(body.data.executions[0].error).toMatch(/^Step 'HTTP request' failed: ./);
  });

  it("has exact totals right after many starts, and pages that show each execution once", async () => {
    const jobId = await trigify.createFlow([GREET]);
    const ids = await Promise.all(Array.from({ length: 45 }, () => trigify.start(jobId)));
    const at = async (query: string) => (await trigify.listOf(jobId, query)).body.data;
    expect((await at("?page_size=10")).pagination).toEqual({
      page: 1,
      page_size: 10,
      total_count: 45,
      total_pages: 5,
    });
    await trigify.ended(jobId, 45);
    const walked: string[] = [];
    for (const page of [1, 2, 3, 4, 5]) {
      const { executions, pagination } = await at(`?page=${page}&page_size=10`);
      expect(pagination).toEqual({ page, page_size: 10, total_count: 45, total_pages: 5 });
      expect(executions).toHaveLength(page === 5 ? 5 : 10);
      walked.push(...executions.map(({ run_id }: { run_id: string }) => run_id));
    }
    expect(walked.toSorted()).toEqual(ids.map(runId).toSorted());
    expect(walked).toEqual(walked.toSorted().toReversed());
    expect(await at("?page=6&page_size=10")).toEqual({
      executions: [],
      pagination: { page: 6, page_size: 10, total_count: 45, total_pages: 5 },
    });
    expect((await at("")).executions).toHaveLength(20);
    expect((await at("")).pagination).toEqual({ page: 1, page_size: 20, total_count: 45, total_pages: 3 });
  });

  it("counts no longer what was removed with age", async () => {
    const jobId = await trigify.createFlow([GREET]);
    await Promise.all([trigify.start(jobId), trigify.start(jobId)]);
    await trigify.ended(jobId, 2);
    const { executions } = storageOn(env.DB);
    expect(await executions.prune(Date.now() + 60_000, 1_000)).toBeGreaterThanOrEqual(2);
    const last = await trigify.start(jobId);
    const { data } = (await trigify.ended(jobId, 1)).body;
    expect(data.executions).toMatchObject([{ run_id: runId(last) }]);
    expect(data.pagination).toEqual({ page: 1, page_size: 100, total_count: 1, total_pages: 1 });
  });

  it("is empty for a workflow that never ran", async () => {
    const { id } = await workspace.createJob();
    expect((await trigify.listOf(id)).body).toEqual({
      success: true,
      data: { executions: [], pagination: { page: 1, page_size: 20, total_count: 0, total_pages: 0 } },
    });
  });

  it.each([
    ["page=0", ["page must be a whole number from 1 to 1000000000."]],
    ["page=-1", ["page must be a whole number from 1 to 1000000000."]],
    ["page=1.5", ["page must be a whole number from 1 to 1000000000."]],
    ["page=two", ["page must be a whole number from 1 to 1000000000."]],
    ["page_size=0", ["page_size must be a whole number from 1 to 100."]],
    ["page_size=101", ["page_size must be a whole number from 1 to 100."]],
    ["page=&page_size=", [expect.stringContaining("page"), expect.stringContaining("page_size")]],
  ])("refuses %s with what would be accepted", async (query, errors) => {
    const { id } = await workspace.createJob();
    const reply = await trigify.listOf(id, `?${query}`);
    expect(reply.status).toBe(400);
    expect(reply.body).toEqual({
      success: false,
      error: { code: "VALIDATION_ERROR", message: expect.any(String), details: { errors }, suggestion: null },
    });
  });

  it("takes the ids of both APIs, with and without their prefix, and parameters that it does not know", async () => {
    const { id } = await workspace.createJob();
    for (const name of [id, wf(id), id.slice("job_".length)]) {
      expect([name, (await trigify.get(`/v1/workflows/${name}/executions?expand=all`)).status]).toEqual([name, 200]);
    }
  });
});
