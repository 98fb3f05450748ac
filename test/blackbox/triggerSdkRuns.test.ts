/** The real Trigger.dev client, pointed at an instance by two environment variables: tasks and runs. */

import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { idempotencyKeys, runs, tasks } from "@trigger.dev/sdk";
import { until } from "../support/instance.ts";
import type { TriggerStage } from "../support/triggerStage.ts";
import { startTriggerStage } from "../support/triggerStage.ts";

let stage: TriggerStage;
beforeAll(async () => {
  stage = await startTriggerStage();
});
afterAll(async () => {
  await stage?.stop();
});

const poll = (id: string) => runs.poll(id, { pollIntervalMs: 50 });

describe("tasks.trigger", () => {
  it("runs the job of that name with the payload, and poll brings its output", async () => {
    const task = await stage.createTask({ answer: { total: 3 } });
    const handle = await tasks.trigger(
      task.name,
      { order: 7, at: new Date(0) },
      { tags: ["user:1"], metadata: { m: 1 } },
    );
    expect(handle.id).toMatch(/^run_/);
    const run = await poll(handle.id);
    expect(run).toMatchObject({
      id: handle.id,
      status: "COMPLETED",
      taskIdentifier: task.name,
      isCompleted: true,
      isSuccess: true,
      isFailed: false,
      payload: { order: 7, at: "1970-01-01T00:00:00.000Z" },
      output: { total: 3 },
      tags: ["user:1"],
      metadata: { m: 1 },
      attemptCount: 1,
      triggerFunction: "trigger",
    });
    expect(Number(run.startedAt)).toBeGreaterThan(Date.now() - 60_000);
    const [arrival] = stage.target.arrivalsAt(task.path);
    expect(JSON.parse(arrival?.body ?? "")).toEqual({ order: 7, at: "1970-01-01T00:00:00.000Z" });
  });

  it("takes a job's id as well, and a name with characters that a path cannot hold", async () => {
    const task = await stage.createTask({ name: "job 1/ü" });
    const [byId, byName] = await Promise.all([tasks.trigger(task.id, {}), tasks.trigger("job 1/ü", {})]);
    expect(await poll(byId.id)).toMatchObject({ status: "COMPLETED", taskIdentifier: "job 1/ü" });
    expect(await poll(byName.id)).toMatchObject({ status: "COMPLETED", taskIdentifier: "job 1/ü" });
  });

  it("fails at once, without repeating the call, when there is no such task", async () => {
    await expect(tasks.trigger("nobody", {})).rejects.toMatchObject({
      status: 404,
      message: expect.stringMatching(/nobody/),
    });
  });

  it("answers the same key with the same run until the key is reset", async () => {
    const task = await stage.createTask();
    const key = await idempotencyKeys.create(`order-${task.name}`, { scope: "global" });
    const first = await tasks.trigger(
      task.name,
      { n: 1 },
      { idempotencyKey: key, idempotencyKeyTTL: "1h", tags: ["once"] },
    );
    await poll(first.id);
    const second = await tasks.trigger(task.name, { n: 2 }, { idempotencyKey: key });
    expect(second.id).toBe(first.id);
    expect(await runs.retrieve(first.id)).toMatchObject({ idempotencyKey: `order-${task.name}`, tags: ["once"] });
    await idempotencyKeys.reset(task.name, key);
    const third = await tasks.trigger(task.name, { n: 3 }, { idempotencyKey: key });
    expect(third.id).not.toBe(first.id);
    await poll(third.id);
    expect(stage.target.arrivalsAt(task.path).map(({ body }) => JSON.parse(body))).toEqual([{ n: 1 }, { n: 3 }]);
    await expect(idempotencyKeys.reset(task.name, "0".repeat(64))).rejects.toMatchObject({ status: 404 });
  });

  it("tries as often as it is told", async () => {
    const task = await stage.createTask({ status: 503, backoff: { type: "fixed", initial_ms: 50, max_ms: 50 } });
    const handle = await tasks.trigger(task.name, {}, { maxAttempts: 2 });
    const run = await poll(handle.id);
    expect(run).toMatchObject({ status: "FAILED", isFailed: true, attemptCount: 2, error: { name: "http_status" } });
    expect(run.output).toBeUndefined();
  });
});

