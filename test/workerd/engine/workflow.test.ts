/** Executions with steps in the real runtime: actor, SQLite, alarms, queue handler and the way between two actors. */

import { runInDurableObject } from "cloudflare:test";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { JobActor } from "../../../src/actors/job/JobActor.ts";
import type { Execution } from "../../../src/domain/execution/execution.ts";
import { type Job, NO_REQUEST } from "../../../src/domain/job/job.ts";
import type { JsonValue } from "../../../src/domain/json.ts";
import type { StepDefinition } from "../../../src/domain/workflow/definition.ts";
import {
  approval,
  condition,
  forEach,
  http,
  parallel,
  runJob,
  transform,
  wait,
  waitForWebhook,
} from "../../../src/domain/workflow/workflow.fixture.ts";
import { Simulation } from "../../support/simulation.ts";

const MINUTE = 60_000;

let world: Simulation;
beforeEach(() => {
  world = new Simulation();
  world.answer = (arrival) => Response.json({ path: new URL(arrival.url).pathname });
});
afterEach(() => world.end());

async function startWorkflow(steps: readonly StepDefinition[], changes: Partial<Job> = {}): Promise<Job> {
  return await world.start({
    schedule: { kind: "workflow", timing: null },
    request: NO_REQUEST,
    steps,
    publicUrl: "https://carillon.test",
    ...changes,
  });
}

async function run(job: Job, input: JsonValue = {}): Promise<string> {
  const { workspaceId } = job;
  const answer = await world.actor(job.id).trigger({ workspaceId, source: "manual", replayedFrom: null, input });
  if (answer.type !== "started") throw new Error(answer.type);
  return answer.execution.id;
}

async function live(job: Job, id: string): Promise<Execution> {
  const execution = await world.actor(job.id).describe(job.workspaceId, id);
  if (!execution) throw new Error("The execution is not live.");
  return execution;
}

/** Twelve steps, every type among them. */
function everything(child: Job): StepDefinition[] {
  return [
    http("fetch", {}, "https://example.com/fetch?cb={{waits.hook.url}}"),
    transform("shape", { path: "{{steps.fetch.path}}" }),
    condition("check", { left: "{{input.go}}", operator: "eq", right: true }, [http("yes")], [http("no")]),
    parallel("both", [[http("left")], [wait("pause"), http("right")]]),
    forEach("loop", "{{input.items}}", [http("each", {}, "https://example.com/each/{{item}}")], { maxConcurrency: 1 }),
    runJob("other", child.id, { input: { from: "{{steps.shape.output.path}}" } }),
    waitForWebhook("hook"),
    approval("ok"),
    transform("end", { each: "{{steps.loop.output.results}}", other: "{{steps.other.output.output}}" }),
  ];
}

describe.each([false, true])("an execution with every type of step (memory lost after every step: %s)", (evicting) => {
  it("runs each step once, and parks at no cost where it waits", async () => {
    world.evicting = evicting;
    const child = await startWorkflow([transform("t", "{{input.from}}")], {
      responseOutputTemplate: { got: "{{steps.t.output}}" },
    });
    const job = await startWorkflow(everything(child), { responseOutputTemplate: "{{steps.end.output}}" });
    const id = await run(job, { go: true, items: ["a", "b"] });
    await world.advance(5 * MINUTE);

    const parked = await live(job, id);
    expect(parked).toMatchObject({ status: "waiting", workflow: { waiting: { step: "hook" }, children: [{}] } });
    const sent = world.sent;
    await world.advance(30 * MINUTE);
    expect(world.sent).toBe(sent);
    const url = parked.workflow?.waiting?.callbackUrl ?? "";
    const token = url.slice(url.lastIndexOf("/") + 1);
    const signal = { executionId: id, step: "hook", token, payload: { hello: 1 } };
    expect(await world.actor(job.id).signal(signal)).toBe("accepted");
    expect(await world.actor(job.id).signal(signal)).toBe("already_received");
    const authority = { workspaceId: job.workspaceId };
    const request = { executionId: id, step: "ok", decision: "approve", by: "kim", comment: null, authority } as const;
    const decided = await world.actor(job.id).decide(request);
    expect(decided.type).toBe("decided");

    const ended = await live(job, id);
    expect(ended).toMatchObject({ status: "succeeded" });
    expect(ended.workflow?.finalOutput).toEqual({
      each: [{ each: { path: "/each/a" } }, { each: { path: "/each/b" } }],
      other: { got: "/fetch" },
    });
    await world.advance(5 * MINUTE);
    expect(world.arrivals.map(({ url: each }) => new URL(each).pathname)).toEqual(
      ["/fetch", "/yes", "/left", "/right", "/each/a", "/each/b"], // prettier-ignore
    );
    expect((await world.history(job)).map(({ status }) => status)).toEqual(["succeeded"]);
    expect((await world.history(child)).map(({ status, source }) => [status, source])).toEqual([["succeeded", "job"]]);
    expect(await world.owed(job.id)).toEqual([]);
    expect(await world.alarmOf(job.id)).toBeNull();
    expect(await world.alarmOf(child.id)).toBeNull();
  });
});

