/** Wait tokens through their use cases, with the real D1. */

import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { CreatedWaitToken, NewWaitToken } from "../../../src/app/waitTokens/manageWaitTokens.ts";
import {
  completeByCallback,
  completeWaitToken,
  createWaitToken,
  getWaitToken,
  listWaitTokens,
} from "../../../src/app/waitTokens/manageWaitTokens.ts";
import { waitTokenStatus } from "../../../src/domain/waitToken/waitToken.ts";
import { aWorkspaceId } from "../db/builders.ts";
import { Simulation, SIMULATED_START_MS as START } from "../../support/simulation.ts";

const HOUR = 3_600_000;
const PLAIN: NewWaitToken = { timeoutAtMs: null, idempotencyKey: null, idempotencyUntilMs: null, tags: [] };

let world: Simulation;
let workspaceId: string;
beforeEach(() => {
  world = new Simulation();
  workspaceId = aWorkspaceId();
});
afterEach(() => world.end());

async function create(changes: Partial<NewWaitToken> = {}): Promise<CreatedWaitToken> {
  const created = await createWaitToken(world.services(), workspaceId, { ...PLAIN, ...changes });
  if (!created.ok) throw new Error(JSON.stringify(created.error));
  return created.value;
}

async function shown(id: string) {
  const token = await getWaitToken(world.services(), workspaceId, id);
  if (!token.ok) throw new Error(JSON.stringify(token.error));
  return { status: waitTokenStatus(token.value, world.nowMs), output: token.value.output };
}

describe("a wait token", () => {
  it("waits until it is completed, and what completed it first stays", async () => {
    const { token } = await create({ tags: ["a"] });
    expect(await shown(token.id)).toEqual({ status: "WAITING", output: null });
    expect(await completeWaitToken(world.services(), workspaceId, token.id, { a: 1 })).toEqual({
      ok: true,
      value: null,
    });
    expect(await completeWaitToken(world.services(), workspaceId, token.id, { a: 2 })).toEqual({
      ok: true,
      value: null,
    });
    expect(await shown(token.id)).toEqual({ status: "COMPLETED", output: '{"a":1}' });
  });

  it.each([
    [undefined, null],
    [null, "null"],
    ["text", '"text"'],
  ])("completed with %j shows %j", async (data, output) => {
    const { token } = await create();
    await completeWaitToken(world.services(), workspaceId, token.id, data);
    expect(await shown(token.id)).toEqual({ status: "COMPLETED", output });
  });

  it("times out by the clock, and is not completed any more", async () => {
    const { token } = await create({ timeoutAtMs: START + HOUR });
    world.setClock(START + HOUR - 1);
    expect((await shown(token.id)).status).toBe("WAITING");
    world.setClock(START + HOUR);
    expect(await completeWaitToken(world.services(), workspaceId, token.id, 1)).toMatchObject({ ok: true });
    expect(await shown(token.id)).toEqual({ status: "TIMED_OUT", output: null });
  });

  it("is answered with the first one while its key holds, and then with a new one", async () => {
    const keyed = { idempotencyKey: "k", idempotencyUntilMs: START + HOUR };
    const first = await create(keyed);
    const again = await create({ ...keyed, tags: ["other"] });
    expect([first.isCached, again.isCached]).toEqual([false, true]);
    expect(again.token).toEqual(first.token);
    world.setClock(START + HOUR);
    const next = await create({ ...keyed, idempotencyUntilMs: START + 2 * HOUR });
    expect(next.isCached).toBe(false);
    expect(next.token.id).not.toBe(first.token.id);
  });

  it.each([
    ["too_many_tags", Array.from({ length: 11 }, (_, i) => `t${i}`)],
    ["invalid_request", ["x".repeat(129)]],
  ])("is refused as %s", async (code, tags) => {
    expect(await createWaitToken(world.services(), workspaceId, { ...PLAIN, tags })).toMatchObject({ error: { code } });
  });

  it("is nobody else's", async () => {
    const { token } = await create();
    const stranger = aWorkspaceId();
    expect(await getWaitToken(world.services(), stranger, token.id)).toMatchObject({ error: { code: "not_found" } });
    expect(await completeWaitToken(world.services(), stranger, token.id, 1)).toMatchObject({
      error: { code: "not_found" },
    });
    const filter = { statuses: [], idempotencyKey: null, tags: [], createdFromMs: null, createdToMs: null };
    expect((await listWaitTokens(world.services(), stranger, filter, { limit: 9 })).items).toEqual([]);
    expect((await listWaitTokens(world.services(), workspaceId, filter, { limit: 9 })).items).toEqual([token]);
  });
});

describe("the callback of a wait token", () => {
  it("completes it for whoever has its secret, which is kept nowhere", async () => {
    const { token, callbackSecret } = await create();
    expect(await completeByCallback(world.services(), token.id, callbackSecret, { by: "callback" })).toMatchObject({
      ok: true,
    });
    expect(await shown(token.id)).toEqual({ status: "COMPLETED", output: '{"by":"callback"}' });
    const stored = await world.services().waitTokens.findForCallback(token.id);
    expect(JSON.stringify(stored)).not.toContain(callbackSecret);
  });

  it("refuses any other secret, and does not know any other token", async () => {
    const [{ token }, other] = [await create(), await create()];
    for (const secret of ["", "nonsense", other.callbackSecret]) {
      expect(await completeByCallback(world.services(), token.id, secret, 1)).toMatchObject({
        error: { code: "unauthorized" },
      });
    }
    expect(await completeByCallback(world.services(), "waitpoint_x", other.callbackSecret, 1)).toMatchObject({
      error: { code: "not_found" },
    });
    expect((await shown(token.id)).status).toBe("WAITING");
  });

  it("works with the URL of every answer to one key", async () => {
    const keyed = { idempotencyKey: "k", idempotencyUntilMs: START + HOUR };
    const [first, again] = [await create(keyed), await create(keyed)];
    expect(again.callbackSecret).not.toBe(first.callbackSecret);
    const { id } = first.token;
    expect(await completeByCallback(world.services(), id, first.callbackSecret, 1)).toMatchObject({ ok: true });
    expect(await completeByCallback(world.services(), id, again.callbackSecret, 2)).toMatchObject({ ok: true });
    expect(await shown(id)).toEqual({ status: "COMPLETED", output: "1" });
  });
});
