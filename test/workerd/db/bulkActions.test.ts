import { env } from "cloudflare:workers";
import { describe, expect, it } from "vitest";
import type { BulkAction } from "../../../src/domain/bulkAction/bulkAction.ts";
import { aBulkAction, aWorkspaceId, START_MS } from "./builders.ts";
import { storageOn } from "./storage.ts";

const { bulkActions } = storageOn(env.DB);
const LEASE = 60_000;
const NOW = START_MS + 10;

async function stored(changes: Partial<BulkAction> = {}): Promise<BulkAction> {
  const action = aBulkAction(aWorkspaceId(), changes);
  await bulkActions.insert(action);
  return action;
}

const slice = { position: "p", success: 3, failure: 1, executionIds: ["exe_1", "exe_2"], isLast: false, nowMs: NOW };
const find = (action: BulkAction) => bulkActions.find(action.workspaceId, action.id);

async function claimed(action: BulkAction, nowMs = NOW): Promise<number> {
  const claim = await bulkActions.claim(action.id, nowMs, nowMs + LEASE);
  if (claim === null) throw new Error("It was not to be had.");
  return claim.progress.rev;
}

describe("bulk actions", () => {
  it("come back as they were stored, in their workspace only", async () => {
    const action = await stored({ name: "n", action: "replay", counts: { total: 7, success: 0, failure: 0 } });
    expect(await find(action)).toEqual(action);
    expect(await bulkActions.find(aWorkspaceId(), action.id)).toBeNull();
  });

  it("are worked on by one at a time, until its lease ends", async () => {
    const action = await stored();
    const claim = await bulkActions.claim(action.id, NOW, NOW + LEASE);
    expect(claim).toEqual({ action, progress: { position: null, rev: 2 } });
    expect(await bulkActions.claim(action.id, NOW + LEASE - 1, NOW + 2 * LEASE)).toBeNull();
    expect(await claimed(action, NOW + LEASE)).toBe(3);
  });

  it("count a slice once, and not that of a worker that was given up", async () => {
    const action = await stored({ counts: { total: 9, success: 0, failure: 0 } });
    const givenUp = await claimed(action);
    const rev = await claimed(action, NOW + LEASE);
    expect(await bulkActions.advance(action.id, givenUp, slice)).toBe(false);
    expect(await bulkActions.advance(action.id, rev, slice)).toBe(true);
    expect(await bulkActions.advance(action.id, rev, slice)).toBe(false);
    expect((await find(action))?.counts).toEqual({ total: 9, success: 3, failure: 1 });
    const next = await bulkActions.claim(action.id, NOW, NOW + LEASE);
    expect(next?.progress.position).toBe("p");
    expect(await bulkActions.advance(action.id, next?.progress.rev ?? 0, { ...slice, isLast: true })).toBe(true);
    expect(await find(action)).toMatchObject({
      status: "COMPLETED",
      completedAtMs: NOW,
      counts: { success: 6, failure: 2 },
    });
    expect(await bulkActions.claim(action.id, NOW, NOW + LEASE)).toBeNull();
  });

  it("stop when they are aborted, and still count the slice that was under way", async () => {
    const action = await stored();
    const rev = await claimed(action);
    expect(await bulkActions.abort(aWorkspaceId(), action.id, NOW)).toBe(false);
    expect(await bulkActions.abort(action.workspaceId, action.id, NOW)).toBe(true);
    expect(await bulkActions.abort(action.workspaceId, action.id, NOW + 1)).toBe(false);
    expect(await bulkActions.advance(action.id, rev, { ...slice, isLast: true, nowMs: NOW + 5 })).toBe(true);
    expect(await find(action)).toMatchObject({ status: "ABORTED", completedAtMs: NOW, counts: { success: 3 } });
    expect(await bulkActions.claim(action.id, NOW + LEASE, NOW + 2 * LEASE)).toBeNull();
  });

  it("are listed newest first, in both directions", async () => {
    const workspaceId = aWorkspaceId();
    const made = Array.from({ length: 5 }, (_, i) => aBulkAction(workspaceId, { createdAtMs: START_MS + i }));
    for (const action of made) await bulkActions.insert(action);
    const ids = made.map(({ id }) => id).toReversed() as [string, string, string, string, string];
    const page = async (request: Parameters<typeof bulkActions.list>[1]) => {
      const { items, hasMore } = await bulkActions.list(workspaceId, request);
      return [items.map(({ id }) => id), hasMore];
    };
    expect(await page({ limit: 2 })).toEqual([ids.slice(0, 2), true]);
    expect(await page({ limit: 3, after: ids[1] })).toEqual([ids.slice(2), false]);
    expect(await page({ limit: 2, before: ids[4] })).toEqual([ids.slice(2, 4), true]);
    expect(await page({ limit: 4, before: ids[2] })).toEqual([ids.slice(0, 2), false]);
  });

  it("are known to stand still when nobody worked on them for a while", async () => {
    const [fresh, stalled, done] = [await stored(), await stored(), await stored()];
    await claimed(fresh, NOW);
    await bulkActions.advance(done.id, await claimed(done, START_MS), { ...slice, isLast: true });
    const ids = await bulkActions.listStalled(NOW, 100);
    expect(ids).toContain(stalled.id);
    expect(ids).not.toContain(fresh.id);
    expect(ids).not.toContain(done.id);
  });

  it("are removed with age together with what they list, unless they are pending", async () => {
    const old = START_MS - 1_000;
    const [pending, done] = [await stored({ createdAtMs: old }), await stored({ createdAtMs: old })];
    const young = await stored();
    for (const action of [done, young]) {
      await bulkActions.advance(action.id, await claimed(action), { ...slice, isLast: true });
    }
    await bulkActions.prune(START_MS, 10);
    expect([await find(pending), await find(done), await find(young)].map((each) => each !== null)).toEqual([
      true,
      false,
      true,
    ]);
    const { results } = await env.DB.prepare("SELECT bulk_action_id AS id FROM bulk_action_runs").all<{ id: string }>();
    expect(results.filter(({ id }) => id === done.id)).toEqual([]);
    expect(results.filter(({ id }) => id === young.id)).toHaveLength(2);
  });
});
