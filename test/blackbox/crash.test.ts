/**
 * Power cuts, aimed at each moment of an execution's life: Node and workerd are killed together, and started again on the
 * same data. Every due time must have exactly one execution, which ends, and whose every arrival is accounted for.
 */

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { attemptOf, type EngineApi, engineApi, executionIdOf, inFuture } from "../support/engineApi.ts";
import { startInstance, type TestInstance, until } from "../support/instance.ts";
import { audit, type LedgerJob, timeline } from "../support/ledger.ts";
import { createChance, seedOf } from "../support/random.ts";
import { startTargetServer, type TargetServer } from "../support/targetServer.ts";

const SEED = seedOf(process.env["FAULTS_SEED"]);
/** `timeout_seconds` of the jobs here; a lease lasts 15 s longer. */
const TIMEOUT_SECONDS = 1;
const LEASE_MS = TIMEOUT_SECONDS * 1_000 + 15_000;
const SETTLE_DEADLINE_MS = LEASE_MS + 45_000;

interface Scene {
  readonly instance: TestInstance;
  readonly target: TargetServer;
  readonly api: EngineApi;
  scheduleJob(path: string, inMs: number, changes?: Record<string, unknown>): Promise<LedgerJob>;
}

/** An instance of its own for each story, so that they can be told at the same time. */
async function onItsOwn(story: (scene: Scene) => Promise<void>): Promise<void> {
  const stateDir = await mkdtemp(join(tmpdir(), "carillon-crash-"));
  const [instance, target] = await Promise.all([startInstance({ stateDir }), startTargetServer()]);
  const api = engineApi(instance);
  try {
    await story({
      instance,
      target,
      api,
      scheduleJob: async (path, inMs, changes = {}) => {
        const runAt = inFuture(inMs);
        const job = await api.createJob(`${target.url}${path}`, {
          kind: "scheduled",
          schedule: { run_at: runAt },
          request: { timeout_seconds: TIMEOUT_SECONDS },
          ...changes,
        });
        const dueMs = Date.parse(runAt);
        return {
          job,
          dueUntil: (untilMs) => (dueMs <= untilMs ? [dueMs] : []),
          overlapPolicy: "queue",
          mayFail: false,
        };
      },
    });
  } finally {
    await instance.stop();
    await target.stop();
    await rm(stateDir, { recursive: true, force: true });
  }
}

/** Resolves at a moment of the clock: a kill is aimed, nothing is waited for. */
async function at(ms: number): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, Math.max(0, ms - Date.now())));
}

