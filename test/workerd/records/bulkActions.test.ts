/** Bulk actions through their use cases and the real queue handler, with real actors and D1. */

import { afterEach, beforeEach, describe, expect, it } from "vitest";
import {
  abortBulkAction,
  createBulkAction,
  getBulkAction,
  listBulkActions,
  type NewBulkAction,
} from "../../../src/app/bulkActions/manageBulkActions.ts";
import { runSlice } from "../../../src/app/bulkActions/runSlice.ts";
import { listExecutions } from "../../../src/app/executions/listExecutions.ts";
import { startMany } from "../../../src/app/executions/startExecution.ts";
import type { Services } from "../../../src/app/services.ts";
import type { BulkAction } from "../../../src/domain/bulkAction/bulkAction.ts";
import { BULK_LEASE_MS } from "../../../src/domain/bulkAction/bulkAction.ts";
import type { Execution } from "../../../src/domain/execution/execution.ts";
import { requestedExecutionId } from "../../../src/domain/ids.ts";
import type { Job } from "../../../src/domain/job/job.ts";
import { aWorkspaceId } from "../db/builders.ts";
import { Simulation, SIMULATED_START_MS as START } from "../../support/simulation.ts";

const HOUR = 3_600_000;
const QUIET = { schedule: { kind: "scheduled", runAtMs: START + 1_000 * HOUR }, concurrencyLimit: 100 } as const;
/** A full slice and a piece. */
const MANY = 60;

let world: Simulation;
let services: Services;
let workspaceId: string;
let job: Job;
beforeEach(async () => {
  world = new Simulation();
  services = world.services();
  workspaceId = aWorkspaceId();
  job = await world.start({ ...QUIET, workspaceId });
});
afterEach(async () => {
  world.take();
  await world.delete(job);
  world.end();
});

/** Ids of executions that are in the history, delayed for an hour. */
async function delayed(count: number): Promise<string[]> {
  const requests = Array.from({ length: count }, () => ({ source: "api", delayUntilMs: START + HOUR }) as const);
  const started = await startMany(services, workspaceId, job.id, requests);
  if (!started.ok) throw new Error(JSON.stringify(started.error));
  // A collection carries so many at a time.
  await world.until(async () => {
    await world.advance(2_000);
    return (await world.history(job)).length >= count;
  }, "the history to have them");
  return started.value.flatMap((each) => (each.ok ? [each.value.execution.id] : []));
}

/** Ids of executions that have ended. */
async function ended(count: number): Promise<string[]> {
  const requests = Array.from({ length: count }, (_, i) => ({ source: "api", input: { i } }) as const);
  const started = await startMany(services, workspaceId, job.id, requests);
  if (!started.ok) throw new Error(JSON.stringify(started.error));
  await world.deliverAll();
  await world.advance(1_000);
  world.arrivals.length = 0;
  return started.value.flatMap((each) => (each.ok ? [each.value.execution.id] : []));
}

async function create(given: NewBulkAction): Promise<BulkAction> {
  const action = await createBulkAction(services, workspaceId, given);
  if (!action.ok) throw new Error(JSON.stringify(action.error));
  await world.until(() => world.messages.length > 0, "the first message");
  return action.value;
}

/** Takes the messages that carry bulk actions on; everything else keeps waiting. */
function slices() {
  return world.take(world.messages.filter(({ body }) => body.type === "bulk_action"));
}

async function shown({ id }: Pick<BulkAction, "id">): Promise<BulkAction> {
  const action = await getBulkAction(services, workspaceId, id);
  if (!action.ok) throw new Error(JSON.stringify(action.error));
  return action.value;
}

async function statuses(): Promise<Record<string, number>> {
  const counts: Record<string, number> = {};
  for (const { status } of await world.history(job)) counts[status] = (counts[status] ?? 0) + 1;
  return counts;
}

const replaysOf = async (id: string): Promise<Execution[]> =>
  (await world.history(job)).filter((execution) => execution.replayedFrom === id);

