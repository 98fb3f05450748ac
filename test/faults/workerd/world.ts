/** What the fault suite asks of a simulated world once it has come to rest. */

import { env } from "cloudflare:workers";
import { expect } from "vitest";
import type { Execution } from "../../../src/domain/execution/execution.ts";
import { isFinished } from "../../../src/domain/execution/execution.ts";
import { scheduleOf } from "../../../src/domain/job/job.ts";
import type { Job } from "../../../src/domain/job/job.ts";
import { dueBetween } from "../../../src/domain/schedule/schedule.ts";
import type { Chance } from "../../support/random.ts";
import { type Simulation, SIMULATED_START_MS } from "../../support/simulation.ts";

const bindings = env as unknown as { readonly FAULTS: string; readonly FAULTS_SEED: string };

export const FULL = bindings.FAULTS === "full";
export const GIVEN_SEED = bindings.FAULTS_SEED;

/** The real error texts of D1 (facts 3.3). */
export const D1_ERRORS = [
  "Network connection lost.",
  "D1 DB storage operation exceeded timeout which caused object to be reset.",
  "D1 DB reset because its code was updated.",
  "Internal error while starting up D1 DB storage caused object to be reset.",
  "Cannot resolve D1 DB due to transient issue on remote node.",
  "internal error; reference = 8q2k4g0v6f3h9b1d",
  "D1 DB is overloaded. Requests queued for too long.",
  "D1 DB is overloaded. Too many requests queued.",
  "D1 DB's isolate exceeded its memory limit and was reset.",
  "D1 DB exceeded its CPU time limit and was reset.",
  "Exceeded maximum DB size",
  "Your account has exceeded D1's maximum account storage limit, please contact Cloudflare to raise your limit",
] as const;

/** Longer than every lease, retry, re-dispatch and collection takes once nothing fails any more. */
const REST_MS = 40 * 60_000;

export function d1Error(text: string): Error {
  return new Error(`D1_ERROR: ${text}`, { cause: new Error(text) });
}

/**
 * From here on nothing fails any more, and the schedules end: everything must come to rest, and the books must balance.
 *
 * - Each due time (catch_up, so none may be passed over) has exactly one execution, and nothing else has one.
 * - Each execution has ended, and nothing is owed.
 * - History equals what the target saw: the attempts that arrived are attempts of the history, none arrived twice, and
 *   every attempt of the history arrived, but for those whose worker died before it sent.
 */
export async function settleAndAudit(world: Simulation, asked: readonly string[] = []): Promise<Execution[]> {
  const restMs = world.nowMs + REST_MS;
  // A one-shot that is not due yet fires while the world comes to rest.
  const schedules = new Map(
    [...world.jobs.values()].map((job) => [job.id, { job, untilMs: isOneShot(job) ? restMs : world.nowMs }]),
  );
  world.beforeD1 = () => {};
  world.answer = () => new Response("ok");
  for (const { job } of schedules.values()) {
    // Fires what is due up to now, and then never again.
    await world.actor(job.id).apply(job);
    if (!isOneShot(job)) await world.edit(job.id, { schedule: { kind: "scheduled", runAtMs: SIMULATED_START_MS - 1 } });
  }
  await world.advanceTo(restMs);
  expect(world.messages).toEqual([]);
  expect(await world.nextAlarm()).toBeNull();

  const all: Execution[] = [];
  for (const { job, untilMs } of schedules.values()) {
    const history = await world.history(job);
    all.push(...history);
    expect(await world.owed(job.id)).toEqual([]);
    const fired = history.filter((each) => each.source === "schedule").map((each) => each.scheduledForMs);
    const due = dueBetween(scheduleOf(job), job.scheduleFromMs - 1, untilMs, 10_000).times;
    expect(
      fired.toSorted((a, b) => a - b),
      `due times of ${job.id}`,
    ).toEqual(due);
  }
  const ids = new Set(all.map((execution) => execution.id));
  for (const id of asked) expect(ids.has(id), `${id} was asked for`).toBe(true);
  for (const arrival of world.arrivals) expect(ids.has(arrival.executionId), arrival.executionId).toBe(true);
  for (const execution of all) {
    expect([execution.id, isFinished(execution.status)]).toEqual([execution.id, true]);
    const arrived = world.arrivalsOf(execution.id).map((arrival) => arrival.attempt);
    expect(new Set(arrived).size, `${execution.id} sent an attempt twice: ${arrived}`).toBe(arrived.length);
    const recorded = new Set(execution.attempts.map((attempt) => attempt.number));
    // A cancelled one may have been in flight: its last request arrived and is not among its attempts.
    const missing = arrived.filter((number) => !recorded.has(number));
    expect(missing.length, execution.id).toBeLessThanOrEqual(execution.status === "cancelled" ? 1 : 0);
    const mustHaveArrived = execution.attempts.filter((attempt) => attempt.errorClass !== "worker_lost");
    for (const { number } of mustHaveArrived) expect(arrived, execution.id).toContain(number);
  }
  return all;
}

/** A job of any kind whose due times must all fire: `catch_up`, and a queue for what overlaps. */
export function randomJob(chance: Chance, nowMs: number): Partial<Job> {
  const schedule = chance.pick<Job["schedule"]>([
    { kind: "recurring", everyMinutes: 1 },
    { kind: "recurring", everyMinutes: 2 },
    { kind: "cron", cron: "*/3 * * * *", timezone: "Europe/Berlin", dst: { gap: "run", repeat: "once" } },
    { kind: "scheduled", runAtMs: nowMs + chance.between(0, 600_000) },
    { kind: "one_time" },
  ]);
  return {
    schedule,
    concurrencyLimit: chance.between(1, 3),
    misfirePolicy: "catch_up",
    retryPolicy: {
      maxAttempts: 10,
      retryOnStatuses: [503],
      retryOnMismatch: false,
      backoff: { type: "fixed", initialMs: 2_000, factor: 1, maxMs: 2_000, jitter: true, listMs: [] },
      maxDurationSeconds: null,
    },
  };
}

function isOneShot(job: Job): boolean {
  return job.schedule.kind === "scheduled" || job.schedule.kind === "one_time";
}