describe("a delayed run", () => {
  it("is DELAYED, can be moved, and cannot once it has begun", async () => {
    const task = await stage.createTask();
    const handle = await tasks.trigger(task.name, {}, { delay: "1h", ttl: "10m" });
    const delayed = await runs.retrieve(handle.id);
    expect(delayed).toMatchObject({ status: "DELAYED", isQueued: true, isCompleted: false, ttl: "10m" });
    expect(Number(delayed.delayedUntil)).toBeGreaterThan(Date.now() + 3_500_000);
    expect(delayed.startedAt).toBeUndefined();
    const later = await runs.reschedule(handle.id, { delay: new Date(Date.now() + 7_200_000) });
    expect(Number(later.delayedUntil)).toBeGreaterThan(Date.now() + 7_100_000);
    await runs.reschedule(handle.id, { delay: "1s" });
    expect(await poll(handle.id)).toMatchObject({ status: "COMPLETED" });
    await expect(runs.reschedule(handle.id, { delay: "1h" })).rejects.toMatchObject({ status: 422 });
  });

  it("expires when nothing begins it in time, and poll comes back", async () => {
    const task = await stage.createTask({ concurrencyLimit: 1, hang: true });
    const blocker = await tasks.trigger(task.name, {});
    await stage.target.waitFor(() => stage.target.arrivalsAt(task.path).length === 1);
    const handle = await tasks.trigger(task.name, {}, { ttl: 1 });
    const run = await poll(handle.id);
    expect(run).toMatchObject({ status: "EXPIRED", isCompleted: true, isFailed: true, isCancelled: false });
    expect(run.expiredAt).toBeInstanceOf(Date);
    await runs.cancel(blocker.id);
  });
});

describe("a run that takes too long", () => {
  it("is TIMED_OUT, and poll comes back", async () => {
    const task = await stage.createTask({ hang: true, timeoutSeconds: 1 });
    const handle = await tasks.trigger(task.name, {}, { maxAttempts: 1 });
    expect(await poll(handle.id)).toMatchObject({ status: "TIMED_OUT", isCompleted: true, isFailed: true });
  });
});

describe("runs.cancel and runs.replay", () => {
  it("cancel what runs, and do no harm to what has ended", async () => {
    const task = await stage.createTask({ hang: true });
    const handle = await tasks.trigger(task.name, {});
    await stage.target.waitFor(() => stage.target.arrivalsAt(task.path).length === 1);
    expect(await runs.cancel(handle.id)).toEqual({ id: handle.id });
    expect(await poll(handle.id)).toMatchObject({ status: "CANCELED", isCancelled: true, isFailed: true });
    expect(await runs.cancel(handle.id)).toEqual({ id: handle.id });
    await expect(runs.cancel("run_nothing")).rejects.toMatchObject({ status: 404 });
  });

  it("start the same again, with another payload if one is given", async () => {
    const task = await stage.createTask();
    const handle = await tasks.trigger(task.name, { n: 1 }, { tags: ["a"] });
    await poll(handle.id);
    const same = await runs.replay(handle.id);
    expect(same.id).not.toBe(handle.id);
    expect(await poll(same.id)).toMatchObject({ payload: { n: 1 }, tags: ["a"] });
    const changed = await runs.replay(handle.id, { payload: { n: 2 }, tags: ["b"] });
    expect(await poll(changed.id)).toMatchObject({ payload: { n: 2 }, tags: ["b"] });
    await expect(runs.replay("run_nothing")).rejects.toMatchObject({ status: 404 });
  });
});

describe("a job with steps", () => {
  it("is one run, which waits, starts others and ends with its final output", async () => {
    const child = await stage.createTask({ answer: { sum: 3 } });
    const created = await stage.instance.api("POST", "/v1/jobs", {
      name: "flow",
      kind: "workflow",
      steps: [
        { id: "sign-off", type: "approval", message: "Go on?" },
        { id: "call", type: "run_job", job_id: child.id, input: { n: "{{input.n}}" } },
      ],
      response_output_template: { child: "{{steps.call.output.status}}" },
    });
    expect(created.status).toBe(201);
    const handle = await tasks.trigger("flow", { n: 1 });
    await until(async () => (await runs.retrieve(handle.id)).isWaiting, 15_000, "the run to wait");
    expect(await runs.retrieve(handle.id)).toMatchObject({ status: "WAITING", isCompleted: false, payload: { n: 1 } });
    const executionId = handle.id.replace("run_", "exe_");
    await stage.instance.api("POST", `/v1/executions/${executionId}/steps/sign-off/approve`, {});
    const run = await poll(handle.id);
    expect(run).toMatchObject({ status: "COMPLETED", output: { child: "succeeded" }, depth: 0 });
    const started = run.relatedRuns.children?.[0];
    expect(started).toMatchObject({ taskIdentifier: child.name, depth: 1, triggerFunction: "triggerAndWait" });
    const below = await runs.retrieve(started?.id ?? "");
    expect(below.relatedRuns).toMatchObject({ parent: { id: handle.id }, root: { id: handle.id } });
    expect(below).toMatchObject({ depth: 1, triggerFunction: "triggerAndWait", payload: { n: 1 } });
  });
});
