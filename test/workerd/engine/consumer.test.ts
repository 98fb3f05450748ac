/** The queue handler with the real actors: what a message may do, and what becomes of work whose surroundings fail. */

import { createExecutionContext, createMessageBatch, getQueueResult } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { JobActors } from "../../../src/app/ports.ts";
import { scheduledExecutionId } from "../../../src/domain/ids.ts";
import type { Job } from "../../../src/domain/job/job.ts";
import { REQUEST_DEFAULTS } from "../../../src/domain/job/request.ts";
import { composeConsumer } from "../../../src/entry/compose.ts";
import { type ConsumerDeps, consumeBatch } from "../../../src/queue/consumer.ts";
import { Simulation, SIMULATED_START_MS as START } from "../../support/simulation.ts";

const MINUTE = 60_000;

let world: Simulation;
beforeEach(() => {
  world = new Simulation();
});
afterEach(() => world.end());

const statusesOf = async (job: Job) => (await world.history(job)).map((execution) => execution.status);

describe("a message", () => {
  it("that is delivered twice, one after the other or at once, sends one request", async () => {
    const job = await world.start();
    const [message] = world.take();
    if (!message) throw new Error("nothing was sent");
    await Promise.all([world.deliver([message, message]), world.deliver([message])]);
    await world.deliver([message]);
    expect(world.arrivals).toHaveLength(1);
    expect(await statusesOf(job)).toEqual(["succeeded"]);
  });

  it("that is lost is sent again by the actor", async () => {
    const job = await world.start();
    world.take();
    await world.advance(19_999);
    expect(world.arrivals).toEqual([]);
    await world.advance(10_001);
    expect(world.arrivals).toHaveLength(1);
    expect(await statusesOf(job)).toEqual(["succeeded"]);
  });

  it("that comes after its execution ended does nothing", async () => {
    const job = await world.start();
    const messages = world.take();
    await world.deliver(messages);
    await world.advance(60 * MINUTE);
    await world.deliver(messages);
    expect(world.arrivals).toHaveLength(1);
    expect(await world.history(job)).toHaveLength(1);
  });

  it("of an earlier attempt does not start the next one", async () => {
    await world.start({ retryPolicy: retryAfter(30_000) });
    world.answer = () => new Response("no", { status: 503 });
    const first = world.take();
    await world.deliver(first);
    await world.advance(29_999);
    await world.deliver(first);
    expect(world.arrivals).toHaveLength(1);
    await world.advance(1);
    expect(world.arrivals.map((arrival) => arrival.attempt)).toEqual([1, 2]);
  });

  it.each([
    ["nothing", null],
    ["a text", "wake up"],
    ["an empty object", {}],
    ["a version of the future", { v: 2, type: "attempt", executionId: "exe_x", step: "request", fence: 1 }],
    ["a type of the future", { v: 1, type: "wait", executionId: "exe_x" }],
    ["a member of a wrong type", { v: 1, type: "attempt", executionId: "exe_x", step: "request", fence: "1" }],
  ])("that is %s is dropped and reported, and its batch-mates are served", async (_what, body) => {
    await world.start();
    const good = world.take().map((message) => message.body);
    const batch = createMessageBatch<unknown>("carillon-executions", [
      { id: "bad", timestamp: new Date(), attempts: 1, body },
      ...good.map((each, index) => ({ id: `good-${index}`, timestamp: new Date(), attempts: 1, body: each })),
    ]);
    const context = createExecutionContext();
    await consumeBatch(
      batch,
      composeConsumer(env, (work) => context.waitUntil(work)),
      "detached",
    );
    const result = await getQueueResult(batch, context);
    expect(result.explicitAcks.toSorted()).toEqual(["bad", "good-0"]);
    expect(result.retryMessages).toEqual([]);
    expect(world.logs.map((line) => line.event)).toContain("queue.unknown_message");
    expect(world.arrivals).toHaveLength(1);
  });

  it("whose actor cannot be reached goes back to the queue, and nothing throws", async () => {
    await world.start();
    const batch = createMessageBatch("carillon-executions", [
      { id: "m", timestamp: new Date(), attempts: 1, body: world.take()[0]?.body },
    ]);
    const context = createExecutionContext();
    const unreachable: JobActors = {
      of: () => {
        throw new Error("Network connection lost.");
      },
    };
    const deps: ConsumerDeps = { ...composeConsumer(env, (work) => context.waitUntil(work)), actors: unreachable };
    await consumeBatch(batch, deps, "detached");
    const result = await getQueueResult(batch, context);
    expect(result.retryMessages).toEqual([{ msgId: "m" }]);
    expect(result.explicitAcks).toEqual([]);
  });
});

