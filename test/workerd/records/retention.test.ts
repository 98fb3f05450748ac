/** What is kept beside the history is removed when it is as old as the history may get. */

import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createBatch } from "../../../src/app/batches/createBatch.ts";
import { viewBatch } from "../../../src/app/batches/viewBatch.ts";
import { createBulkAction, getBulkAction } from "../../../src/app/bulkActions/manageBulkActions.ts";
import { completeWaitToken, createWaitToken, getWaitToken } from "../../../src/app/waitTokens/manageWaitTokens.ts";
import { aWorkspaceId } from "../db/builders.ts";
import { Simulation } from "../../support/simulation.ts";

const DAY = 86_400_000;

let world: Simulation;
beforeEach(() => {
  world = new Simulation();
});
afterEach(() => world.end());

describe("the watchdog", () => {
  it("removes batches, wait tokens and bulk actions after 30 days, and keeps what is still open", async () => {
    const services = world.services();
    const workspaceId = aWorkspaceId();
    const token = async () => {
      const wanted = { timeoutAtMs: null, idempotencyKey: null, idempotencyUntilMs: null, tags: [] };
      const created = await createWaitToken(services, workspaceId, wanted);
      return created.ok ? created.value.token.id : "";
    };
    const [open, completed] = [await token(), await token()];
    await completeWaitToken(services, workspaceId, completed, 1);
    const batch = await createBatch(services, workspaceId, { runCount: 1 });
    const action = await createBulkAction(services, workspaceId, { action: "cancel", runIds: ["exe_1"] });
    await world.until(() => world.messages.length > 0, "the first message");
    await world.deliverAll();
    const there = async () =>
      (
        await Promise.all([
          getWaitToken(services, workspaceId, open),
          getWaitToken(services, workspaceId, completed),
          viewBatch(services, workspaceId, batch.ok ? batch.value.id : ""),
          getBulkAction(services, workspaceId, action.ok ? action.value.id : ""),
        ])
      ).map(({ ok }) => ok);

    world.setClock(world.nowMs + 30 * DAY - 1);
    await world.runWatchdog();
    expect(await there()).toEqual([true, true, true, true]);
    world.setClock(world.nowMs + 2);
    await world.runWatchdog();
    expect(await there()).toEqual([true, false, false, false]);
    expect(world.logs.findLast(({ event }) => event === "watchdog.done")).toMatchObject({ prunedRecords: 3 });
  });
});