describe.concurrent("a process that is killed", () => {
  it(`at claim, send, finish and history write, again and again (seed ${SEED})`, () =>
    onItsOwn(async ({ instance, target, api, scheduleJob }) => {
      const chance = createChance(SEED);
      const jobs: LedgerJob[] = [];
      const events: { atMs: number; text: string }[] = [];
      let lastKillMs = 0;
      const crash = async (moment: string) => {
        lastKillMs = Date.now();
        events.push({ atMs: lastKillMs, text: `killed at ${moment}` });
        await instance.kill();
        await instance.restart();
        events.push({ atMs: Date.now(), text: "restarted" });
      };

      for (let round = 0; round < 3; round++) {
        // Claim: within milliseconds of the due time, before most requests have left.
        const dueInMs = 1_000;
        const dueMs = Date.now() + dueInMs;
        jobs.push(...(await Promise.all(Array.from({ length: 8 }, () => scheduleJob("/claim", dueMs - Date.now())))));
        await at(dueMs + chance.between(0, 12));
        await crash("claim");

        // Send: the target has the request and will not answer before the cut.
        const path = `/send-${round}`;
        target.on(path, (arrival) => (attemptOf(arrival) === 1 ? { kind: "hang" } : { kind: "respond" }));
        jobs.push(...(await Promise.all(Array.from({ length: 3 }, () => scheduleJob(path, 500)))));
        await target.waitFor(() => target.arrivalsAt(path).length >= 1, 20_000);
        await crash("send");

        // Finish and history write: within milliseconds of the answer.
        const answered = `/finish-${round}`;
        const seen = Promise.withResolvers<void>();
        target.on(answered, {
          kind: "handle",
          handle: (_request, response) => void response.end("ok", () => seen.resolve()),
        });
        jobs.push(...(await Promise.all(Array.from({ length: 8 }, () => scheduleJob(answered, 500)))));
        await seen.promise;
        await at(Date.now() + chance.between(0, 12));
        await crash("finish or history write");
      }

      const ledger = { jobs, arrivals: target.arrivals, acknowledged: [], untilMs: Date.now() };
      let books = await audit(api, ledger);
      const settled = async () => {
        if (Date.now() < lastKillMs + LEASE_MS) return false;
        books = await audit(api, ledger);
        return books.complaints.length === 0;
      };
      await until(settled, SETTLE_DEADLINE_MS, "every execution to end").catch(() => undefined);
      expect(books.complaints, `seed ${SEED}\n${timeline(books.complaints, ledger, events)}`).toEqual([]);
      expect(books.counts.executions).toBe(jobs.length);
      expect(books.counts.statuses).toEqual({ succeeded: jobs.length });
      const states = await Promise.all(jobs.map(async ({ job }) => (await api.job(job.id)).state));
      expect(new Set(states)).toEqual(new Set(["completed"]));
    }));

  it("while the target works: the attempt is lost, made again under the next number, and shown", () =>
    onItsOwn(async ({ instance, target, api, scheduleJob }) => {
      target.on("/work", [{ kind: "hang" }, { kind: "respond" }]);
      const { job } = await scheduleJob("/work", 500);
      await target.waitFor((arrivals) => arrivals.length === 1, 20_000);
      await instance.kill();
      await instance.restart();
      await target.waitFor((arrivals) => arrivals.length === 2, SETTLE_DEADLINE_MS);
      const execution = await api.onlyExecution(job.id);
      expect(execution.attempts.map(({ number, errorClass }) => [number, errorClass])).toEqual([
        [1, "worker_lost"],
        [2, null],
      ]);
      expect(target.arrivals.map(attemptOf)).toEqual([1, 2]);
      expect(new Set(target.arrivals.map(executionIdOf))).toEqual(new Set([execution.id]));
    }));

  it("over due times of less than a minute: they are late, not missed, whatever the misfire policy", () =>
    onItsOwn(async ({ instance, target, api, scheduleJob }) => {
      const jobs = await Promise.all(
        ["fire_once", "skip", "catch_up"].map((policy) => scheduleJob("/down", 1_000, { misfire_policy: policy })),
      );
      await instance.kill();
      await at(Date.now() + 1_500);
      expect(target.arrivals).toEqual([]);
      await instance.restart();
      for (const { job } of jobs) expect(await api.onlyExecution(job.id)).toMatchObject({ status: "succeeded" });
      expect(target.arrivals).toHaveLength(3);
    }));

  it("before a delayed start is due: it runs then, with its input, and its key still answers with it", () =>
    onItsOwn(async ({ instance, target, api }) => {
      const request = { method: "POST", timeout_seconds: TIMEOUT_SECONDS };
      const job = await api.createJob(`${target.url}/later`, { state: "draft", request });
      const startOnce = (body: Record<string, unknown>) =>
        instance.api("POST", `/v1/jobs/${job.id}/run-now`, body, { headers: { "idempotency-key": "order-7" } });
      const dueMs = Date.now() + 4_000;
      const first = await startOnce({ input: { order: 7 }, run_at: new Date(dueMs).toISOString(), ttl_seconds: 60 });
      expect([first.status, first.json.status]).toEqual([202, "queued"]);
      await instance.kill();
      await instance.restart();
      const execution = await api.ended(first.json.id);
      expect(execution).toMatchObject({ status: "succeeded", scheduled_for: new Date(dueMs).toISOString() });
      expect(target.arrivals.map(({ body, atMs }) => [body, atMs >= dueMs])).toEqual([['{"order":7}', true]]);
      await instance.kill();
      await instance.restart();
      const again = await startOnce({});
      expect([again.status, again.json.id, again.json.status]).toEqual([200, execution.id, "succeeded"]);
      expect(target.arrivals).toHaveLength(1);
    }));
});