describe("a target that does not answer", () => {
  it("neither keeps the queue nor its batch-mates waiting", async () => {
    const slow = await world.start();
    const healthy = await Promise.all(Array.from({ length: 4 }, () => world.start()));
    const open = Promise.withResolvers<Response>();
    world.answer = (arrival) => (arrival.jobId === slow.id ? open.promise : new Response("ok"));
    const background: Promise<unknown>[] = [];
    const batch = batchOf(world.take().map((message) => message.body));
    // Resolves although one target has not answered.
    await consumeBatch(
      batch,
      composeConsumer(env, (work) => void background.push(work)),
      "detached",
    );
    await world.until(async () => {
      const ended = await Promise.all(healthy.map(statusesOf));
      return ended.every(([status]) => status === "succeeded");
    }, "the healthy jobs to succeed");
    expect(await statusesOf(slow)).toEqual([]);
    open.resolve(new Response("ok"));
    await Promise.all(background);
    expect(await statusesOf(slow)).toEqual(["succeeded"]);
  });

  it("takes one of six connections: what finds none goes back to the queue unclaimed, for another consumer", async () => {
    const jobs = await Promise.all(Array.from({ length: 8 }, () => world.start()));
    const held = world.hold();
    const running = world.begin(world.take());
    await world.until(() => world.messages.length === 2, "two messages to come back");
    expect(world.arrivals).toHaveLength(6);
    const second = world.begin(world.take());
    await world.until(() => world.arrivals.length === 8, "another consumer to send the rest");
    held.release();
    await Promise.all([running, second]);
    for (const job of jobs) expect(await statusesOf(job)).toEqual(["succeeded"]);
  });

  it("may be granted more than 30 s on the long queue, whose handler waits for it", async () => {
    const job = await world.start({
      request: { ...REQUEST_DEFAULTS, url: "https://example.com/", timeoutSeconds: 31 },
    });
    const [message] = world.take();
    expect(message?.queue).toBe("carillon-long-executions");
    const held = world.hold();
    let returned = false;
    const handle = async () => {
      await consumeBatch(
        batchOf([message?.body]),
        composeConsumer(env, () => {}),
        "awaited",
      );
      returned = true;
    };
    const handled = handle();
    await world.until(() => world.arrivals.length === 1, "the request to arrive");
    expect(returned).toBe(false);
    held.release();
    await handled;
    expect(await statusesOf(job)).toEqual(["succeeded"]);
  });
});

