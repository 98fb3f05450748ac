/** Every example of the documentation of the Runs API, replayed against the running Worker and compared field by field. */

import { beforeAll, describe, expect, it } from "vitest";
import type { Execution } from "../../../src/domain/execution/execution.ts";
import type { Job } from "../../../src/domain/job/job.ts";
import { TARGET } from "../api/harness.ts";
import { anAttempt, aStepRecord, aWorkflow } from "../db/builders.ts";
import type { RunsClient } from "./runsHarness.ts";
import { runsClient, storedJob, storedRun } from "./runsHarness.ts";
import {
  CANCELLED,
  FAILED_STEP,
  GET_LOGS,
  GET_RUN,
  LIST_RUNS,
  REFUSED,
  RESTART_BODIES,
  RESTARTED,
  RETRIED,
} from "./runsSeed.ts";

let client: RunsClient;
let job: Job;
beforeAll(async () => {
  client = await runsClient("contract");
  job = await storedJob(client.workspace);
});

const at = (iso: string) => Date.parse(iso);

/** An execution that took place when the example did. */
function timed(example: { readonly startedAt: string; readonly completedAt: string; readonly createdAt: string }) {
  return {
    scheduledForMs: at(example.createdAt),
    createdAtMs: at(example.createdAt),
    startedAtMs: at(example.startedAt),
    finishedAtMs: at(example.completedAt),
  };
}

function httpStep({
  stepId,
  startedAt,
  completedAt,
  input,
  output,
  attempt,
}: (typeof GET_RUN.data.stepResults)[number]) {
  return aStepRecord({
    path: stepId,
    type: "http",
    startedAtMs: at(startedAt),
    finishedAtMs: at(completedAt),
    input: { method: "POST", url: TARGET, headers: {}, body: input },
    output,
    attempts: [anAttempt({ number: attempt })],
  });
}

/** The run of the examples: started by a webhook, with two steps that succeeded. */
async function exampleRun() {
  const { data } = GET_RUN;
  const workflow = aWorkflow({
    triggerInput: { method: "POST", headers: {}, query: {}, content_type: "application/json", body: data.input },
    steps: data.stepResults.map(httpStep),
    finalOutput: data.output,
  });
  return await storedRun(job, { ...timed(data), source: "webhook", attempts: [], workflow });
}

/** What a step was given and gave belongs to the step: here a request, and what came back. */
const REQUEST = { method: "POST", url: TARGET, headers: {}, body: expect.any(Object) };
const RESPONSE = { data: expect.any(Object), status: 200, headers: expect.any(Object) };

describe("GET /runs/:id", () => {
  it("is the example", async () => {
    const run = await exampleRun();
    const reply = await client.call("GET", `/runs/${run.id}`);
    const stepResults = GET_RUN.data.stepResults.map((step) => ({ ...step, input: REQUEST, output: RESPONSE }));
    expect(reply.status).toBe(200);
    expect(reply.body).toEqual({
      ...GET_RUN,
      data: { ...GET_RUN.data, id: run.id, workflowId: run.workflowId, stepResults },
    });
    // What is absent is not null, and the other way round.
    expect(reply.body.data.stepResults.map(Object.keys)).toEqual(GET_RUN.data.stepResults.map(Object.keys));
  });
});

describe("GET /runs/:id/logs", () => {
  it("is the example", async () => {
    const run = await exampleRun();
    const reply = await client.call("GET", `/runs/${run.id}/logs`);
    const logs = GET_LOGS.data.logs.map((step) => ({ ...step, input: REQUEST, output: RESPONSE }));
    expect(reply.status).toBe(200);
    expect(reply.body).toEqual({
      ...GET_LOGS,
      data: { ...GET_LOGS.data, runId: run.id, workflowId: run.workflowId, logs },
    });
  });

  it("has a failed step as the example has it", async () => {
    const step = aStepRecord({
      path: FAILED_STEP.stepId,
      type: "transform",
      status: "failed",
      startedAtMs: at(FAILED_STEP.startedAt),
      finishedAtMs: at(FAILED_STEP.completedAt),
      input: FAILED_STEP.input,
      output: null,
      error: { code: "http_status", message: FAILED_STEP.error.message },
      attempts: [anAttempt({ number: 3 })],
    });
    const run = await storedRun(job, { status: "failed", workflow: aWorkflow({ steps: [step] }) });
    const reply = await client.call("GET", `/runs/${run.id}/logs`);
    expect(reply.body.data.logs).toEqual([FAILED_STEP]);
  });
});

