/** Attempts that actors hand over without a message, with the real actor and the real worker (ADR 0016). */

import { env, exports } from "cloudflare:workers";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { AttemptWork } from "../../../src/domain/engine/claim.ts";
import type { AttemptStarter } from "../../../src/domain/engine/protocol.ts";
import type { Job } from "../../../src/domain/job/job.ts";
import { REQUEST_DEFAULTS } from "../../../src/domain/job/request.ts";
import { AttemptWorker } from "../../../src/entry/attemptWorker.ts";
import { Simulation, SIMULATED_START_MS as START } from "../../support/simulation.ts";

const MINUTE = 60_000;
const EVERY_MINUTE = { schedule: { kind: "recurring", everyMinutes: 1 }, concurrencyLimit: 1 } as const;
/** Beyond it an actor hands over again after the Worker had no room. */
const QUEUE_ONLY_MS = 10_000;

let world: Simulation;
beforeEach(() => {
  world = new Simulation(START, { direct: true });
});
afterEach(() => world.end());

const historyOf = async (job: Job) =>
  (await world.history(job)).map(({ status, attempts }) => ({
    status,
    attempts: attempts.map(({ errorClass }) => errorClass ?? "ok"),
  }));
const SUCCEEDED = { status: "succeeded", attempts: ["ok"] };

function byHand({ workspaceId }: Job) {
  return { workspaceId, source: "manual", replayedFrom: null } as const;
}

function taken(): AttemptWork {
  const [work, ...more] = world.handed.splice(0);
  if (!work || more.length > 0)
    throw new Error(`${more.length + Number(work !== undefined)} attempts were handed over`);
  return work;
}

describe("an attempt", () => {
  it.each([
    ["of a fire", EVERY_MINUTE, () => world.advanceTo(START + MINUTE)],
    ["of a one-shot job", {}, () => world.advance(0)],
  ] as const)("%s is made without a message", async (_what, changes, wait) => {
    const job = await world.start(changes);
    await wait();
    expect(world.arrivals).toHaveLength(1);
    expect(await historyOf(job)).toEqual([SUCCEEDED]);
    expect(world.sent).toBe(0);
  });

  it("of run-now is made without a message, and the caller is told of an execution that is queued", async () => {
    const job = await world.start(EVERY_MINUTE);
    const answer = await world.actor(job.id).trigger(byHand(job));
    await world.settled();
    expect(answer).toMatchObject({ type: "started", execution: { status: "queued", startedAtMs: null } });
    await world.deliverAll();
    expect(await historyOf(job)).toEqual([SUCCEEDED]);
    expect(world.sent).toBe(0);
  });

  it("that is retried is made without a message, too", async () => {
    const backoff = { type: "fixed", initialMs: 5_000, factor: 1, maxMs: 5_000, jitter: false, listMs: [] } as const;
    const job = await world.start({
      retryPolicy: {
        maxAttempts: 3,
        retryOnStatuses: [503],
        retryOnMismatch: false,
        backoff,
        maxDurationSeconds: null,
      },
    });
    world.answer = ({ attempt }) => new Response("", { status: attempt < 3 ? 503 : 200 });
    await world.advance(MINUTE);
    expect(await historyOf(job)).toEqual([{ status: "succeeded", attempts: ["http_status", "http_status", "ok"] }]);
    expect(world.sent).toBe(0);
  });

  it("that waited for a slot comes from the queue, so that no chain of calls grows with a backlog", async () => {
    const job = await world.start(EVERY_MINUTE);
    const first = await world.runNow(job);
    const second = await world.runNow(job);
    expect(world.handed.map(({ executionId }) => executionId)).toEqual([first]);
    await world.attempt(taken());
    expect(world.handed).toEqual([]);
    expect(world.messages).toMatchObject([{ body: { type: "attempt", executionId: second } }]);
    await world.deliverAll();
    expect(await historyOf(job)).toEqual([SUCCEEDED, SUCCEEDED]);
  });

  it("with a timeout above 30 s comes from the long queue", async () => {
    await world.start({ request: { ...REQUEST_DEFAULTS, url: "https://example.com/", timeoutSeconds: 31 } });
    expect(world.handed).toEqual([]);
    expect(world.take().map(({ queue }) => queue)).toEqual(["carillon-long-executions"]);
  });

  it("beyond the connections of one invocation comes from the queue", async () => {
    const job = await world.start({ ...EVERY_MINUTE, concurrencyLimit: 100 });
    await world.actor(job.id).triggerMany(Array.from({ length: 8 }, () => byHand(job)));
    await world.settled();
    expect(world.handed).toHaveLength(6);
    expect(world.messages).toHaveLength(2);
    await world.deliverAll();
    expect(await historyOf(job)).toEqual(Array.from({ length: 8 }, () => SUCCEEDED));
  });

  it("is claimed: a message for it is refused, a pause lets it end, a cancel makes its result late", async () => {
    const job = await world.start(EVERY_MINUTE);
    const executionId = await world.runNow(job);
    const work = taken();
    const { step, fence } = work;
    expect(await world.actor(job.id).claim({ executionId, step, fence })).toEqual({ verdict: "stale" });
    await world.edit(job.id, { state: "paused" });
    await world.cancel(job, executionId);
    await world.attempt(work);
    await world.deliverAll();
    expect((await world.history(job)).map(({ status }) => status)).toEqual(["cancelled"]);
  });
});

