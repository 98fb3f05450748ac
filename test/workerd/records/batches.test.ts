/** Batches through their use cases, with real actors and D1. */

import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { addItems, type GivenItem } from "../../../src/app/batches/addItems.ts";
import { createBatch } from "../../../src/app/batches/createBatch.ts";
import { viewBatch } from "../../../src/app/batches/viewBatch.ts";
import { labelsOf } from "../../../src/app/executions/labels.ts";
import type { Services } from "../../../src/app/services.ts";
import { isExecutionId } from "../../../src/domain/ids.ts";
import type { Job } from "../../../src/domain/job/job.ts";
import { aWorkspaceId } from "../db/builders.ts";
import { Simulation, SIMULATED_START_MS as START } from "../../support/simulation.ts";

const HOUR = 3_600_000;
const QUIET = { schedule: { kind: "scheduled", runAtMs: START + 1_000 * HOUR }, concurrencyLimit: 10 } as const;

let world: Simulation;
let workspaceId: string;
let jobs: Job[];
beforeEach(async () => {
  world = new Simulation();
  workspaceId = aWorkspaceId();
  jobs = [
    await world.start({ ...QUIET, workspaceId, name: "first" }),
    await world.start({ ...QUIET, workspaceId, name: "second" }),
  ];
});
afterEach(() => world.end());

function anItem(index: number, changes: Partial<GivenItem> = {}): GivenItem {
  return {
    index,
    jobIdOrName: index % 2 === 0 ? "first" : "second",
    request: { source: "api" },
    tags: [],
    metadata: null,
    ...changes,
  };
}

async function announce(runCount: number): Promise<string> {
  const batch = await createBatch(world.services(), workspaceId, { runCount });
  if (!batch.ok) throw new Error(JSON.stringify(batch.error));
  return batch.value.id;
}

async function add(batchId: string, items: readonly GivenItem[], services: Services = world.services()) {
  const added = await addItems(services, workspaceId, batchId, items);
  if (!added.ok) throw new Error(JSON.stringify(added.error));
  return added.value;
}

async function view(batchId: string) {
  const batch = await viewBatch(world.services(), workspaceId, batchId);
  if (!batch.ok) throw new Error(JSON.stringify(batch.error));
  return batch.value;
}

async function started(): Promise<string[]> {
  const ids = await Promise.all(jobs.map(async (job) => (await world.history(job)).map(({ id }) => id)));
  return ids.flat();
}

describe("a batch", () => {
  it("is pending until its last item is there, then processing until its last execution has ended", async () => {
    const held = world.hold();
    const id = await announce(3);
    expect(await view(id)).toMatchObject({ status: "PENDING", runCount: 3, runs: [], errors: [] });
    expect(await add(id, [anItem(1), anItem(2)])).toEqual({ accepted: 2, deduplicated: 0, sealed: false, errors: [] });
    expect((await view(id)).status).toBe("PENDING");
    expect(await add(id, [anItem(0)])).toEqual({ accepted: 1, deduplicated: 0, sealed: true, errors: [] });
    expect((await view(id)).status).toBe("PROCESSING");
    const delivered = world.deliverAll();
    await world.until(() => world.arrivals.length === 3, "every item to be sent");
    held.release();
    await delivered;
    const { status, runs } = await view(id);
    expect(status).toBe("COMPLETED");
    expect(runs.every(isExecutionId)).toBe(true);
    const jobIdOf = new Map(world.arrivals.map(({ executionId, jobId }) => [executionId, jobId]));
    expect(runs.map((run) => jobIdOf.get(run))).toEqual([jobs[0]?.id, jobs[1]?.id, jobs[0]?.id]);
  });

  it("is answered with the first one of its idempotency key", async () => {
    const services = world.services();
    const wanted = { runCount: 2, idempotencyKey: "k" };
    const first = await createBatch(services, workspaceId, wanted);
    expect(first).toMatchObject({ value: { runCount: 2, isCached: false } });
    const again = await createBatch(services, workspaceId, wanted);
    expect(again).toMatchObject({ value: { id: first.ok && first.value.id, isCached: true } });
  });

  it.each([0, 1_001, 1.5])("of %d items is refused", async (runCount) => {
    expect(await createBatch(world.services(), workspaceId, { runCount })).toMatchObject({
      error: { code: "invalid_request", issues: [{ path: "runCount" }] },
    });
  });

  it("takes only items that were announced, and is nobody else's", async () => {
    const id = await announce(2);
    const services = world.services();
    expect(await addItems(services, workspaceId, id, [anItem(2)])).toMatchObject({
      error: { issues: [{ path: "items[0].index" }] },
    });
    expect(await addItems(services, aWorkspaceId(), id, [anItem(0)])).toMatchObject({ error: { code: "not_found" } });
    expect(await viewBatch(services, aWorkspaceId(), id)).toMatchObject({ error: { code: "not_found" } });
  });
});

