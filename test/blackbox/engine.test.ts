/**
 * The engine end to end: the built Worker, its public API and a target on loopback. All stories run at the same time on
 * one instance, because two of them have to wait for the next minute.
 */

import { createServer } from "node:net";
import type { AddressInfo } from "node:net";
import type { ServerResponse } from "node:http";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { attemptOf, type EngineApi, engineApi, executionIdOf, inFuture } from "../support/engineApi.ts";
import { startInstance, type TestInstance, until } from "../support/instance.ts";
import { startTargetServer, type TargetServer } from "../support/targetServer.ts";

/** Far above any noise: a wait ends as soon as its condition holds. */
const DEADLINE_MS = 30_000;
/** A minute until the next due time, and the same grace. */
const MINUTELY_DEADLINE_MS = 90_000;
const QUICK_RETRY = { max_attempts: 3, backoff: { type: "fixed", initial_ms: 100, jitter: false } };

let instance: TestInstance;
let target: TargetServer;
let api: EngineApi;
let paths = 0;

beforeAll(async () => {
  [instance, target] = await Promise.all([startInstance(), startTargetServer()]);
  api = engineApi(instance);
});
afterAll(async () => {
  await instance?.stop();
  await target?.stop();
});

/** A path of its own on the target, for one story. */
function place() {
  const path = `/${(paths += 1)}`;
  return {
    path,
    url: `${target.url}${path}`,
    arrivals: () => target.arrivalsAt(path),
    arrived: async (count: number, deadlineMs = DEADLINE_MS) => {
      await target.waitFor(() => target.arrivalsAt(path).length >= count, deadlineMs);
      return target.arrivalsAt(path);
    },
  };
}

/** A place whose requests stay open until they are answered one by one, oldest first. */
function heldPlace() {
  const held = place();
  const open: ServerResponse[] = [];
  target.on(held.path, { kind: "handle", handle: (_request, response) => void open.push(response) });
  return {
    ...held,
    answer: (status = 200) => {
      const response = open.shift();
      if (!response) throw new Error("no request is open");
      response.writeHead(status).end();
    },
  };
}

describe.concurrent("each kind fires on time", () => {
  it("one_time: at once, and the job is completed", async () => {
    const { url, arrived } = place();
    const job = await api.createJob(url);
    const [arrival] = await arrived(1);
    const execution = await api.onlyExecution(job.id);
    expect(execution).toMatchObject({ status: "succeeded", source: "schedule", job_version: 1 });
    expect(arrival?.headers).toMatchObject({
      "x-cron-service-execution-id": execution.id,
      "x-cron-service-job-id": job.id,
      "x-cron-service-scheduled-for": execution.scheduled_for,
      "x-cron-service-attempt": "1",
    });
    await until(async () => (await api.job(job.id)).state === "completed", DEADLINE_MS, "the job to be completed");
  });

  it("scheduled: at its moment and not before it, and the job is completed", async () => {
    const { url, arrived } = place();
    const runAt = inFuture(2_000);
    const job = await api.createJob(url, { kind: "scheduled", schedule: { run_at: runAt } });
    const [arrival] = await arrived(1);
    expect(arrival?.atMs).toBeGreaterThanOrEqual(Date.parse(runAt));
    expect(await api.onlyExecution(job.id)).toMatchObject({ status: "succeeded", scheduled_for: runAt });
    await until(async () => (await api.job(job.id)).state === "completed", DEADLINE_MS, "the job to be completed");
  });

  it("recurring: a whole interval after its creation", async () => {
    const { url, arrived } = place();
    const job = await api.createJob(url, { kind: "recurring", schedule: { every_n_minutes: 1 } });
    const dueMs = Date.parse(job.created_at) + 60_000;
    const [arrival] = await arrived(1, MINUTELY_DEADLINE_MS);
    expect(arrival?.headers["x-cron-service-scheduled-for"]).toBe(new Date(dueMs).toISOString());
    expect(arrival?.atMs).toBeGreaterThanOrEqual(dueMs);
    expect(await api.onlyExecution(job.id)).toMatchObject({ status: "succeeded" });
    expect((await api.job(job.id)).next_run_at).toBe(new Date(dueMs + 60_000).toISOString());
  });

  it("cron: at the next time of its expression", async () => {
    const { url, arrived } = place();
    const job = await api.createJob(url, { kind: "cron", schedule: { cron: "* * * * *", timezone: "Asia/Kathmandu" } });
    const dueMs = Date.parse(job.next_run_at ?? "");
    expect(dueMs % 60_000).toBe(0);
    const [arrival] = await arrived(1, MINUTELY_DEADLINE_MS);
    expect(arrival?.headers["x-cron-service-scheduled-for"]).toBe(job.next_run_at);
    expect(arrival?.atMs).toBeGreaterThanOrEqual(dueMs);
    expect(await api.onlyExecution(job.id)).toMatchObject({ status: "succeeded" });
  });

  it("run-now: at once, readable by the id that it returned, and the schedule is unaffected", async () => {
    const { url, arrivals } = place();
    const job = await api.createJob(url, { kind: "recurring", schedule: { every_n_minutes: 1_440 } });
    const started = await api.runNow(job.id);
    expect((await api.execution(started.id)).id).toBe(started.id);
    expect(await api.ended(started.id)).toMatchObject({ status: "succeeded", source: "manual" });
    expect(arrivals()).toHaveLength(1);
    expect((await api.job(job.id)).next_run_at).toBe(job.next_run_at);
  });
});