describe("a worker that dies with an attempt that it was handed", () => {
  it.each([
    ["before it sent", "claimed", 1],
    ["after it sent", "sent", 2],
    ["after it recorded the end", "recorded", 2],
  ] as const)("%s: the lease ends, and the attempt is made again", async (_what, dies, arrivals) => {
    const job = await world.start();
    await world.attempt(taken(), { dies });
    await world.advance(2 * MINUTE);
    expect(world.arrivals).toHaveLength(arrivals);
    expect(await historyOf(job)).toEqual([{ status: "succeeded", attempts: ["worker_lost", "ok"] }]);
    expect(await world.owed(job.id)).toEqual([]);
  });
});

describe("a Worker that has no room", () => {
  it("is spared for a while: attempts come from the queue, each once", async () => {
    const job = await world.start(EVERY_MINUTE);
    world.handOver.hasRoom = () => false;
    await world.runNow(job);
    expect(world.messages).toHaveLength(1);
    world.handOver.hasRoom = () => true;
    await world.deliverAll();
    world.setClock(START + QUEUE_ONLY_MS - 1);
    await world.runNow(job);
    expect([world.handed.length, world.messages.length]).toEqual([0, 1]);
    await world.deliverAll();
    world.setClock(START + QUEUE_ONLY_MS);
    await world.runNow(job);
    expect([world.handed.length, world.messages.length]).toEqual([1, 0]);
    await world.deliverAll();
    expect(world.arrivals.map(({ attempt }) => attempt)).toEqual([1, 1, 1]);
    expect(await historyOf(job)).toEqual([SUCCEEDED, SUCCEEDED, SUCCEEDED]);
  });

  it("or is out of reach when an alarm rings: the fire comes from the queue", async () => {
    const job = await world.start(EVERY_MINUTE);
    world.handOver.hasRoom = () => {
      throw new Error("Network connection lost.");
    };
    await world.advanceTo(START + MINUTE);
    expect(world.arrivals.map(({ atMs }) => atMs)).toEqual([START + MINUTE]);
    expect(await historyOf(job)).toEqual([SUCCEEDED]);
    expect(world.logs.map(({ event }) => event)).toContain("actor.hand_over_failed");
  });
});

describe("a call that breaks after the Worker took the attempt", () => {
  it("sends a second request, and counts one result", async () => {
    const works: AttemptWork[] = [];
    const job = await world.start(EVERY_MINUTE);
    vi.spyOn(AttemptWorker.prototype, "start").mockImplementation(async (given) => {
      works.push(...given);
      throw new Error("Network connection lost.");
    });
    await world.runNow(job);
    expect(world.messages).toHaveLength(1);
    const [work] = works;
    if (!work) throw new Error("nothing was handed over");
    // It records ahead of its finish, which is refused; what comes from the queue is newer.
    await world.attempt(work);
    await world.deliverAll();
    expect(world.arrivals).toHaveLength(2);
    expect(await historyOf(job)).toEqual([SUCCEEDED]);
    expect(await world.owed(job.id)).toEqual([]);
    expect((await world.history(job))[0]?.rev).toBeGreaterThan(work.execution.rev + 1);
  });
});

describe("the Worker itself", () => {
  beforeEach(() => {
    vi.mocked(AttemptWorker.prototype.start).mockRestore();
  });

  it("makes what it is handed", async () => {
    const job = await world.start();
    await world.until(async () => (await world.history(job)).length === 1, "the history");
    expect(await historyOf(job)).toEqual([SUCCEEDED]);
    expect([world.arrivals.length, world.sent]).toEqual([1, 0]);
  });

  it("takes all of a call or nothing of it", async () => {
    const works: AttemptWork[] = [];
    vi.spyOn(AttemptWorker.prototype, "start").mockImplementation(async (given) => works.push(...given) > 0);
    const job = await world.start({ ...EVERY_MINUTE, concurrencyLimit: 10 });
    await world.actor(job.id).triggerMany([byHand(job), byHand(job)]);
    await world.settled();
    vi.mocked(AttemptWorker.prototype.start).mockRestore();
    Object.assign(env, { DIRECT_ATTEMPTS_PER_ISOLATE: "1" });
    const starter = (exports as unknown as { AttemptWorker: AttemptStarter }).AttemptWorker;
    expect(works).toHaveLength(2);
    expect(await starter.start(works)).toBe(false);
    expect(world.arrivals).toEqual([]);
    expect(await starter.start(works.slice(1))).toBe(true);
    await world.until(() => world.arrivals.length === 1, "the one that was taken");
  });
});

describe("an actor", () => {
  it("claims no more than the isolate has room for, and leaves the rest to the queue", async () => {
    const job = await world.start({ ...EVERY_MINUTE, concurrencyLimit: 10 });
    Object.assign(env, { DIRECT_ATTEMPTS_PER_ISOLATE: "2" });
    await world.actor(job.id).triggerMany(Array.from({ length: 5 }, () => byHand(job)));
    await world.settled();
    expect([world.handed.length, world.messages.length]).toEqual([2, 3]);
    await world.deliverAll();
    expect(await historyOf(job)).toEqual(Array.from({ length: 5 }, () => SUCCEEDED));
  });
});
