import { beforeAll, describe, expect, it } from "vitest";
import type { Execution } from "../../../src/domain/execution/execution.ts";
import { TIMEOUT_CODES } from "../../../src/domain/execution/statusFilter.ts";
import type { Job } from "../../../src/domain/job/job.ts";
import { RUN_STATUSES } from "../../../src/http/compat/runs/runStatus.ts";
import type { Reply } from "../api/harness.ts";
import { call, eventually, TARGET } from "../api/harness.ts";
import { anAttempt, aStepRecord, aWorkflow, START_MS } from "../db/builders.ts";
import type { RunsClient } from "./runsHarness.ts";
import { runsClient, storedJob, storedRun } from "./runsHarness.ts";
import { REFUSED } from "./runsSeed.ts";

let client: RunsClient;
let job: Job;
beforeAll(async () => {
  client = await runsClient("runs");
  job = await storedJob(client.workspace);
});

const idsIn = (reply: Reply): string[] => reply.body.data.map(({ id }: { id: string }) => id);
const fieldsOf = (reply: Reply): string[] => reply.body.error.details.map(({ field }: { field: string }) => field);

const STEPS = [aStepRecord({ path: "first" }), aStepRecord({ path: "second" })];

/** How an execution looks in each state of a run, as the history has it. */
const PICTURES: Readonly<Record<(typeof RUN_STATUSES)[number], Partial<Execution>>> = {
  pending: { status: "queued", startedAtMs: null, finishedAtMs: null, attempts: [] },
  running: { status: "running", finishedAtMs: null, attempts: [] },
  suspended: { status: "waiting", finishedAtMs: null, attempts: [] },
  completed: { status: "succeeded" },
  failed: { status: "failed", error: { code: "http_status", message: "x" } },
  cancelled: { status: "cancelled", error: { code: "expired", message: "x" } },
  timeout: { status: "failed", error: { code: TIMEOUT_CODES[1] ?? "", message: "x" } },
};

describe("the list of runs", () => {
  it.each(RUN_STATUSES)("finds those that are %s, and no others", async (status) => {
    const own = await storedJob(client.workspace);
    const ids: Record<string, string> = {};
    for (const [index, each] of RUN_STATUSES.entries()) {
      ids[each] = (await storedRun(own, { ...PICTURES[each], scheduledForMs: START_MS + index })).id;
    }
    const reply = await client.call("GET", `/runs?workflowId=${own.id.replace("job_", "wf_")}&status=${status}`);
    expect(reply.body.data).toMatchObject([{ id: ids[status], status }]);
    expect(reply.body.meta).toEqual({ cursor: null, hasMore: false });
  });

  it("pages newest first, and neither skips nor repeats while runs arrive", async () => {
    const own = await storedJob(client.workspace);
    const wanted: string[] = [];
    for (let each = 0; each < 7; each++) {
      wanted.unshift((await storedRun(own, { scheduledForMs: START_MS + 1_000 + each })).id);
    }
    const seen: string[] = [];
    let cursor: string | null = null;
    do {
      const reply: Reply = await client.call(
        "GET",
        `/runs?workflowId=${own.id}&limit=3${cursor === null ? "" : `&cursor=${encodeURIComponent(cursor)}`}`,
      );
      seen.push(...idsIn(reply));
      ({ cursor } = reply.body.meta);
      expect(reply.body.meta.hasMore).toBe(cursor !== null);
      await storedRun(own, { scheduledForMs: START_MS + 5_000 + seen.length });
    } while (cursor !== null);
    expect(seen).toEqual(wanted);
  });

  it("takes a workflow's id with its prefix, with ours and with none, and finds nothing for any other", async () => {
    const own = await storedJob(client.workspace);
    const { id } = await storedRun(own);
    const bare = own.id.slice("job_".length);
    for (const workflowId of [own.id, bare, `wf_${bare}`]) {
      expect(idsIn(await client.call("GET", `/runs?workflowId=${workflowId}`))).toEqual([id]);
    }
    expect(await client.call("GET", "/runs?workflowId=wf_xxx")).toMatchObject({
      status: 200,
      body: { success: true, data: [], meta: { cursor: null, hasMore: false } },
    });
  });

  it.each([
    ["limit=0", "limit"],
    ["limit=101", "limit"],
    ["limit=ten", "limit"],
    ["status=succeeded", "status"],
    ["cursor=%%%", "cursor"],
    ["cursor=eyJ0cyI6MTcwNTMxMjAwMDAwMCwiaWQiOiJydW5fNjYwZTg0MDAuLi4ifQ==", "cursor"],
    ["page=2", "page"],
  ])("refuses ?%s", async (query, field) => {
    const reply = await client.call("GET", `/runs?${query}`);
    expect(reply).toMatchObject({ status: 400, body: { success: false, error: { code: "VALIDATION_ERROR" } } });
    expect(fieldsOf(reply)).toEqual([field]);
  });

  it("holds the runs of one workspace alone", async () => {
    const { id } = await storedRun(job);
    const theirs = await runsClient("theirs");
    expect(idsIn(await theirs.call("GET", "/runs"))).toEqual([]);
    expect((await theirs.call("GET", `/runs/${id}`)).status).toBe(404);
  });
});

