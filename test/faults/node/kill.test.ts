/**
 * Kill -9 at random moments: Node and workerd die together, with jobs of all kinds and policies firing all the time, and
 * start again on the same data. Afterwards the books must balance: `test/support/ledger.ts` says what that means.
 */

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { attemptOf, type EngineApi, engineApi } from "../../support/engineApi.ts";
import { startInstance, type TestInstance, until } from "../../support/instance.ts";
import { audit, type LedgerJob, timeline } from "../../support/ledger.ts";
import { createChance, seedOf } from "../../support/random.ts";
import { startTargetServer, type TargetServer } from "../../support/targetServer.ts";
import { FULL, report } from "./faultRun.ts";

const CYCLES = FULL ? 50 : 6;
const JOBS = FULL ? 200 : 40;
const UP_LEAST_MS = 200;
const UP_MOST_MS = 3_000;
/** A cycle: the mean time up, and about as long to start again. */
const CYCLE_MS = 3_000;
const MINUTE = 60_000;
/** `timeout_seconds` of every job here; a lease lasts 15 s longer, and an attempt may be lost more than once. */
const TIMEOUT_SECONDS = 1;
const LEASE_MS = TIMEOUT_SECONDS * 1_000 + 15_000;
const SETTLE_DEADLINE_MS = FULL ? 180_000 : 75_000;

const SEED = seedOf(process.env["FAULTS_SEED"]);
const POLICIES = ["queue", "skip", "cancel_running"] as const;
const MISFIRES = ["fire_once", "skip", "catch_up"] as const;

let stateDir: string;
let instance: TestInstance;
let target: TargetServer;
let api: EngineApi;

beforeAll(async () => {
  stateDir = await mkdtemp(join(tmpdir(), "carillon-kill-"));
  target = await startTargetServer({
    "/quick": { kind: "respond" },
    "/slow": { kind: "respond", delayMs: 300 },
    "/flaky": (arrival) => ({ kind: "respond", status: attemptOf(arrival) === 1 ? 503 : 200 }),
    "/broken": { kind: "respond", status: 500 },
  });
  instance = await startInstance({ stateDir });
  api = engineApi(instance);
});
afterAll(async () => {
  await instance?.stop();
  await target?.stop();
  await rm(stateDir, { recursive: true, force: true });
});

const chance = createChance(SEED);

/** One job in ten repeats each minute, one in ten is there for run-nows; the others fire once, spread over the run. */
async function createRandomJob(index: number): Promise<LedgerJob> {
  const path = chance.pick(["/quick", "/quick", "/quick", "/slow", "/slow", "/flaky", "/broken"]);
  const overlapPolicy = chance.pick(POLICIES);
  const common = {
    name: `job ${index}`,
    overlap_policy: overlapPolicy,
    misfire_policy: chance.pick(MISFIRES),
    concurrency_limit: chance.between(1, 3),
    request: { timeout_seconds: TIMEOUT_SECONDS },
    retry_policy: { max_attempts: 2, backoff: { type: "fixed", initial_ms: 200 } },
  };
  const url = `${target.url}${path}`;
  const books = { overlapPolicy, mayFail: path === "/broken" };
  const upTo = (times: (untilMs: number) => number[]) => (untilMs: number) =>
    times(untilMs).filter((dueMs) => dueMs <= untilMs);
  if (index % 10 === 0) {
    const job = await api.createJob(url, { ...common, kind: "recurring", schedule: { every_n_minutes: 1 } });
    const fromMs = Date.parse(job.created_at);
    return { ...books, job, dueUntil: (untilMs) => every(MINUTE, fromMs + MINUTE, untilMs) };
  }
  if (index % 10 === 1) {
    const job = await api.createJob(url, { ...common, kind: "cron", schedule: { cron: "* * * * *" } });
    const fromMs = Date.parse(job.next_run_at ?? "");
    return { ...books, job, dueUntil: (untilMs) => every(MINUTE, fromMs, untilMs) };
  }
  if (index % 10 === 2) {
    const job = await api.createJob(url, { ...common, kind: "one_time" });
    return { ...books, job, dueUntil: upTo(() => [Date.parse(job.created_at)]) };
  }
  const dueMs = Date.now() + 2_000 + chance.between(0, CYCLES * CYCLE_MS);
  const schedule = { run_at: new Date(dueMs).toISOString() };
  const job = await api.createJob(url, { ...common, kind: "scheduled", schedule });
  return { ...books, job, dueUntil: upTo(() => [dueMs]) };
}

function every(stepMs: number, fromMs: number, untilMs: number): number[] {
  const times: number[] = [];
  for (let atMs = fromMs; atMs <= untilMs; atMs += stepMs) times.push(atMs);
  return times;
}

describe("kill -9 at random moments", () => {
  it(`leaves every due time with one execution that ends (${CYCLES} cycles, ${JOBS} jobs, seed ${SEED})`, async () => {
    const events: { atMs: number; text: string }[] = [];
    const note = (text: string) => void events.push({ atMs: Date.now(), text });
    const jobs: LedgerJob[] = [];
    for (let index = 0; index < JOBS; index++) jobs.push(await createRandomJob(index));
    const acknowledged: string[] = [];
    let refused = 0;
    let lastKillMs = 0;
    for (let cycle = 0; cycle < CYCLES; cycle++) {
      const killAtMs = Date.now() + chance.between(UP_LEAST_MS, UP_MOST_MS);
      while (Date.now() < killAtMs) {
        const { job } = chance.pick(jobs as [LedgerJob, ...LedgerJob[]]);
        const answer = await instance.api("POST", `/v1/jobs/${job.id}/run-now`);
        if (answer.status === 202) acknowledged.push(answer.json.id);
        else refused += 1;
        await new Promise((resolve) =>
          setTimeout(resolve, Math.max(0, Math.min(chance.between(20, 300), killAtMs - Date.now()))),
        );
      }
      lastKillMs = Date.now();
      note(`kill ${cycle + 1}`);
      await instance.kill();
      await instance.restart();
      note(`restarted`);
    }

    const untilMs = lastKillMs;
    const ledger = { jobs, arrivals: target.arrivals, acknowledged, untilMs };
    let books = await audit(api, ledger);
    const settled = async () => {
      if (Date.now() < lastKillMs + LEASE_MS) return false;
      books = await audit(api, ledger);
      return books.complaints.length === 0;
    };
    await until(settled, SETTLE_DEADLINE_MS, "the books to balance").catch(() => undefined);
    report("kill -9", {
      seed: SEED,
      cycles: CYCLES,
      jobs: JOBS,
      runNows: acknowledged.length,
      refused,
      ...books.counts,
    });
    expect(books.complaints, `seed ${SEED}\n${timeline(books.complaints, ledger, events)}`).toEqual([]);
    // The run must have been what it says: kills that hit something.
    expect(books.counts.executions).toBeGreaterThan(JOBS * 0.6);
  });
});