describe.concurrent("retries", () => {
  it("number their attempts, under one execution id, until the target is well", async () => {
    const { path, url, arrivals } = place();
    target.on(path, [
      { kind: "respond", status: 503 },
      { kind: "respond", status: 500 },
      { kind: "respond", status: 200 },
    ]);
    const job = await api.createJob(url, { retry_policy: QUICK_RETRY });
    const execution = await api.onlyExecution(job.id);
    expect(execution.status).toBe("succeeded");
    expect(execution.attempts.map(({ number, status, statusCode }) => [number, status, statusCode])).toEqual([
      [1, "HTTP_ERROR", 503],
      [2, "HTTP_ERROR", 500],
      [3, "SUCCESS", 200],
    ]);
    expect(arrivals().map(attemptOf)).toEqual([1, 2, 3]);
    expect(new Set(arrivals().map(executionIdOf))).toEqual(new Set([execution.id]));
  });

  it("end with max_attempts, the first one included", async () => {
    const { path, url, arrivals } = place();
    target.on(path, { kind: "respond", status: 502 });
    const job = await api.createJob(url, { retry_policy: QUICK_RETRY });
    expect(await api.onlyExecution(job.id)).toMatchObject({ status: "failed", error: { code: "http_status" } });
    expect(arrivals().map(attemptOf)).toEqual([1, 2, 3]);
  });

  it("are not made for a status that is not in the list", async () => {
    const { path, url, arrivals } = place();
    target.on(path, { kind: "respond", status: 404 });
    const job = await api.createJob(url, { retry_policy: QUICK_RETRY });
    expect(await api.onlyExecution(job.id)).toMatchObject({ status: "failed", attempts: { length: 1 } });
    expect(arrivals()).toHaveLength(1);
  });

  it("wait as long as Retry-After asks for", async () => {
    const { path, url, arrivals } = place();
    target.on(path, [
      { kind: "respond", status: 429, headers: { "retry-after": "2" } },
      { kind: "respond", status: 200 },
    ]);
    const job = await api.createJob(url, { retry_policy: QUICK_RETRY });
    expect(await api.onlyExecution(job.id)).toMatchObject({ status: "succeeded" });
    const [first, second] = arrivals();
    expect((second?.atMs ?? 0) - (first?.atMs ?? 0)).toBeGreaterThanOrEqual(2_000);
  });

  it("are made after a timeout", async () => {
    const { path, url, arrivals } = place();
    target.on(path, [{ kind: "hang" }, { kind: "respond" }]);
    const job = await api.createJob(url, { retry_policy: QUICK_RETRY, request: { timeout_seconds: 1 } });
    const execution = await api.onlyExecution(job.id);
    expect(execution.attempts.map(({ status, errorClass }) => [status, errorClass])).toEqual([
      ["TIMEOUT", "timeout"],
      ["SUCCESS", null],
    ]);
    expect(arrivals().map(attemptOf)).toEqual([1, 2]);
  });

  it("are made when nobody listens, and when the connection is cut", async () => {
    const closed = createServer();
    await new Promise<void>((resolve) => closed.listen(0, "127.0.0.1", resolve));
    const { port } = closed.address() as AddressInfo;
    await new Promise((resolve) => closed.close(resolve));
    const { path, url } = place();
    target.on(path, { kind: "reset" });
    const jobs = await Promise.all([
      api.createJob(`http://127.0.0.1:${port}/`, { retry_policy: QUICK_RETRY }),
      api.createJob(url, { retry_policy: QUICK_RETRY }),
    ]);
    for (const job of jobs) {
      const execution = await api.onlyExecution(job.id);
      expect(execution.status).toBe("failed");
      expect(execution.attempts.map((attempt) => attempt.status)).toEqual(Array(3).fill("CONNECTION_ERROR"));
    }
  });
});