describe.each([false, true])("a container with a timeout (memory lost after every step: %s)", (evicting) => {
  it("ends on time, and takes back what is under way in it", async () => {
    world.evicting = evicting;
    const child = await startWorkflow([approval("a")]);
    const steps = [
      [http("left"), wait("pause", { durationSeconds: 3_600 })],
      [runJob("r", child.id)],
      [waitForWebhook("w")],
    ];
    const job = await startWorkflow([parallel("p", steps, { timeoutSeconds: 600, onError: "continue" }), http("next")]);
    const id = await run(job);
    await world.advance(9 * MINUTE);
    expect(await live(job, id)).toMatchObject({ status: "waiting" });
    await world.advance(2 * MINUTE);
    const [ended] = await world.history(job);
    expect(ended).toMatchObject({ id, status: "succeeded" });
    expect(ended?.workflow?.steps.map(({ path, status }) => [path, status])).toEqual([
      ["p", "failed"],
      ["p[0].left", "succeeded"],
      ["p[1].r", "cancelled"],
      ["p[2].w", "cancelled"],
      ["p[0].pause", "cancelled"],
      ["next", "succeeded"],
    ]);
    expect((await world.history(child)).map(({ status }) => status)).toEqual(["cancelled"]);
    expect([await world.alarmOf(job.id), await world.alarmOf(child.id)]).toEqual([null, null]);
  });
});

describe("messages between two jobs", () => {
  it("may all be lost once: the child starts once and its end arrives", async () => {
    const child = await startWorkflow([http("a")]);
    const job = await startWorkflow([runJob("r", child.id)]);
    const id = await run(job);
    let dropped = 0;
    const lossy = async (): Promise<void> => {
      const errands = world.messages.filter(({ body }) => body.type === "errands");
      if (dropped < 2 && errands.length > 0) dropped += world.take(errands).length;
      await world.deliverAll();
    };
    await world.advance(2 * MINUTE, lossy);
    expect(dropped).toBe(2);
    expect(await world.history(child)).toHaveLength(1);
    expect((await world.history(job)).map((each) => [each.id, each.status])).toEqual([[id, "succeeded"]]);
    expect(world.arrivals).toHaveLength(1);
  });

  it("end the child with its parent", async () => {
    const child = await startWorkflow([approval("a")]);
    const job = await startWorkflow([runJob("r", child.id)]);
    const id = await run(job);
    await world.advance(MINUTE);
    expect((await live(job, id)).status).toBe("waiting");
    await world.cancel(job, id);
    await world.advance(MINUTE);
    expect((await world.history(child)).map(({ status }) => status)).toEqual(["cancelled"]);
  });

  it("fail the step when the other job does not exist", async () => {
    const job = await startWorkflow([runJob("r", "job_01kdefghjkzzzzzzzzzzzzzzzz")]);
    await run(job);
    await world.advance(MINUTE);
    expect(await world.history(job)).toMatchObject([{ status: "failed", error: { code: "unknown_job" } }]);
  });
});

const PARKED = 1_000;

/** Every call that reaches an actor from now on, alarms included. */
function countRequests(): () => number {
  const names = Object.getOwnPropertyNames(JobActor.prototype).filter((name) => name !== "constructor");
  const spies = names.map((name) => vi.spyOn(JobActor.prototype, name as "owed"));
  return () => spies.reduce((sum, spy) => sum + spy.mock.calls.length, 0);
}

/** Rows that the job's actor has inserted, changed or deleted since it woke. */
async function rowsOf(job: Job): Promise<number> {
  return await runInDurableObject(world.stub(job.id), (_, state) =>
    Number(state.storage.sql.exec("SELECT total_changes() AS rows").one()["rows"]),
  );
}

describe("a thousand executions that wait for a person", () => {
  it("cost nothing while they wait, resume once each, and cost the same as if each were alone", async () => {
    const job = await startWorkflow([approval("ok", { timeoutSeconds: 30 * 86_400 }), transform("t", 1)]);
    const ids = await Promise.all(Array.from({ length: PARKED }, () => run(job)));
    await world.advance(MINUTE);
    expect(await world.owed(job.id)).toEqual([]);
    const requests = countRequests();
    const counted = async () => ({ sent: world.sent, d1: world.d1Calls, rows: await rowsOf(job) });
    const before = await counted();
    await world.advance(24 * 60 * MINUTE);
    expect(requests()).toBe(0);
    expect(await counted()).toEqual(before);

    const authority = { workspaceId: job.workspaceId };
    for (const executionId of ids) {
      const request = { executionId, step: "ok", decision: "approve", by: "kim", comment: null, authority } as const;
      expect((await world.actor(job.id).decide(request)).type).toBe("decided");
      expect((await world.actor(job.id).decide(request)).type).toBe("unknown");
    }
    expect(requests()).toBe(2 * PARKED);
    // The execution goes, its record comes; a few for the row that the cursor shares, and for what falls due meanwhile.
    expect((await rowsOf(job)) - before.rows).toBeLessThan(2.2 * PARKED);
    await world.advance(5 * MINUTE);
    const ended = await world.history(job);
    expect(ended.map(({ id }) => id).toSorted()).toEqual(ids.toSorted());
    expect(new Set(ended.map(({ status, workflow }) => [status, workflow?.steps.length].join()))).toEqual(
      new Set(["succeeded,2"]),
    );
    expect(await world.owed(job.id)).toEqual([]);
  }, 120_000);
});
