/** Attempts that come with the answer to who started the execution, with the real actor (ADR 0016). */

import { runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { attemptRoom } from "../../../src/actors/attemptRoom.ts";
import { startExecution, startMany } from "../../../src/app/executions/startExecution.ts";
import type { Services } from "../../../src/app/services.ts";
import type { AttemptWork } from "../../../src/domain/engine/claim.ts";
import type { TriggerAnswer, TriggerRequest } from "../../../src/domain/engine/protocol.ts";
import { requestedExecutionId } from "../../../src/domain/ids.ts";
import { type Job, NO_REQUEST } from "../../../src/domain/job/job.ts";
import { REQUEST_DEFAULTS } from "../../../src/domain/job/request.ts";
import type { StepDefinition } from "../../../src/domain/workflow/definition.ts";
import { http, parallel } from "../../../src/domain/workflow/workflow.fixture.ts";
import { composeServices } from "../../../src/entry/compose.ts";
import { Simulation, SIMULATED_START_MS as START } from "../../support/simulation.ts";

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
/** Runs when it is asked to, and not before. */
const QUIET = { schedule: { kind: "scheduled", runAtMs: START + 1_000 * HOUR } } as const;
const ROOM_MOST = 250;

let world: Simulation;
beforeEach(() => {
  world = new Simulation(START, { direct: true });
});
afterEach(() => world.end());

const underWay = () => ROOM_MOST - attemptRoom.free(ROOM_MOST);
const historyOf = async (job: Job) =>
  (await world.history(job)).map(({ status, attempts }) => ({
    status,
    attempts: attempts.map(({ errorClass }) => errorClass ?? "ok"),
  }));
const SUCCEEDED = { status: "succeeded", attempts: ["ok"] };

function taking({ workspaceId }: Job, asked: Partial<TriggerRequest> = {}): TriggerRequest {
  return { workspaceId, source: "manual", replayedFrom: null, takesWork: true, ...asked };
}

async function ask(job: Job, asked: Partial<TriggerRequest> = {}): Promise<TriggerAnswer> {
  const answer = await world.actor(job.id).trigger(taking(job, asked));
  await world.settled();
  return answer;
}

async function take(job: Job): Promise<AttemptWork> {
  const answer = await ask(job);
  if (answer.type !== "started" || !answer.work) throw new Error("no attempt came with the answer");
  return answer.work;
}

/** How many attempts were handed over, and how many messages wait. */
const elsewhere = () => [world.handed.length, world.messages.length];

describe("an attempt whose caller takes it", () => {
  it("comes with the answer, and is neither handed over nor sent", async () => {
    const job = await world.start(QUIET);
    const answer = await ask(job);
    expect(answer).toMatchObject({
      type: "started",
      execution: { status: "queued", startedAtMs: null },
      work: { attempt: 1, execution: { status: "running" } },
    });
    expect(elsewhere()).toEqual([0, 0]);
    if (answer.type !== "started" || !answer.work) throw new Error("no attempt came with the answer");
    await world.attempt(answer.work);
    await world.deliverAll();
    expect(await historyOf(job)).toEqual([SUCCEEDED]);
    expect([world.arrivals.length, world.sent]).toEqual([1, 0]);
  });

  it("leaves nothing of the wish in what is stored", async () => {
    const job = await world.start(QUIET);
    await ask(job, { input: { a: 1 }, dedupe: { key: "k", windowMs: HOUR } });
    const stored = await runInDurableObject(world.stub(job.id), (_, { storage: { sql } }) => {
      const tables = sql.exec(
        "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE '\\_cf%' ESCAPE '\\'",
      );
      return tables.toArray().flatMap(({ name }) => sql.exec(`SELECT * FROM "${String(name)}"`).toArray());
    });
    expect(JSON.stringify(stored)).toContain("manual");
    expect(JSON.stringify(stored)).not.toContain("takesWork");
  });

  it("is handed over as before when nobody takes it", async () => {
    const job = await world.start(QUIET);
    const answer = await ask(job, { takesWork: false });
    expect(answer).not.toHaveProperty("work");
    expect(elsewhere()).toEqual([1, 0]);
  });

  it("needs no room of the actor's: its caller has made some", async () => {
    const job = await world.start(QUIET);
    world.handOver.hasRoom = () => false;
    await world.runNow(job);
    expect(elsewhere()).toEqual([0, 1]);
    expect((await take(job)).attempt).toBe(1);
    expect(elsewhere()).toEqual([0, 1]);
  });

  it.each<[string, Partial<Job>, () => Partial<TriggerRequest>, number]>([
    ["is delayed", {}, () => ({ delayUntilMs: world.nowMs + HOUR }), 0],
    [
      "may outlive its caller",
      { request: { ...REQUEST_DEFAULTS, url: "https://a.test/", timeoutSeconds: 31 } },
      () => ({}),
      1,
    ],
    ["is in a queue that is paused", { queuePaused: true }, () => ({}), 0],
  ])("does not come with the answer when the execution %s", async (_what, changes, asked, messages) => {
    const job = await world.start({ ...QUIET, ...changes });
    const answer = await ask(job, asked());
    expect(answer.type).toBe("started");
    expect(answer).not.toHaveProperty("work");
    expect(elsewhere()).toEqual([0, messages]);
  });

  it("is the first of a workflow's first steps; those beside it are handed over", async () => {
    const start = async (steps: readonly StepDefinition[]) =>
      await world.start({ schedule: { kind: "workflow", timing: null }, request: NO_REQUEST, steps });
    const plain = await start([http("a"), http("b")]);
    const first = await take(plain);
    expect([first.step, ...elsewhere()]).toEqual(["a", 0, 0]);
    const wide = await start([parallel("p", [[http("left")], [http("right")]])]);
    const left = await take(wide);
    expect([left.step, world.handed.map(({ step }) => step)]).toEqual(["p[0].left", ["p[1].right"]]);
    await Promise.all([world.attempt(first), world.attempt(left)]);
    await world.deliverAll();
    expect((await world.history(plain)).map(({ status }) => status)).toEqual(["succeeded"]);
    expect((await world.history(wide)).map(({ status }) => status)).toEqual(["succeeded"]);
  });

  it("is cancelled as any other: its result is late", async () => {
    const job = await world.start(QUIET);
    const work = await take(job);
    await world.cancel(job, work.executionId);
    await world.attempt(work);
    await world.deliverAll();
    expect((await world.history(job)).map(({ status }) => status)).toEqual(["cancelled"]);
  });
});

describe("a start that was asked for before", () => {
  it.each<[string, (job: Job) => Partial<TriggerRequest>]>([
    ["the same id", ({ id }) => ({ executionId: requestedExecutionId(id, START, () => 0.5) })],
    ["the same key", () => ({ dedupe: { key: "k", windowMs: HOUR, kind: "idempotency" } })],
  ])("with %s brings no attempt, and the first is made once", async (_what, asked) => {
    const job = await world.start(QUIET);
    const first = await ask(job, asked(job));
    const second = await ask(job, asked(job));
    expect(second.type).toBe("duplicate");
    expect(second).not.toHaveProperty("work");
    if (first.type !== "started" || !first.work) throw new Error("no attempt came with the answer");
    await world.attempt(first.work);
    await world.deliverAll();
    expect([world.arrivals.length, await historyOf(job)]).toEqual([1, [SUCCEEDED]]);
  });

  it("is handed over, should the call find that its message was lost", async () => {
    const job = await world.start(QUIET);
    const executionId = requestedExecutionId(job.id, START, () => 0.5);
    Object.assign(env, { DIRECT_ATTEMPTS_PER_ISOLATE: "0" });
    await world.runNow(job, { executionId });
    world.take();
    Object.assign(env, { DIRECT_ATTEMPTS_PER_ISOLATE: String(ROOM_MOST) });
    world.setClock(START + MINUTE);
    const again = await ask(job, { executionId });
    expect(again.type).toBe("duplicate");
    expect(again).not.toHaveProperty("work");
    expect(world.handed.map((work) => work.executionId)).toEqual([executionId]);
  });
});

describe("what else the event brings about", () => {
  it("is handed over: each start has its own wish", async () => {
    const job = await world.start(QUIET);
    const answers = await world
      .actor(job.id)
      .triggerMany([taking(job), taking(job, { takesWork: false }), taking(job)]);
    await world.settled();
    expect(answers.map((answer) => "work" in answer)).toEqual([true, false, true]);
    expect(elsewhere()).toEqual([1, 0]);
  });

  it("is handed over: an attempt whose worker died is not this caller's", async () => {
    const job = await world.start(QUIET);
    const dead = await take(job);
    world.setClock(dead.leaseUntilMs);
    const mine = await take(job);
    expect(mine.executionId).not.toBe(dead.executionId);
    expect(world.handed).toMatchObject([{ executionId: dead.executionId, attempt: 2 }]);
    await world.attempt(mine);
    await world.deliverAll();
    expect(await historyOf(job)).toEqual([{ status: "succeeded", attempts: ["worker_lost", "ok"] }, SUCCEEDED]);
  });

  it("waits for a free slot, which the end of the taken attempt frees", async () => {
    const job = await world.start({ ...QUIET, concurrencyLimit: 1 });
    const work = await take(job);
    const second = await ask(job);
    expect(second.type).toBe("started");
    expect(second).not.toHaveProperty("work");
    expect(elsewhere()).toEqual([0, 0]);
    await world.attempt(work);
    expect(elsewhere()).toEqual([0, 1]);
    await world.deliverAll();
    expect(await historyOf(job)).toEqual([SUCCEEDED, SUCCEEDED]);
  });
});

describe("a caller that dies with the attempt", () => {
  it.each([
    ["before it sent", "claimed", 1],
    ["after it sent", "sent", 2],
    ["after it recorded the end", "recorded", 2],
  ] as const)("%s: the lease ends, and one result counts", async (_what, dies, arrivals) => {
    const job = await world.start(QUIET);
    await world.attempt(await take(job), { dies });
    await world.advance(2 * MINUTE);
    expect(world.arrivals).toHaveLength(arrivals);
    expect(await historyOf(job)).toEqual([{ status: "succeeded", attempts: ["worker_lost", "ok"] }]);
    expect(await world.owed(job.id)).toEqual([]);
  });
});

describe("a run-now over the API", () => {
  const start = async (services: Services, job: Job) =>
    await startExecution(services, job.workspaceId, job.id, { source: "manual" });

  it("is answered while its invocation makes the attempt, which then frees its room", async () => {
    const job = await world.start(QUIET);
    const target = world.hold();
    const later: Promise<unknown>[] = [];
    const started = await start(world.services(later), job);
    expect(started).toMatchObject({ ok: true, value: { execution: { status: "queued" } } });
    await world.until(() => world.arrivals.length === 1, "the request");
    expect([later.length, underWay(), ...elsewhere()]).toEqual([1, 1, 0, 0]);
    target.release();
    await Promise.all(later);
    expect([underWay(), world.sent]).toEqual([0, 0]);
    expect(await historyOf(job)).toEqual([SUCCEEDED]);
  });

  it("takes one attempt for each invocation, and leaves the others to those that are handed over", async () => {
    const job = await world.start(QUIET);
    const target = world.hold();
    const later: Promise<unknown>[] = [];
    const services = world.services(later);
    await start(services, job);
    await start(services, job);
    await startMany(services, job.workspaceId, job.id, [{ source: "manual" }, { source: "manual" }]);
    await world.settled();
    expect([underWay(), ...elsewhere()]).toEqual([1, 3, 0]);
    target.release();
    await Promise.all(later);
    await world.deliverAll();
    expect(await historyOf(job)).toEqual(Array.from({ length: 4 }, () => SUCCEEDED));
  });

  it("asks for no attempt when the isolate has no room for one", async () => {
    const job = await world.start(QUIET);
    Object.assign(env, { DIRECT_ATTEMPTS_PER_ISOLATE: "1" });
    const target = world.hold();
    const later: Promise<unknown>[] = [];
    await start(world.services(later), job);
    await start(world.services(later), job);
    await world.settled();
    expect([later.length, underWay(), ...elsewhere()]).toEqual([1, 1, 0, 1]);
    target.release();
    await Promise.all(later);
    await world.deliverAll();
    expect(await historyOf(job)).toEqual([SUCCEEDED, SUCCEEDED]);
  });

  it("takes no attempt in an invocation that is none of the API's", async () => {
    const job = await world.start(QUIET);
    const later: Promise<unknown>[] = [];
    await start(
      composeServices(env, (work) => void later.push(work), null),
      job,
    );
    await world.settled();
    expect([later.length, ...elsewhere()]).toEqual([0, 1, 0]);
  });

  it("loses its attempt with the answer, is told of that once, and is healed by the lease", async () => {
    const job = await world.start(QUIET);
    const later: Promise<unknown>[] = [];
    const services = world.services(later);
    const actor = world.actor(job.id);
    const trigger = async (request: TriggerRequest): Promise<TriggerAnswer> => {
      await actor.trigger(request);
      throw new Error("Network connection lost.");
    };
    const started = await start({ ...services, actors: { of: () => ({ ...actor, trigger }) } }, job);
    expect(started).toMatchObject({ ok: false, error: { code: "actor_unavailable" } });
    await Promise.all(later);
    expect([underWay(), ...elsewhere()]).toEqual([0, 0, 0]);
    expect(world.logs.filter(({ level }) => level === "error").map(({ event }) => event)).toEqual(["api.fault"]);
    await world.advance(2 * MINUTE);
    expect(await historyOf(job)).toEqual([{ status: "succeeded", attempts: ["worker_lost", "ok"] }]);
  });
});