describe("an upload that comes again", () => {
  it("starts nothing twice: same ids, also when everything has ended meanwhile", async () => {
    const id = await announce(4);
    const items = [0, 1, 2, 3].map((index) => anItem(index));
    await add(id, items);
    const { runs } = await view(id);
    expect(await add(id, items)).toEqual({ accepted: 0, deduplicated: 4, sealed: true, errors: [] });
    await world.deliverAll();
    expect(await add(id, items)).toMatchObject({ accepted: 0, deduplicated: 4 });
    await world.deliverAll();
    expect((await view(id)).runs).toEqual(runs);
    expect((await started()).toSorted()).toEqual([...runs].toSorted());
    expect(world.arrivals).toHaveLength(4);
  });

  it("starts what the first one was cut off from, and nothing of what it started", async () => {
    const id = await announce(4);
    const items = [0, 1, 2, 3].map((index) =>
      anItem(index, { request: { source: "api", delayUntilMs: START + HOUR } }),
    );
    const services = world.services();
    let replaced = 0;
    const cutOff = {
      ...services,
      batches: {
        ...services.batches,
        // The second write is the one after the starts.
        replace: async (...given: Parameters<Services["batches"]["replace"]>) => {
          replaced += 1;
          if (replaced === 2) throw new Error("The isolate is gone.");
          return await services.batches.replace(...given);
        },
      },
    };
    await expect(addItems(cutOff, workspaceId, id, items)).rejects.toThrow("gone");
    // Ended before the upload is repeated: only the history knows it.
    await world.advance(2 * HOUR);
    const before = await started();
    expect(before).toHaveLength(4);
    const later = items.map(
      (item) => ({ ...item, request: { source: "api", delayUntilMs: START + 5 * HOUR } }) as const,
    );
    expect(await add(id, later)).toEqual({ accepted: 0, deduplicated: 4, sealed: true, errors: [] });
    await world.advance(10 * HOUR);
    expect(await started()).toEqual(before);
    expect(world.arrivals).toHaveLength(4);
    expect(await view(id)).toMatchObject({ status: "COMPLETED" });
    expect([...(await view(id)).runs].toSorted()).toEqual(before.toSorted());
  });

  it("starts each item once when two of them run at the same moment", async () => {
    const id = await announce(6);
    const items = [0, 1, 2, 3, 4, 5].map((index) => anItem(index));
    await Promise.all([add(id, items.slice(0, 4)), add(id, items.slice(2)), add(id, items)]);
    await world.deliverAll();
    expect(await view(id)).toMatchObject({ status: "COMPLETED" });
    expect((await started()).toSorted()).toEqual([...(await view(id)).runs].toSorted());
    expect(world.arrivals).toHaveLength(6);
  });

  it("is asked for when an actor is out of reach, and finishes the rest", async () => {
    const id = await announce(2);
    const services = world.services();
    let reachable = false;
    const unsteady: Services = {
      ...services,
      report: () => undefined,
      actors: {
        of: (of) => {
          if (!reachable && of === jobs[1]?.id) throw new Error("Network connection lost.");
          return services.actors.of(of);
        },
      },
    };
    expect(await addItems(unsteady, workspaceId, id, [anItem(0), anItem(1)])).toMatchObject({
      error: { code: "actor_unavailable" },
    });
    reachable = true;
    expect(await add(id, [anItem(0), anItem(1)], unsteady)).toMatchObject({
      deduplicated: 2,
      sealed: true,
      errors: [],
    });
    await world.deliverAll();
    expect(await view(id)).toMatchObject({ status: "COMPLETED" });
    expect(await started()).toHaveLength(2);
  });
});

describe("an item", () => {
  it("whose task does not exist is its own error, and the batch ends partly failed", async () => {
    const id = await announce(2);
    const added = await add(id, [anItem(0), anItem(1, { jobIdOrName: "nobody" })]);
    expect(added).toMatchObject({
      accepted: 2,
      sealed: true,
      errors: [{ index: 1, task: "nobody", code: "not_found" }],
    });
    await world.deliverAll();
    expect(await view(id)).toMatchObject({ status: "PARTIAL_FAILED", errors: [{ index: 1, code: "not_found" }] });
    expect((await view(id)).runs).toHaveLength(1);
    expect(await add(id, [anItem(1, { jobIdOrName: "nobody" })])).toMatchObject({ deduplicated: 1 });
  });

  it("whose start is refused is its own error", async () => {
    const id = await announce(2);
    const added = await add(id, [anItem(0, { request: { source: "api", maxAttempts: -1 } }), anItem(1)]);
    expect(added.errors).toMatchObject([{ index: 0, code: "invalid_request" }]);
    expect(added.errors[0]?.message).toMatch(/max_attempts/);
    const tags = Array.from({ length: 11 }, (_, i) => `t${i}`);
    const tagged = await add(await announce(1), [anItem(0, { tags })]);
    expect(tagged.errors).toMatchObject([{ code: "too_many_tags" }]);
  });

  it("has its labels and says to which batch it belongs", async () => {
    const id = await announce(2);
    await add(id, [anItem(0, { tags: ["a"], metadata: { n: 1 } }), anItem(1)]);
    const { runs } = await view(id);
    const labels = await labelsOf(world.services(), workspaceId, runs);
    expect(labels.get(runs[0] ?? "")).toMatchObject({ tags: ["a"], metadata: { n: 1 } });
    expect(labels.has(runs[1] ?? "")).toBe(false);
    await world.deliverAll();
    const [execution] = await world.history(jobs[0] as Job);
    expect(execution?.start?.batchId).toBe(id);
  });

  it("with a key that was used before is the execution of that time", async () => {
    const idempotency = { key: "k", shown: "k", windowMs: HOUR };
    const id = await announce(2);
    await add(
      id,
      [0, 1].map((index) => anItem(index, { jobIdOrName: "first", request: { source: "api", idempotency } })),
    );
    const { runs } = await view(id);
    expect(new Set(runs).size).toBe(1);
    await world.deliverAll();
    expect(await view(id)).toMatchObject({ status: "COMPLETED" });
    expect(await started()).toEqual([runs[0]]);
  });
});