describe("a consumer that dies", () => {
  it.each([
    ["before its claim: the message comes again, and nothing was sent twice", "received", 1, 1],
    ["after its claim: the lease ends, and the attempt is made again", "claimed", 1, 2],
    ["after it sent: the lease ends, and the attempt is made again with the next number", "sent", 2, 2],
    ["after it recorded the end: the lease ends, and the attempt is made again", "recorded", 2, 2],
    ["after it finished: nothing is made again", "finished", 1, 1],
  ] as const)("%s", async (_what, dies, arrivals, attempts) => {
    const job = await world.start();
    await world.deliver(world.take(), { dies });
    await world.advance(2 * MINUTE);
    expect(world.arrivals).toHaveLength(arrivals);
    const [execution, ...none] = await world.history(job);
    expect(none).toEqual([]);
    expect(execution).toMatchObject({ status: "succeeded", attempts: { length: attempts } });
    expect(execution?.attempts.slice(0, -1).map((attempt) => attempt.errorClass)).toEqual(
      attempts === 2 ? ["worker_lost"] : [],
    );
    expect(world.arrivals.at(-1)?.attempt).toBe(attempts);
    expect(await world.owed(job.id)).toEqual([]);
    expect((await world.services().jobs.find(job.workspaceId, job.id))?.state).toBe("completed");
  });

  it.each([
    ["is shown as late", false],
    ["is shown as late in the list at once, and the end that follows still arrives there", true],
  ])("and comes back %s, and changes nothing", async (_what, isListed) => {
    const job = await world.start();
    const held = world.hold(() => new Response("late"));
    const zombie = world.begin(world.take());
    await world.until(() => world.arrivals.length === 1, "the request to arrive");
    const again = world.hold(() => new Response("in time"));
    await world.advance(50_000, async () => {});
    const second = world.begin(world.take());
    await world.until(() => world.arrivals.length === 2, "the attempt to be made again");
    held.release();
    await zombie;
    // The history learns of the late answer while the second attempt is under way.
    if (isListed) await world.advance(5_000);
    again.release();
    await second;
    await world.advance(MINUTE);
    const [execution, ...none] = await world.history(job);
    expect(none).toEqual([]);
    expect(execution).toMatchObject({
      status: "succeeded",
      attempts: [
        { number: 1, late: true, bodyPreview: "late" },
        { number: 2, late: false, bodyPreview: "in time" },
      ],
    });
  });
});

describe("while D1 is down", () => {
  it("firing goes on, the actor holds what is owed, and afterwards the history is complete", async () => {
    const job = await world.start({ schedule: { kind: "recurring", everyMinutes: 1 }, concurrencyLimit: 1 });
    world.beforeD1 = () => {
      throw new Error("D1_ERROR: D1 DB is overloaded. Too many requests queued.");
    };
    await world.advanceTo(START + 5 * MINUTE + 1_000);
    expect(world.arrivals.map((arrival) => (arrival.atMs - START) / MINUTE)).toEqual([1, 2, 3, 4, 5]);
    expect(await world.history(job)).toEqual([]);
    expect(await world.owed(job.id)).toHaveLength(5);
    world.beforeD1 = () => {};
    await world.advanceTo(START + 7 * MINUTE + 30_000);
    const recorded = await world.history(job);
    expect(recorded.map((execution) => execution.id)).toEqual(world.arrivals.map((arrival) => arrival.executionId));
    expect(new Set(recorded.map((execution) => execution.status))).toEqual(new Set(["succeeded"]));
    expect(await world.owed(job.id)).toEqual([]);
  });

  it("an execution can still be read by its id", async () => {
    const job = await world.start();
    const executionId = scheduledExecutionId(job.id, START);
    world.beforeD1 = () => {
      throw new Error("D1_ERROR: Network connection lost.");
    };
    await world.deliverAll();
    expect(await world.actor(job.id).describe(job.workspaceId, executionId)).toMatchObject({ status: "succeeded" });
    expect(await world.actor(job.id).describe("wks_another", executionId)).toBeNull();
  });
});

function batchOf(bodies: readonly unknown[]): MessageBatch {
  return createMessageBatch(
    "carillon-executions",
    bodies.map((body, index) => ({ id: `message-${index}`, timestamp: new Date(), attempts: 1, body })),
  );
}

function retryAfter(delayMs: number): Job["retryPolicy"] {
  return {
    maxAttempts: 3,
    retryOnStatuses: [503],
    retryOnMismatch: false,
    backoff: { type: "fixed", initialMs: delayMs, factor: 1, maxMs: delayMs, jitter: false, listMs: [] },
    maxDurationSeconds: null,
  };
}