describe("GET /runs", () => {
  it("is the example", async () => {
    const own = await runsClient("list");
    const owned = await storedJob(own.workspace);
    const [completed, failed] = LIST_RUNS.data;
    const error = { code: "network", message: failed.error.message };
    const older = { ...failed, startedAt: "2024-01-15T10:20:00.000Z", createdAt: "2024-01-15T10:20:00.000Z" };
    const runs = [
      await storedRun(owned, { ...timed(completed), source: "webhook" }),
      await storedRun(owned, { ...timed(failed), status: "failed", error }),
    ];
    await storedRun(owned, { ...timed(older) });
    const reply = await own.call("GET", "/runs?limit=2");
    expect(reply.status).toBe(200);
    expect(reply.body).toEqual({
      success: true,
      data: LIST_RUNS.data.map((run, index) => ({ ...run, id: runs[index]?.id, workflowId: runs[0]?.workflowId })),
      meta: { cursor: expect.stringMatching(/^[A-Za-z0-9+/]+=*$/), hasMore: true },
    });
    const example = JSON.parse(atob(LIST_RUNS.meta.cursor));
    const cursor = JSON.parse(atob(reply.body.meta.cursor));
    expect(Object.keys(cursor)).toEqual(Object.keys(example));
    expect(cursor).toEqual({ ts: at(failed.createdAt), id: runs[1]?.id });
    expect(typeof example.ts).toBe("number");
  });

  it("takes the example's query, and finds what failed", async () => {
    const run = await storedRun(job, { status: "failed", error: { code: "network", message: "x" } });
    const reply = await client.call("GET", "/runs?status=failed&limit=20");
    expect(reply.status).toBe(200);
    expect(reply.body.data.map(({ id }: { id: string }) => id)).toContain(run.id);
    expect(new Set(reply.body.data.map(({ status }: { status: string }) => status))).toEqual(new Set(["failed"]));
  });
});

const FAILING = [
  { id: "prepare", type: "transform", config: { sourceData: { n: "{{input.retryCount}}" } } },
  { id: "sync-to-crm", type: "api", config: { url: TARGET, retries: 0 } },
];

/** A run that failed at `sync-to-crm`, as nobody listens there. */
async function failedRun() {
  const workflowId = await client.workflow(FAILING);
  const id = await client.run(workflowId, { input: { retryCount: 0, keep: true } });
  await client.runIn(id, "failed");
  return { id, workflowId };
}

/** The example's fields with their types, and its values wherever they are not of one run alone. */
function answerLike(
  example: typeof RETRIED | typeof RESTARTED,
  { id, workflowId }: { id: string; workflowId: string },
) {
  return {
    ...example,
    data: {
      ...example.data,
      originalRunId: id,
      newRunId: expect.stringMatching(/^run_/),
      workflowId,
      createdAt: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/),
    },
  };
}

describe("POST /runs/:id/retry", () => {
  it("is the example: from the first failed step, with the original's input", async () => {
    const failed = await failedRun();
    const reply = await client.call("POST", `/runs/${failed.id}/retry`);
    expect(reply).toMatchObject({ status: 202 });
    expect(reply.body).toEqual(answerLike(RETRIED, failed));
    const { body } = await client.runIn(reply.body.data.newRunId, "failed");
    expect(body.data).toMatchObject({
      restartedFromRunId: failed.id,
      input: { retryCount: 0, keep: true },
      stepResults: [
        { stepId: "prepare", output: { result: { n: 0 } } },
        { stepId: "sync-to-crm", status: "error" },
      ],
    });
  });

  it("is refused as in the example", async () => {
    const { id } = await exampleRun();
    expect(await client.call("POST", `/runs/${id}/retry`)).toMatchObject(REFUSED.retry);
  });
});

