/** The real Trigger.dev client: lists of runs, bulk actions, tags, metadata, results. */

import { apiClientManager } from "@trigger.dev/core/v3";
import { runs, tasks } from "@trigger.dev/sdk";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Task, TriggerStage } from "../support/triggerStage.ts";
import { startTriggerStage } from "../support/triggerStage.ts";
import { until } from "../support/instance.ts";

let stage: TriggerStage;
beforeAll(async () => {
  stage = await startTriggerStage();
});
afterAll(async () => {
  await stage?.stop();
});

const DEADLINE_MS = 15_000;
const client = () => apiClientManager.clientOrThrow();
const ended = (id: string) => runs.poll(id, { pollIntervalMs: 50 });

type Query = NonNullable<Parameters<typeof runs.list>[0]> & object;

async function idsOf(query: Query): Promise<string[]> {
  const ids: string[] = [];
  for await (const run of runs.list(query)) ids.push(run.id);
  return ids;
}

/** Waits until the list, which may be two seconds behind, holds exactly these runs, in any order. */
async function listed(query: Query, ids: readonly string[]): Promise<void> {
  let last: readonly string[] = [];
  const isThere = async () => {
    last = await idsOf(query);
    return last.length === ids.length && ids.every((id) => last.includes(id));
  };
  await until(isThere, DEADLINE_MS, `${JSON.stringify(query)} to list ${ids.join(", ")}`).catch((error: unknown) => {
    throw new Error(`${String(error)} It lists ${last.join(", ") || "nothing"}.`, { cause: error });
  });
}

async function triggered(task: Task, count: number): Promise<string[]> {
  const ids: string[] = [];
  for (let n = 0; n < count; n++) {
    const handle = await tasks.trigger(task.name, { n });
    await ended(handle.id);
    ids.push(handle.id);
  }
  return ids;
}

describe("runs.list", () => {
  it("walks all pages, newest first, and back again", async () => {
    const task = await stage.createTask();
    const ids = (await triggered(task, 7)).toReversed();
    await listed({ taskIdentifier: task.name }, ids);
    expect(await idsOf({ taskIdentifier: task.name, limit: 3 })).toEqual(ids);
    const first = await runs.list({ taskIdentifier: task.name, limit: 2 });
    expect(first.data.map(({ id }) => id)).toEqual(ids.slice(0, 2));
    expect(first.hasPreviousPage()).toBe(false);
    const third = await (await first.getNextPage()).getNextPage();
    expect(third.data.map(({ id }) => id)).toEqual(ids.slice(4, 6));
    const second = await third.getPreviousPage();
    expect(second.data.map(({ id }) => id)).toEqual(ids.slice(2, 4));
    expect((await second.getNextPage()).data.map(({ id }) => id)).toEqual(ids.slice(4, 6));
    const again = await second.getPreviousPage();
    expect(again.data.map(({ id }) => id)).toEqual(ids.slice(0, 2));
    expect(again.hasPreviousPage()).toBe(false);
    expect(first.data[0]).toMatchObject({ taskIdentifier: task.name, env: { name: "prod" }, isCompleted: true });
  });

  it("filters by status, tag, version, time, queue, and by what nothing here has", async () => {
    const [good, bad] = await Promise.all([stage.createTask(), stage.createTask({ status: 400 })]);
    const before = new Date();
    const tagged = await tasks.trigger(good.name, {}, { tags: ["user:9", "vip"] });
    const plain = await tasks.trigger(good.name, {});
    const failed = await tasks.trigger(bad.name, {}, { tags: "user:9" });
    const delayed = await tasks.trigger(good.name, {}, { delay: "1h" });
    await Promise.all([tagged, plain, failed].map(({ id }) => ended(id)));
    const both = { taskIdentifier: [good.name, bad.name] };
    await listed(both, [tagged.id, plain.id, failed.id, delayed.id]);
    await listed({ ...both, status: "FAILED" }, [failed.id]);
    await listed({ ...both, status: ["COMPLETED", "DELAYED"] }, [tagged.id, plain.id, delayed.id]);
    await listed({ ...both, status: "EXECUTING" }, []);
    await listed({ ...both, status: "CRASHED" }, []);
    await listed({ ...both, tag: "user:9" }, [tagged.id, failed.id]);
    await listed({ tag: ["vip", "nobody"] }, [tagged.id]);
    await listed({ ...both, version: "1" }, [tagged.id, plain.id, failed.id, delayed.id]);
    await listed({ ...both, version: ["20260101.1", "1"] }, [tagged.id, plain.id, failed.id, delayed.id]);
    await listed({ ...both, version: "20260101.1" }, []);
    await listed({ ...both, from: before }, [tagged.id, plain.id, failed.id, delayed.id]);
    await listed({ ...both, to: before }, []);
    await listed({ ...both, period: "1h" }, [tagged.id, plain.id, failed.id, delayed.id]);
    await listed({ queue: { type: "task", name: bad.name } }, [failed.id]);
    await listed({ ...both, isTest: false, status: "FAILED" }, [failed.id]);
    await listed({ ...both, isTest: true }, []);
    await listed({ ...both, machine: "small-1x" }, []);
    await listed({ ...both, schedule: "sched_nothing" }, []);
    await listed({ ...both, batch: "batch_nothing" }, []);
    await listed({ taskIdentifier: "nobody" }, []);
    const ofProject: string[] = [];
    for await (const run of runs.list("proj_any", { ...both, env: "prod", status: "FAILED" })) ofProject.push(run.id);
    expect(ofProject).toEqual([failed.id]);
    await expect(runs.list({ status: "NONSENSE" as "FAILED" })).rejects.toMatchObject({ status: 400 });
  });
});