describe("a bulk cancel", () => {
  it("ends what its filter matches, slice by slice, and counts it", async () => {
    await delayed(MANY);
    const action = await create({ action: "cancel", filter: { statuses: ["delayed"], jobIds: [job.id] }, name: "n" });
    expect(action).toMatchObject({ status: "PENDING", counts: { total: MANY, success: 0, failure: 0 }, name: "n" });
    const counted: number[] = [];
    while ((await shown(action)).status === "PENDING") {
      await world.deliver(slices());
      counted.push((await shown(action)).counts.success);
    }
    expect(counted).toEqual([50, 60]);
    expect(await shown(action)).toMatchObject({
      status: "COMPLETED",
      counts: { total: MANY, success: MANY, failure: 0 },
      completedAtMs: world.nowMs,
    });
    await world.deliverAll();
    await world.advance(5_000);
    expect(await statuses()).toEqual({ cancelled: MANY });
  });

  it("counts what had ended, and what is nobody's, as failures", async () => {
    const [done = "", gone = ""] = await ended(2);
    await delayed(1);
    const [waiting = ""] = (await world.history(job)).filter(({ status }) => status === "queued").map(({ id }) => id);
    await world.cancel(job, gone);
    const stranger = await world.start({ ...QUIET, workspaceId: aWorkspaceId() });
    const others = await world.runNow(stranger);
    const unknown = requestedExecutionId(job.id, START, Math.random);
    const runIds = [waiting, done, gone, unknown, "nonsense", others, waiting];
    const action = await create({ action: "cancel", runIds });
    expect(action.counts.total).toBe(6);
    await world.deliverAll();
    expect(await shown(action)).toMatchObject({ status: "COMPLETED", counts: { total: 6, success: 1, failure: 5 } });
    expect(await world.history(stranger)).toMatchObject([{ status: "succeeded" }]);
  });

  it("reaches an execution that no list has yet, if it is named", async () => {
    world.hold();
    const started = await startMany(services, workspaceId, job.id, [{ source: "api" }]);
    const [first] = started.ok ? started.value : [];
    const id = first?.ok ? first.value.execution.id : "";
    world.take();
    const action = await create({ action: "cancel", runIds: [id] });
    await world.deliverAll();
    expect((await shown(action)).counts).toEqual({ total: 1, success: 1, failure: 0 });
  });

  it("lists what it cancelled", async () => {
    const ids = await delayed(3);
    const [done = ""] = await ended(1);
    const action = await create({ action: "cancel", runIds: [...ids.slice(0, 2), done] });
    await world.deliverAll();
    await world.advance(2_000);
    const query = {
      jobId: null,
      status: null,
      source: null,
      fromMs: null,
      toMs: null,
      jobName: null,
      sort: "scheduled_for",
      order: "desc",
      page: { limit: 9, offset: 0, cursor: null },
      bulkActionId: action.id,
    } as const;
    const page = await listExecutions(services, workspaceId, query);
    if (!page.ok) throw new Error(JSON.stringify(page.error));
    expect(page.value.items.map(({ id }) => id).toSorted()).toEqual(ids.slice(0, 2).toSorted());
  });
});

describe("a bulk replay", () => {
  it("starts one replay of each, with the input of its original, and none of its own replays", async () => {
    const ids = await ended(MANY);
    const action = await create({ action: "replay", filter: { statuses: ["succeeded"] } });
    await world.deliverAll();
    await world.advance(HOUR);
    expect(await shown(action)).toMatchObject({
      status: "COMPLETED",
      counts: { total: MANY, success: MANY, failure: 0 },
    });
    expect(world.arrivals).toHaveLength(MANY);
    const history = await world.history(job);
    const replays = history.filter(({ source }) => source === "replay");
    expect(replays.map(({ replayedFrom }) => replayedFrom).toSorted()).toEqual(ids.toSorted());
    expect(replays.every(({ start }) => start?.bulkActionId === action.id)).toBe(true);
    const inputOf = new Map(history.map(({ id, start }) => [id, start?.input]));
    for (const { replayedFrom, start } of replays) expect(start?.input).toEqual(inputOf.get(replayedFrom ?? ""));
  });

  it("counts what has not ended as a failure", async () => {
    const [waiting = ""] = await delayed(1);
    const [done = ""] = await ended(1);
    const action = await create({ action: "replay", runIds: [waiting, done] });
    await world.deliverAll();
    expect((await shown(action)).counts).toEqual({ total: 2, success: 1, failure: 1 });
    expect(await replaysOf(waiting)).toEqual([]);
  });
});

describe("a message that comes twice", () => {
  it.each(["cancel", "replay"] as const)(
    "does nothing twice in a %s, together or one after the other",
    async (type) => {
      const ids = type === "cancel" ? await delayed(MANY) : await ended(MANY);
      const action = await create({ action: type, runIds: ids });
      while (world.messages.some(({ body }) => body.type === "bulk_action")) {
        const messages = world.take(world.messages.filter(({ body }) => body.type === "bulk_action"));
        await Promise.all([world.deliver(messages), world.deliver(messages)]);
        await world.deliver(messages);
      }
      await world.deliverAll();
      expect(await shown(action)).toMatchObject({
        status: "COMPLETED",
        counts: { total: MANY, success: MANY, failure: 0 },
      });
      expect(world.arrivals).toHaveLength(type === "replay" ? MANY : 0);
    },
  );
});