describe("a run in a state that does not allow it", () => {
  it("says so in the seed's words", async () => {
    const { id } = await storedRun(job, PICTURES.cancelled);
    expect(await client.call("POST", `/runs/${id}/cancel`)).toMatchObject(REFUSED.cancel);
    expect(await client.call("POST", `/runs/${id}/retry`)).toMatchObject(REFUSED.retry);
    expect(await client.call("POST", `/runs/${id}/restart`, { fromStepId: "request" })).toMatchObject({
      status: 400,
      body: { error: { code: "INVALID_STATE", message: "Can only restart completed or failed runs" } },
    });
  });
});

describe("a restart", () => {
  it.each([
    [{}, "fromStepId"],
    [{ fromStepId: 1 }, "fromStepId"],
    [{ fromStepId: "second", overrideInput: [1] }, "overrideInput"],
    [{ fromStepId: "second", from_step: "x" }, "from_step"],
  ])("refuses %j", async (body, field) => {
    const { id } = await storedRun(job, { workflow: aWorkflow({ steps: STEPS }) });
    const reply = await client.call("POST", `/runs/${id}/restart`, body);
    expect(reply).toMatchObject({ status: 400, body: { error: { code: "VALIDATION_ERROR" } } });
    expect(fieldsOf(reply)).toEqual([field]);
  });

  it("begins within a loop where its path says, and is named by it", async () => {
    const workflowId = await client.workflow([
      { id: "each", type: "loop", config: { collection: [1, 2], steps: ["turn"] } },
      {
        id: "turn",
        type: "transform",
        config: { sourceData: { n: "{{steps.each.currentItem}}", by: "{{input.by}}" } },
      },
    ]);
    const id = await client.run(workflowId, { input: { by: "a" } });
    await client.runIn(id, "completed");
    const body = { fromStepId: "each[1].turn", overrideInput: { by: "b" } };
    const restarted = await client.call("POST", `/runs/${id}/restart`, body);
    expect(restarted.body.data).toMatchObject({ restartFromStepId: "each[1].turn", status: "pending" });
    const { body: run } = await client.runIn(restarted.body.data.newRunId, "completed");
    const turns = run.data.stepResults.filter(({ stepId }: { stepId: string }) => stepId !== "each");
    expect(turns).toMatchObject([
      { stepId: "each[0].turn", output: { result: { n: 1, by: "a" } } },
      { stepId: "each[1].turn", output: { result: { n: 2, by: "b" } } },
    ]);
  });
});

describe("a run that a webhook started", () => {
  it("has the body as its input, which a restart overrides", async () => {
    const steps = [{ id: "total", type: "transform", config: { sourceData: "{{input.data.total}}" } }];
    const workflowId = await client.workflow(steps, { trigger: { type: "webhook" } });
    const { url } = (await client.call("GET", `/workflows/${workflowId}`)).body.data.trigger;
    const posted = await call("POST", new URL(url).pathname, { body: { type: "paid", data: { total: 3 } } });
    expect(posted.status).toBe(202);
    const [{ id }] = (await listed(workflowId)).body.data;
    const { body } = await client.runIn(id, "completed");
    expect(body.data).toMatchObject({
      triggerType: "webhook",
      input: { type: "paid", data: { total: 3 } },
      output: { result: 3 },
    });
    const override = { fromStepId: "total", overrideInput: { data: { total: 4 } } };
    const restarted = await client.call("POST", `/runs/${id}/restart`, override);
    const again = await client.runIn(restarted.body.data.newRunId, "completed");
    expect(again.body.data).toMatchObject({
      triggerType: "api",
      restartedFromRunId: id,
      input: { type: "paid", data: { total: 4 } },
      output: { result: 4 },
    });
  });

  /** Lists may be two seconds behind. */
  function listed(workflowId: string): Promise<Reply> {
    return eventually(
      () => client.call("GET", `/runs?workflowId=${workflowId}`),
      ({ body }) => body.data.length > 0,
    );
  }
});