describe("POST /runs/:id/restart", () => {
  it.each(RESTART_BODIES)("is the example: %j", async (body) => {
    const failed = await failedRun();
    const reply = await client.call("POST", `/runs/${failed.id}/restart`, body);
    expect(reply).toMatchObject({ status: 202 });
    expect(reply.body).toEqual(answerLike(RESTARTED, failed));
    const { body: run } = await client.runIn(reply.body.data.newRunId, "failed");
    expect(run.data).toMatchObject({
      restartedFromRunId: failed.id,
      input: { retryCount: 0, keep: true, ...body.overrideInput },
      // Kept: the step before the restart point has what it had.
      stepResults: [{ stepId: "prepare", output: { result: { n: 0 } } }, { stepId: "sync-to-crm" }],
    });
  });

  it("names a step that there is not as in the example", async () => {
    const { id } = await exampleRun();
    const reply = await client.call("POST", `/runs/${id}/restart`, { fromStepId: "invalid-step-id" });
    expect([reply.status, reply.body]).toEqual([REFUSED.step.status, REFUSED.step.body]);
  });
});

describe("POST /runs/:id/cancel", () => {
  it("is the example", async () => {
    const workflowId = await client.workflow([{ id: "rest", type: "wait", config: { duration: 1, unit: "hours" } }]);
    const id = await client.run(workflowId);
    const reply = await client.call("POST", `/runs/${id}/cancel`);
    expect([reply.status, reply.body]).toEqual([200, { ...CANCELLED, data: { ...CANCELLED.data, id } }]);
    expect((await client.runIn(id, "cancelled")).body.data.error.code).toBe("CANCELLED");
  });

  it("is refused as in the example", async () => {
    const { id } = await exampleRun();
    const reply = await client.call("POST", `/runs/${id}/cancel`);
    expect([reply.status, reply.body]).toEqual([REFUSED.cancel.status, REFUSED.cancel.body]);
  });
});

describe("a run that there is not", () => {
  const unknown: Pick<Execution, "id"> = { id: `exe_${"0".repeat(32)}` };

  it.each([
    ["GET", "/runs/ID"],
    ["GET", "/runs/ID/logs"],
    ["POST", "/runs/ID/cancel"],
    ["POST", "/runs/ID/retry"],
    ["POST", "/runs/ID/restart"],
  ])("%s %s is the example", async (method, path) => {
    for (const id of ["run_550e8400-e29b-41d4-a716-446655440000", "run_xxx", unknown.id.replace("exe_", "run_")]) {
      const body = path.endsWith("restart") ? { fromStepId: "sync-to-crm" } : undefined;
      const reply = await client.call(method, path.replace("ID", id), body);
      expect([reply.status, reply.body]).toEqual([REFUSED.missing.status, REFUSED.missing.body]);
    }
  });
});

describe("polling for completion", () => {
  /** As the documentation has it, but for the second between two looks. */
  async function waitForCompletion(runId: string): Promise<unknown> {
    for (;;) {
      const { data } = (await client.call("GET", `/runs/${runId}`)).body;
      if (data.status === "completed") return data.output;
      if (data.status === "failed") throw new Error(data.error?.message || "Workflow failed");
      if (data.status === "cancelled") throw new Error("Workflow was cancelled");
      await new Promise((resolve) => {
        setTimeout(resolve, 20);
      });
    }
  }

  it("gives the output, or the error", async () => {
    const workflowId = await client.workflow([{ id: "sum", type: "transform", config: { sourceData: "{{input.n}}" } }]);
    expect(await waitForCompletion(await client.run(workflowId, { input: { n: 3 } }))).toEqual({ result: 3 });
    const failing = await client.run(await client.workflow(FAILING));
    await expect(waitForCompletion(failing)).rejects.toThrow('Step "sync-to-crm" failed');
  });
});