describe.concurrent("overlap policy, when the only slot is taken", () => {
  /** A job whose slot a run-now holds when its due time comes. */
  async function overlapping(overlapPolicy: string) {
    const held = heldPlace();
    const runAt = inFuture(2_500);
    const job = await api.createJob(held.url, {
      kind: "scheduled",
      schedule: { run_at: runAt },
      concurrency_limit: 1,
      overlap_policy: overlapPolicy,
      request: { timeout_seconds: 30 },
    });
    const manual = await api.runNow(job.id);
    await held.arrived(1);
    expect(Date.now()).toBeLessThan(Date.parse(runAt));
    const waiting = async () => (await api.list(job.id)).find((each) => each.source === "schedule");
    return { ...held, job, manual, waiting };
  }

  it("queue: it waits, is listed as queued, and runs afterwards", async () => {
    const { job, manual, waiting, answer, arrivals, arrived } = await overlapping("queue");
    await until(async () => (await waiting())?.status === "queued", DEADLINE_MS, "the due time to be listed");
    expect(arrivals()).toHaveLength(1);
    answer();
    await arrived(2);
    answer();
    expect(await api.ended(manual.id)).toMatchObject({ status: "succeeded" });
    expect(await api.onlyExecution(job.id)).toMatchObject({ status: "succeeded" });
  });

  it("skip: it is recorded as cancelled, and why", async () => {
    const { job, manual, answer, arrivals } = await overlapping("skip");
    expect(await api.onlyExecution(job.id)).toMatchObject({ status: "cancelled", error: { code: "skipped_overlap" } });
    answer();
    expect(await api.ended(manual.id)).toMatchObject({ status: "succeeded" });
    expect(arrivals()).toHaveLength(1);
  });

  it("cancel_running: it takes the slot of the one that runs", async () => {
    const { job, manual, answer, arrived } = await overlapping("cancel_running");
    await arrived(2);
    expect(await api.ended(manual.id)).toMatchObject({ status: "cancelled", error: { code: "cancelled_overlap" } });
    answer();
    answer();
    expect(await api.onlyExecution(job.id)).toMatchObject({ status: "succeeded" });
    expect(await api.execution(manual.id)).toMatchObject({ status: "cancelled" });
  });

  it("the limit holds, whatever started the executions", async () => {
    const { path, url, arrivals } = place();
    const open = new Set<ServerResponse>();
    let most = 0;
    target.on(path, {
      kind: "handle",
      handle: (_request, response) => {
        open.add(response);
        most = Math.max(most, open.size);
        const answer = () => {
          open.delete(response);
          response.end();
        };
        // The first of two waits for the other; a third would come while both are open.
        setTimeout(answer, open.size === 1 ? 1_000 : 100);
      },
    });
    const job = await api.createJob(url, { concurrency_limit: 2 });
    const runs = await Promise.all(Array.from({ length: 9 }, () => api.runNow(job.id)));
    for (const run of runs) await api.ended(run.id);
    await api.onlyExecution(job.id);
    expect(arrivals()).toHaveLength(10);
    expect(most).toBe(2);
  });
});