describe("a run of a plain job", () => {
  async function failedPlainRun(): Promise<{ id: string; jobId: string }> {
    const plain = await client.workspace.createJob({
      request: { url: TARGET, method: "POST" },
      retry_policy: { max_attempts: 1 },
    });
    const started = await client.workspace.call("POST", `/v1/jobs/${plain.id}/run-now`, { body: { input: { a: 1 } } });
    expect(started.status).toBe(202);
    const id = started.body.id.replace("exe_", "run_");
    await client.runIn(id, "failed");
    return { id, jobId: plain.id };
  }

  it("is retried and restarted from its one step, as a replay", async () => {
    const { id, jobId } = await failedPlainRun();
    const retried = await client.call("POST", `/runs/${id}/retry`);
    expect(retried).toMatchObject({
      status: 202,
      body: {
        data: {
          originalRunId: id,
          workflowId: jobId.replace("job_", "wf_"),
          restartFromStepId: "request",
          status: "pending",
        },
      },
    });
    const { body: again } = await client.runIn(retried.body.data.newRunId, "failed");
    expect(again.data).toMatchObject({ restartedFromRunId: id, triggerType: "api", input: { a: 1 } });
    const override = { fromStepId: "request", overrideInput: { b: 2 } };
    const restarted = await client.call("POST", `/runs/${id}/restart`, override);
    const { body: other } = await client.runIn(restarted.body.data.newRunId, "failed");
    expect(other.data).toMatchObject({ restartedFromRunId: id, input: { a: 1, b: 2 } });
    expect(other.data.stepResults).toMatchObject([{ stepId: "request", status: "error", input: { a: 1, b: 2 } }]);
  });

  it("has no other step", async () => {
    const { id } = await storedRun(job);
    expect(await client.call("POST", `/runs/${id}/restart`, { fromStepId: "first" })).toMatchObject({
      body: { error: { code: "INVALID_STEP", message: "Step not found: first" } },
    });
  });
});

describe("who asks", () => {
  it("may do so with an API key or, where nobody else has the path, as a bearer", async () => {
    const { id } = await storedRun(job);
    const { owner } = client.workspace;
    for (const options of [{ headers: { "x-api-key": owner } }, { token: owner }]) {
      expect(await call("GET", `/api/v1/runs/${id}`, options)).toMatchObject({ body: { success: true, data: { id } } });
    }
  });

  it.each([
    ["GET", "/api/v1/runs", {}, 401, "UNAUTHORIZED"],
    ["GET", "/api/v1/runs/run_1/nothing", { "x-api-key": "k" }, 404, "NOT_FOUND"],
    ["DELETE", "/api/v1/workflows", { "x-api-key": "k" }, 405, "METHOD_NOT_ALLOWED"],
    ["GET", "/api/v1/workflows", { authorization: "Bearer car_wrong" }, 401, "UNAUTHORIZED"],
  ] as const)("%s %s %j is refused in the envelope", async (method, path, headers, status, code) => {
    const reply = await call(method, path, { headers });
    expect(reply).toMatchObject({ status, body: { success: false, error: { code, message: expect.any(String) } } });
  });

  it("is told so in the envelope when the role does not allow it, or the body is too large or no JSON", async () => {
    const { id } = await storedRun(job);
    const asMember = { headers: { "x-api-key": client.workspace.member } };
    expect(await client.call("POST", `/runs/${id}/cancel`, undefined, asMember)).toMatchObject({
      status: 403,
      body: { success: false, error: { code: "FORBIDDEN" } },
    });
    expect(await client.call("POST", "/workflows", "x".repeat(300_000))).toMatchObject({
      status: 413,
      body: { error: { code: "PAYLOAD_TOO_LARGE" } },
    });
    expect(await client.call("POST", "/workflows", "{")).toMatchObject({
      status: 400,
      body: { error: { code: "VALIDATION_ERROR" } },
    });
  });

  it("sees links that resume a step only with the right to use them", async () => {
    const link = `https://x.test/v1/callbacks/exe_${"0".repeat(32)}/call/${"a".repeat(32)}`;
    const step = aStepRecord({ path: "call", type: "wait_for_webhook", input: { callback_url: link } });
    const { id } = await storedRun(job, { workflow: aWorkflow({ steps: [step] }), attempts: [anAttempt()] });
    const urlFor = async (key: string) => {
      const reply = await client.call("GET", `/runs/${id}/logs`, undefined, { headers: { "x-api-key": key } });
      return reply.body.data.logs[0].input.callback_url;
    };
    expect(await urlFor(client.workspace.owner)).toBe(link);
    expect(await urlFor(client.workspace.member)).not.toContain("a".repeat(32));
  });
});
