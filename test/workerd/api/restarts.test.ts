import { beforeAll, describe, expect, it } from "vitest";
import type { Reply, TestWorkspace } from "./harness.ts";
import { call, createWorkspace, eventually, paths } from "./harness.ts";

let ours: TestWorkspace;
beforeAll(async () => {
  ours = await createWorkspace("ours");
});

async function finished(id: string): Promise<Reply> {
  return await eventually(
    () => ours.call("GET", `/v1/executions/${id}`),
    ({ body }) => ["succeeded", "failed", "cancelled"].includes(body.status),
  );
}

/** Ends at its second step: nobody listens at the target. */
async function failed(): Promise<string> {
  const job = await ours.createJob({
    kind: "workflow",
    schedule: undefined,
    request: undefined,
    steps: [
      { id: "first", type: "transform", value: { a: "{{input.a}}" } },
      { id: "second", type: "http", url: "http://127.0.0.1:59999/", retry_policy: { max_attempts: 1 } },
    ],
  });
  const started = await ours.call("POST", `/v1/jobs/${job.id}/run-now`, { body: { input: { a: 1, b: 2 } } });
  expect((await finished(started.body.id)).body.status).toBe("failed");
  return started.body.id;
}

describe("POST /v1/executions/:id/retry", () => {
  it("begins again at the step that failed, with what the steps before gave", async () => {
    const original = await failed();
    const before = await finished(original);
    const retry = await ours.call("POST", `/v1/executions/${original}/retry`);
    expect(retry).toMatchObject({ status: 202, body: { source: "restart", restarted_from: original } });
    expect(retry.headers.get("location")).toBe(`/v1/executions/${retry.body.id}`);
    const { body } = await finished(retry.body.id);
    expect(body.step_executions).toMatchObject([
      { id: "first", output: { a: 1 }, started_at: before.body.step_executions[0].started_at },
      { id: "second", status: "failed", attempts: [{ number: 1 }] },
    ]);
    expect(await finished(original)).toMatchObject({ body: before.body });
  });
});

describe("POST /v1/executions/:id/restart", () => {
  it("begins again at any step, with other input where it is given", async () => {
    const original = await failed();
    const body = { from_step: "first", override_input: { a: 3 } };
    const restart = await ours.call("POST", `/v1/executions/${original}/restart`, { body });
    expect(restart).toMatchObject({ status: 202, body: { restarted_from: original, input: { a: 3, b: 2 } } });
    expect((await finished(restart.body.id)).body.step_executions[0]).toMatchObject({ output: { a: 3 } });
  });

  it("refuses an input that does not fit the schema of the job as it is now", async () => {
    const original = await failed();
    const { body: execution } = await finished(original);
    const input_schema = { type: "object", properties: { a: { type: "number" } } };
    await ours.call("PATCH", `/v1/jobs/${execution.job_id}`, { body: { input_schema } });
    const restart = (override_input: unknown) =>
      ours.call("POST", `/v1/executions/${original}/restart`, { body: { from_step: "first", override_input } });
    const refused = await restart({ a: "three" });
    expect([refused.status, paths(refused)]).toEqual([400, ["override_input.a"]]);
    expect((await restart({ a: 3 })).status).toBe(202);
  });

  it("says what is wrong with the step, and with the body", async () => {
    const original = await failed();
    const restart = (body: unknown) => ours.call("POST", `/v1/executions/${original}/restart`, { body });
    const unknown = await restart({ from_step: "third" });
    expect([unknown.status, paths(unknown)]).toEqual([400, ["from_step"]]);
    expect(unknown.body.error.message).toContain("first, second");
    expect(paths(await restart({}))).toEqual(["from_step"]);
    expect(paths(await restart({ from_step: "first", input: {} }))).toEqual(["input"]);
  });
});

describe("POST /v1/executions/:id/replay", () => {
  it("keeps the input", async () => {
    const original = await failed();
    const replay = await ours.call("POST", `/v1/executions/${original}/replay`);
    expect(replay).toMatchObject({
      status: 202,
      body: { source: "replay", replayed_from: original, input: { a: 1, b: 2 }, restarted_from: null },
    });
  });
});

describe("an execution that cannot be restarted", () => {
  it.each(["retry", "restart"])("is a plain one, for %s", async (action) => {
    const job = await ours.createJob({ retry_policy: { max_attempts: 1 } });
    const started = await ours.call("POST", `/v1/jobs/${job.id}/run-now`);
    await finished(started.body.id);
    const body = action === "restart" ? { body: { from_step: "request" } } : {};
    const reply = await ours.call("POST", `/v1/executions/${started.body.id}/${action}`, body);
    expect(reply).toMatchObject({ status: 409, body: { error: { code: "no_steps" } } });
  });

  it("is one that waits, and one of which nothing failed", async () => {
    const steps = [{ id: "rest", type: "wait", duration_seconds: 3_600 }];
    const job = await ours.createJob({ kind: "workflow", schedule: undefined, request: undefined, steps });
    const started = await ours.call("POST", `/v1/jobs/${job.id}/run-now`);
    const path = `/v1/executions/${started.body.id}/retry`;
    expect(await ours.call("POST", path)).toMatchObject({ status: 409, body: { error: { code: "not_finished" } } });
    const quick = [{ id: "shape", type: "transform", value: 1 }];
    const other = await ours.createJob({ kind: "workflow", schedule: undefined, request: undefined, steps: quick });
    const good = await ours.call("POST", `/v1/jobs/${other.id}/run-now`);
    expect((await finished(good.body.id)).body.status).toBe("succeeded");
    expect(await ours.call("POST", `/v1/executions/${good.body.id}/retry`)).toMatchObject({
      status: 409,
      body: { error: { code: "not_restartable" } },
    });
  });

  it("is one of another workspace, and any for those who may only read", async () => {
    const original = await failed();
    const theirs = await createWorkspace("theirs");
    expect((await theirs.call("POST", `/v1/executions/${original}/retry`)).status).toBe(404);
    expect((await call("POST", `/v1/executions/${original}/retry`, { token: ours.member })).status).toBe(403);
  });
});
