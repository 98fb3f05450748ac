/** Tags and metadata of executions, through their use cases, with real actors and D1. */

import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { addTags, changeMetadata, labelsOf, setLabels } from "../../../src/app/executions/labels.ts";
import { startExecution } from "../../../src/app/executions/startExecution.ts";
import type { Labels } from "../../../src/domain/execution/labels.ts";
import { METADATA_BYTES_MOST, TAGS_MOST } from "../../../src/domain/execution/labels.ts";
import { requestedExecutionId } from "../../../src/domain/ids.ts";
import type { Job } from "../../../src/domain/job/job.ts";
import { aWorkspaceId } from "../db/builders.ts";
import { Simulation, SIMULATED_START_MS as START } from "../../support/simulation.ts";

const HOUR = 3_600_000;

let world: Simulation;
let job: Job;
beforeEach(async () => {
  world = new Simulation();
  job = await world.start({ workspaceId: aWorkspaceId(), schedule: { kind: "scheduled", runAtMs: START + HOUR } });
});
afterEach(() => world.end());

async function start(): Promise<string> {
  const started = await startExecution(world.services(), job.workspaceId, job.id, { source: "api" });
  if (!started.ok) throw new Error(JSON.stringify(started.error));
  return started.value.execution.id;
}

async function labels(id: string): Promise<Labels | undefined> {
  return (await labelsOf(world.services(), job.workspaceId, [id])).get(id);
}

describe("first labels", () => {
  it("are there before the execution is, and go on with it", async () => {
    const services = world.services();
    const executionId = requestedExecutionId(job.id, START, Math.random);
    const owner = { executionId, jobId: job.id };
    const set = await setLabels(services, job.workspaceId, owner, { tags: ["a", "b", "a"], metadata: { n: 1 } });
    expect(set).toMatchObject({ ok: true, value: { tags: ["a", "b"], metadata: { n: 1 } } });
    const started = await startExecution(services, job.workspaceId, job.id, { source: "api", executionId });
    expect(started.ok && started.value.execution.id).toBe(executionId);
    await world.deliverAll();
    expect(await labels(executionId)).toMatchObject({ tags: ["a", "b"], metadata: { n: 1 }, updatedAtMs: START });
  });

  it.each([
    ["too_many_tags", { tags: Array.from({ length: TAGS_MOST + 1 }, (_, i) => `t${i}`), metadata: null }],
    ["invalid_request", { tags: ["x".repeat(129)], metadata: null }],
    ["invalid_request", { tags: [""], metadata: null }],
    ["metadata_too_large", { tags: [], metadata: { text: "x".repeat(METADATA_BYTES_MOST) } }],
  ])("are refused as %s", async (code, given) => {
    const owner = { executionId: requestedExecutionId(job.id, START, Math.random), jobId: job.id };
    expect(await setLabels(world.services(), job.workspaceId, owner, given)).toMatchObject({ error: { code } });
    expect(await labels(owner.executionId)).toBeUndefined();
  });
});

describe("tags", () => {
  it("are added to a live execution and to one that has ended, each once", async () => {
    const id = await start();
    expect(await addTags(world.services(), job.workspaceId, id, ["a", "b"])).toMatchObject({ value: { added: 2 } });
    await world.deliverAll();
    const more = await addTags(world.services(), job.workspaceId, id, ["b", "c"]);
    expect(more).toMatchObject({ value: { added: 1, labels: { tags: ["a", "b", "c"] } } });
    expect(await addTags(world.services(), job.workspaceId, id, ["a"])).toMatchObject({ value: { added: 0 } });
  });

  it("are ten at most, and none is added that would make more", async () => {
    const id = await start();
    await addTags(world.services(), job.workspaceId, id, ["1", "2", "3", "4", "5", "6", "7", "8"]);
    const refused = await addTags(world.services(), job.workspaceId, id, ["9", "10", "11"]);
    expect(refused).toMatchObject({ ok: false, error: { code: "too_many_tags" } });
    expect((await labels(id))?.tags).toHaveLength(8);
  });

  it("all stay when several callers add at the same moment", async () => {
    const id = await start();
    await Promise.all(["a", "b", "c", "d"].map((tag) => addTags(world.services(), job.workspaceId, id, [tag])));
    expect((await labels(id))?.tags.toSorted()).toEqual(["a", "b", "c", "d"]);
  });

  it("are not added to an execution of another workspace, or to none", async () => {
    const id = await start();
    const none = requestedExecutionId(job.id, START, Math.random);
    for (const [workspaceId, executionId] of [
      [aWorkspaceId(), id],
      [job.workspaceId, none],
      [job.workspaceId, "nonsense"],
    ] as const) {
      expect(await addTags(world.services(), workspaceId, executionId, ["a"])).toMatchObject({
        error: { code: "not_found" },
      });
    }
  });
});

describe("metadata", () => {
  it("is replaced as a whole, or changed member by member", async () => {
    const id = await start();
    const change = (by: Parameters<typeof changeMetadata>[3]) =>
      changeMetadata(world.services(), job.workspaceId, id, by);
    await addTags(world.services(), job.workspaceId, id, ["a"]);
    expect(await change({ replace: { n: 1, gone: true } })).toMatchObject({
      value: { metadata: { n: 1, gone: true } },
    });
    const operations = [
      { type: "increment", key: "n", value: 2 },
      { type: "delete", key: "gone" },
      { type: "append", key: "log", value: "x" },
    ] as const;
    expect(await change({ operations })).toMatchObject({ value: { metadata: { n: 3, log: ["x"] } } });
    expect(await labels(id)).toMatchObject({ tags: ["a"], metadata: { n: 3, log: ["x"] } });
    const tooLarge = { replace: { text: "ü".repeat(METADATA_BYTES_MOST / 2) } };
    expect(await change(tooLarge)).toMatchObject({ error: { code: "metadata_too_large" } });
    expect((await labels(id))?.metadata).toEqual({ n: 3, log: ["x"] });
  });

  it("counts every increment of callers at the same moment", async () => {
    const id = await start();
    const operations = [{ type: "increment", key: "n", value: 1 }] as const;
    await Promise.all([1, 2, 3, 4].map(() => changeMetadata(world.services(), job.workspaceId, id, { operations })));
    expect((await labels(id))?.metadata).toEqual({ n: 4 });
  });

  it("gives up with a way out when others are faster every time", async () => {
    const id = await start();
    const services = world.services();
    const overtaken = { ...services, labels: { ...services.labels, replace: async () => false } };
    const given = await changeMetadata(overtaken, job.workspaceId, id, { replace: {} });
    expect(given).toMatchObject({ error: { code: "edit_conflict", retryAfterSeconds: 1 } });
  });
});