describe("runs.bulk", () => {
  it("cancels the runs that are named, and tells how far it got", async () => {
    const task = await stage.createTask();
    const handles = await Promise.all([1, 2, 3].map(() => tasks.trigger(task.name, {}, { delay: "1h" })));
    const ids = handles.map(({ id }) => id);
    const action = await runs.bulk.cancel({ runIds: ids.slice(0, 2), name: "too many" });
    expect(await runs.bulk.poll(action.id, { pollIntervalMs: 50 })).toMatchObject({
      id: action.id,
      name: "too many",
      type: "CANCEL",
      status: "COMPLETED",
      counts: { total: 2, success: 2, failure: 0 },
    });
    const states = await Promise.all(ids.map((id) => runs.retrieve(id)));
    expect(states.map(({ status }) => status)).toEqual(["CANCELED", "CANCELED", "DELAYED"]);
    await listed({ bulkAction: action.id }, ids.slice(0, 2));
    expect(await runs.bulk.abort(action.id)).toEqual({ id: action.id });
    await runs.cancel(ids[2] ?? "");
  });

  it("replays what a filter finds", async () => {
    const task = await stage.createTask();
    const ids = await triggered(task, 3);
    await listed({ taskIdentifier: task.name, status: "COMPLETED" }, ids);
    const action = await runs.bulk.replay({ filter: { taskIdentifier: task.name, status: "COMPLETED" } });
    const done = await runs.bulk.poll(action.id, { pollIntervalMs: 50 });
    expect(done).toMatchObject({ type: "REPLAY", status: "COMPLETED", counts: { total: 3, success: 3, failure: 0 } });
    expect(done.completedAt).toBeInstanceOf(Date);
    await until(async () => (await idsOf({ bulkAction: action.id })).length === 3, DEADLINE_MS, "three replays");
    await until(() => stage.target.arrivalsAt(task.path).length === 6, DEADLINE_MS, "six requests");
  });

  it("lists what was done, page by page", async () => {
    const all: string[] = [];
    for await (const action of runs.bulk.list({ limit: 1 })) all.push(action.id);
    expect(all.length).toBeGreaterThanOrEqual(2);
    expect(new Set(all).size).toBe(all.length);
    expect(await runs.bulk.retrieve(all[0] ?? "")).toMatchObject({ id: all[0] });
    await expect(runs.bulk.retrieve("bulk_nothing")).rejects.toMatchObject({ status: 404 });
    await expect(runs.bulk.cancel({ runIds: [] })).rejects.toMatchObject({ status: 400 });
  });
});

describe("tags and metadata, by the calls that the client makes inside of a task", () => {
  it("adds tags, ten at most", async () => {
    const task = await stage.createTask();
    const { id } = await tasks.trigger(task.name, {}, { delay: "1h", tags: ["a"] });
    expect(await client().addTags(id, { tags: ["a", "b"] })).toEqual({ message: "Successfully set 1 new tags." });
    expect(await client().addTags(id, { tags: "b" })).toEqual({ message: "No new tags to add" });
    expect((await runs.retrieve(id)).tags).toEqual(["a", "b"]);
    const many = Array.from({ length: 9 }, (_, n) => `tag-${n}`);
    await expect(client().addTags(id, { tags: many })).rejects.toMatchObject({ status: 422 });
    await runs.cancel(id);
  });

  it("replaces metadata and changes its members", async () => {
    const task = await stage.createTask();
    const { id } = await tasks.trigger(task.name, {}, { delay: "1h" });
    expect(await client().getRunMetadata(id)).toEqual({ metadata: {} });
    await client().updateRunMetadata(id, { metadata: { a: 1, z: 1, l: ["x", "y"] } });
    const changed = await client().updateRunMetadata(id, {
      operations: [
        { type: "set", key: "a", value: "two" },
        { type: "increment", key: "n", value: 2 },
        { type: "append", key: "l", value: "z" },
        { type: "remove", key: "l", value: "x" },
        { type: "delete", key: "z" },
      ],
    });
    expect(changed).toEqual({ metadata: { a: "two", n: 2, l: ["y", "z"] } });
    expect((await runs.retrieve(id)).metadata).toEqual({ a: "two", n: 2, l: ["y", "z"] });
    const replaced = { operations: [{ type: "update" as const, value: { fresh: true } }] };
    expect(await client().updateRunMetadata(id, replaced)).toEqual({ metadata: { fresh: true } });
    await runs.cancel(id);
  });
});

describe("results and events", () => {
  it("give the output of a run that has ended, nothing before, and each request that was sent", async () => {
    const [good, bad] = await Promise.all([stage.createTask({ answer: { ok: 1 } }), stage.createTask({ status: 400 })]);
    const [one, two] = await Promise.all([tasks.trigger(good.name, {}), tasks.trigger(bad.name, {})]);
    const waiting = await tasks.trigger(good.name, {}, { delay: "1h" });
    await Promise.all([ended(one.id), ended(two.id)]);
    expect(await client().getRunResult(waiting.id)).toBeUndefined();
    expect(await client().getRunResult(one.id)).toMatchObject({
      ok: true,
      taskIdentifier: good.name,
      output: '{"ok":1}',
      outputType: "application/json",
    });
    expect(await client().getRunResult(two.id)).toMatchObject({ ok: false, error: { name: "http_status" } });
    const { events } = await client().listRunEvents(two.id);
    expect(events).toMatchObject([{ runId: two.id, attemptNumber: 1, isError: true }]);
    await runs.cancel(waiting.id);
  });
});