describe("a slice whose worker died", () => {
  /** Does the work of a slice and dies before it is booked. */
  async function dieBeforeBooking(action: BulkAction): Promise<void> {
    const dying: Services = {
      ...services,
      bulkActions: {
        ...services.bulkActions,
        advance: async () => {
          throw new Error("The isolate is gone.");
        },
      },
    };
    await expect(runSlice(dying, action.id)).rejects.toThrow("gone");
  }

  it.each(["cancel", "replay"] as const)(
    "is resumed by the watchdog after a minute, a %s with the same counts",
    async (type) => {
      const ids = type === "cancel" ? await delayed(MANY) : await ended(MANY);
      const action = await create({ action: type, runIds: ids });
      world.take();
      await dieBeforeBooking(action);
      // What it did is done, and has ended, before anybody looks again.
      await world.advance(BULK_LEASE_MS - 1_000);
      await world.runWatchdog();
      expect(slices()).toEqual([]);
      expect((await shown(action)).counts.success).toBe(0);
      await world.advance(2_000);
      await world.runWatchdog();
      expect(world.logs.findLast(({ event }) => event === "watchdog.done")).toMatchObject({ resumed: 1 });
      await world.deliverAll();
      await world.advance(1_000);
      expect(await shown(action)).toMatchObject({
        status: "COMPLETED",
        counts: { total: MANY, success: MANY, failure: 0 },
      });
      expect(world.arrivals).toHaveLength(type === "replay" ? MANY : 0);
    },
  );

  it("is resumed when its message was lost, too", async () => {
    const action = await create({ action: "cancel", runIds: await delayed(1) });
    world.take();
    await world.advance(BULK_LEASE_MS + 1);
    await world.runWatchdog();
    await world.deliverAll();
    expect((await shown(action)).status).toBe("COMPLETED");
  });
});

describe("an abort", () => {
  it("stops before the next slice, and what was done counts", async () => {
    const ids = await delayed(MANY);
    const action = await create({ action: "cancel", runIds: ids });
    await world.deliver(slices());
    const aborted = await abortBulkAction(services, workspaceId, action.id);
    expect(aborted).toMatchObject({ value: { status: "ABORTED", counts: { success: 50 } } });
    await world.deliverAll();
    await world.advance(2 * BULK_LEASE_MS);
    await world.runWatchdog();
    await world.deliverAll();
    expect(await shown(action)).toMatchObject({ status: "ABORTED", counts: { total: MANY, success: 50, failure: 0 } });
    await world.advance(5_000);
    expect(await statuses()).toEqual({ cancelled: 50, queued: 10 });
  });

  it("changes nothing about an action that has ended", async () => {
    const action = await create({ action: "cancel", runIds: await delayed(1) });
    await world.deliverAll();
    expect(await abortBulkAction(services, workspaceId, action.id)).toMatchObject({ value: { status: "COMPLETED" } });
  });
});

describe("a bulk action", () => {
  it.each<[string, NewBulkAction]>([
    ["neither ids nor filter", { action: "cancel" }],
    ["both", { action: "cancel", runIds: ["exe_1"], filter: { tags: ["a"] } }],
    ["an empty filter", { action: "cancel", filter: {} }],
    ["no ids", { action: "cancel", runIds: [] }],
    ["too many ids", { action: "cancel", runIds: Array.from({ length: 1_001 }, (_, i) => `exe_${i}`) }],
  ])("with %s is refused", async (_, given) => {
    expect(await createBulkAction(services, workspaceId, given)).toMatchObject({ error: { code: "invalid_request" } });
  });

  it("is listed in its workspace, and nobody else's", async () => {
    const [first, second] = [
      await create({ action: "cancel", filter: { tags: ["a"] } }),
      await create({ action: "replay", filter: { tags: ["b"] } }),
    ];
    await world.deliverAll();
    const { items } = await listBulkActions(services, workspaceId, { limit: 9 });
    expect(items.map(({ id }) => id).toSorted()).toEqual([first.id, second.id].toSorted());
    expect((await listBulkActions(services, aWorkspaceId(), { limit: 9 })).items).toEqual([]);
    for (const act of [getBulkAction, abortBulkAction]) {
      expect(await act(services, aWorkspaceId(), first.id)).toMatchObject({ error: { code: "not_found" } });
    }
    expect(await shown(first)).toMatchObject({ status: "COMPLETED", counts: { total: 0, success: 0, failure: 0 } });
  });
});