describe.concurrent("pause, edit, cancel and delete", () => {
  /** A job with one execution in flight and a scheduled one that waits for its slot. */
  async function oneInFlightOneQueued(changes: Record<string, unknown> = {}) {
    const held = heldPlace();
    const job = await api.createJob(held.url, {
      concurrency_limit: 1,
      retry_policy: QUICK_RETRY,
      request: { timeout_seconds: 30 },
      ...changes,
    });
    const [arrival] = await held.arrived(1);
    const queued = await api.runNow(job.id);
    return { ...held, job, inFlightId: arrival ? executionIdOf(arrival) : "", queued };
  }

  it("pause while queued: nothing more that the schedule started is sent until the job is resumed", async () => {
    const held = heldPlace();
    const runAt = inFuture(2_000);
    const job = await api.createJob(held.url, {
      kind: "scheduled",
      schedule: { run_at: runAt },
      concurrency_limit: 1,
      request: { timeout_seconds: 30 },
    });
    const manual = await api.runNow(job.id);
    await held.arrived(1);
    const waits = async () => (await api.list(job.id)).some((each) => each.source === "schedule");
    await until(waits, DEADLINE_MS, "the due time to be listed as queued");
    await api.must("POST", `/v1/jobs/${job.id}/pause`);
    held.answer();
    await api.ended(manual.id);
    // What a person asks for goes ahead, through the slot that the schedule's execution does not get.
    const again = await api.runNow(job.id);
    await held.arrived(2);
    held.answer();
    await api.ended(again.id);
    expect(held.arrivals().map(executionIdOf)).toEqual([manual.id, again.id]);
    await api.must("POST", `/v1/jobs/${job.id}/resume`);
    await held.arrived(3);
    held.answer();
    expect(await api.onlyExecution(job.id)).toMatchObject({ status: "succeeded", scheduled_for: runAt });
  });

  it("pause while in flight: the request counts, its retry waits until the job is resumed", async () => {
    const held = heldPlace();
    const job = await api.createJob(held.url, { retry_policy: QUICK_RETRY, request: { timeout_seconds: 30 } });
    const [arrival] = await held.arrived(1);
    const id = arrival ? executionIdOf(arrival) : "";
    await api.must("POST", `/v1/jobs/${job.id}/pause`);
    held.answer(503);
    await until(async () => (await api.execution(id)).attempts.length === 1, DEADLINE_MS, "the attempt to count");
    const manual = await api.runNow(job.id);
    await held.arrived(2);
    held.answer();
    await api.ended(manual.id);
    expect(held.arrivals().map(executionIdOf)).toEqual([id, manual.id]);
    await api.must("POST", `/v1/jobs/${job.id}/resume`);
    await held.arrived(3);
    held.answer();
    expect(await api.ended(id)).toMatchObject({ status: "succeeded", attempts: { length: 2 } });
  });

  it("edit: what is in flight keeps its definition, retries included; what is queued takes the new one", async () => {
    const { job, inFlightId, queued, answer, arrived, arrivals } = await oneInFlightOneQueued();
    const moved = place();
    await api.must("PATCH", `/v1/jobs/${job.id}`, { request: { url: moved.url } });
    answer(503);
    await arrived(2);
    answer();
    expect(await api.ended(inFlightId)).toMatchObject({ status: "succeeded", job_version: 1 });
    expect(await api.ended(queued.id)).toMatchObject({ status: "succeeded", job_version: 2 });
    expect(arrivals().map(executionIdOf)).toEqual([inFlightId, inFlightId]);
    expect(moved.arrivals().map(executionIdOf)).toEqual([queued.id]);
  });

  it("cancel while queued: it never runs", async () => {
    const { inFlightId, job, queued, answer, arrived, arrivals } = await oneInFlightOneQueued();
    await api.must("POST", `/v1/executions/${queued.id}/cancel`);
    expect(await api.execution(queued.id)).toMatchObject({ status: "cancelled" });
    answer();
    await api.ended(inFlightId);
    const next = await api.runNow(job.id);
    await arrived(2);
    answer();
    await api.ended(next.id);
    expect(arrivals().map(executionIdOf)).toEqual([inFlightId, next.id]);
  });

  it("cancel while in flight: the slot is free at once, and the late answer changes nothing", async () => {
    const { inFlightId, queued, answer, arrived } = await oneInFlightOneQueued();
    await api.must("POST", `/v1/executions/${inFlightId}/cancel`);
    await arrived(2);
    answer();
    answer();
    expect(await api.ended(queued.id)).toMatchObject({ status: "succeeded" });
    expect(await api.ended(inFlightId)).toMatchObject({ status: "cancelled" });
  });

  it("delete: what is queued never runs, what is in flight is not recorded", async () => {
    const { job, inFlightId, queued, answer, arrivals } = await oneInFlightOneQueued();
    await api.must("DELETE", `/v1/jobs/${job.id}`);
    const [arrival] = arrivals();
    answer();
    await arrival?.closed;
    // Another job's execution comes after it on the same road.
    const { url } = place();
    await api.onlyExecution((await api.createJob(url)).id);
    for (const id of [inFlightId, queued.id]) {
      expect((await instance.api("GET", `/v1/executions/${id}`)).status).toBe(404);
    }
    expect((await instance.api("GET", `/v1/jobs/${job.id}/executions`)).status).toBe(404);
    expect(arrivals()).toHaveLength(1);
  });
});

describe.concurrent("lists", () => {
  it("show an execution that lasts while it lasts", async () => {
    const { url, arrived, answer } = heldPlace();
    const job = await api.createJob(url, { request: { timeout_seconds: 30 } });
    await arrived(1);
    const isListed = async () => (await api.list(job.id)).some((each) => each.status === "running");
    await until(isListed, DEADLINE_MS, "the running execution to be listed");
    answer();
    expect(await api.onlyExecution(job.id)).toMatchObject({ status: "succeeded" });
  });
});
