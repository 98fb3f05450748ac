import { env } from "cloudflare:workers";
import { describe, expect, it } from "vitest";
import type { WaitTokenFilter } from "../../../src/app/ports/waitTokens.ts";
import { CALLBACK_SECRETS_MOST } from "../../../src/db/waitTokenRepository.ts";
import type { WaitToken } from "../../../src/domain/waitToken/waitToken.ts";
import { waitTokenStatus } from "../../../src/domain/waitToken/waitToken.ts";
import { aWaitToken, aWorkspaceId, START_MS } from "./builders.ts";
import { failingD1, recordingD1, storageOn } from "./storage.ts";

const { waitTokens } = storageOn(env.DB);
const HOUR = 3_600_000;
const ALL: WaitTokenFilter = { statuses: [], idempotencyKey: null, tags: [], createdFromMs: null, createdToMs: null };

function keyed(workspaceId: string, untilMs: number): WaitToken {
  return aWaitToken(workspaceId, { idempotencyKey: "k", idempotencyUntilMs: untilMs });
}

describe("wait tokens", () => {
  it("come back as they were stored, in their workspace only", async () => {
    const token = aWaitToken(aWorkspaceId(), { timeoutAtMs: START_MS + HOUR, tags: ["a"] });
    expect(await waitTokens.insert(token, "hash", START_MS)).toEqual(token);
    expect(await waitTokens.find(token.workspaceId, token.id)).toEqual(token);
    expect(await waitTokens.find(aWorkspaceId(), token.id)).toBeNull();
    expect(await waitTokens.findForCallback(token.id)).toEqual({ token, hashes: ["hash"] });
    expect(await waitTokens.findForCallback("waitpoint_none")).toBeNull();
  });

  it("are one for each idempotency key that holds, also when they are asked for at once", async () => {
    const workspaceId = aWorkspaceId();
    const made = await Promise.all(
      Array.from({ length: 6 }, () => waitTokens.insert(keyed(workspaceId, START_MS + HOUR), "h", START_MS)),
    );
    expect(new Set(made.map(({ id }) => id)).size).toBe(1);
    const elsewhere = keyed(aWorkspaceId(), START_MS + HOUR);
    expect(await waitTokens.insert(elsewhere, "h", START_MS)).toEqual(elsewhere);
  });

  it("give their key free when its time is over, and keep it for show", async () => {
    const workspaceId = aWorkspaceId();
    const first = await waitTokens.insert(keyed(workspaceId, START_MS + HOUR), "h", START_MS);
    expect((await waitTokens.insert(keyed(workspaceId, START_MS + HOUR), "h", START_MS + HOUR - 1)).id).toBe(first.id);
    const second = keyed(workspaceId, START_MS + 3 * HOUR);
    expect((await waitTokens.insert(second, "h", START_MS + HOUR)).id).toBe(second.id);
    expect((await waitTokens.insert(keyed(workspaceId, START_MS), "h", START_MS + HOUR)).id).toBe(second.id);
    expect((await waitTokens.find(workspaceId, first.id))?.idempotencyKey).toBe("k");
    const named = await waitTokens.list(workspaceId, { ...ALL, idempotencyKey: "k" }, { limit: 9 }, START_MS);
    expect(named.items.map(({ id }) => id).toSorted()).toEqual([first.id, second.id].toSorted());
  });

  it("take a secret with every answer to their key, and keep the newest few", async () => {
    const workspaceId = aWorkspaceId();
    const { id } = await waitTokens.insert(keyed(workspaceId, START_MS + HOUR), "hash 0", START_MS);
    for (let i = 1; i <= 7; i++) await waitTokens.insert(keyed(workspaceId, START_MS), `hash ${i}`, START_MS);
    const hashes = (await waitTokens.findForCallback(id))?.hashes;
    expect(hashes).toEqual(["hash 7", "hash 6", "hash 5", "hash 4", "hash 3"]);
    expect(hashes).toHaveLength(CALLBACK_SECRETS_MOST);
  });

  it("are inserted once though a try is repeated", async () => {
    const token = keyed(aWorkspaceId(), START_MS + HOUR);
    expect(await storageOn(failingD1("Network connection lost.", 2).db).waitTokens.insert(token, "h", 0)).toEqual(
      token,
    );
  });

  it("are completed once, before their timeout", async () => {
    const workspaceId = aWorkspaceId();
    const token = aWaitToken(workspaceId, { timeoutAtMs: START_MS + HOUR });
    await waitTokens.insert(token, "h", START_MS);
    await waitTokens.complete(token.id, '{"a":1}', START_MS + 5);
    await waitTokens.complete(token.id, '{"a":2}', START_MS + 6);
    const done = { ...token, completedAtMs: START_MS + 5, output: '{"a":1}' };
    expect(await waitTokens.find(workspaceId, token.id)).toEqual(done);

    const late = aWaitToken(workspaceId, { timeoutAtMs: START_MS + HOUR });
    await waitTokens.insert(late, "h", START_MS);
    await waitTokens.complete(late.id, null, START_MS + HOUR);
    expect(await waitTokens.find(workspaceId, late.id)).toEqual(late);
  });

  it("cost two rows, one more with a key, and two when they are completed", async () => {
    const recording = recordingD1();
    const recorded = storageOn(recording.db).waitTokens;
    const token = aWaitToken(aWorkspaceId());
    await recorded.insert(token, "h", START_MS);
    expect(recording.rowsWritten()).toBe(2);
    await recorded.complete(token.id, null, START_MS);
    expect(recording.rowsWritten()).toBe(4);
    await recorded.insert(keyed(aWorkspaceId(), START_MS + 1), "h", START_MS);
    expect(recording.rowsWritten()).toBe(7);
  });

  it("are removed with age, unless they wait", async () => {
    const workspaceId = aWorkspaceId();
    const old = START_MS - HOUR;
    const tokens = [
      aWaitToken(workspaceId, { createdAtMs: old, timeoutAtMs: old + 1 }),
      aWaitToken(workspaceId, { createdAtMs: old }),
      aWaitToken(workspaceId, { createdAtMs: old }),
      aWaitToken(workspaceId, { createdAtMs: START_MS, timeoutAtMs: START_MS + 1 }),
    ] as const;
    for (const token of tokens) await waitTokens.insert(token, "h", old);
    await waitTokens.complete(tokens[1].id, null, old);
    expect(await waitTokens.prune(START_MS, START_MS + HOUR, 10)).toBe(2);
    const left = await waitTokens.list(workspaceId, ALL, { limit: 9 }, START_MS);
    expect(left.items.map(({ id }) => id)).toEqual([tokens[3].id, tokens[2].id]);
  });
});

describe("list of wait tokens", () => {
  it("answers as a plain filter would, in both directions", async () => {
    const workspaceId = aWorkspaceId();
    const nowMs = START_MS + 10 * HOUR;
    const made = Array.from({ length: 30 }, (_, i) =>
      aWaitToken(workspaceId, {
        createdAtMs: START_MS + i * 1_000,
        timeoutAtMs: i % 3 === 0 ? null : START_MS + (i % 2 === 0 ? 1 : 20) * HOUR,
        idempotencyKey: i % 5 === 0 ? `key ${i % 2}` : null,
        idempotencyUntilMs: i % 5 === 0 ? START_MS : null,
        tags: i % 4 === 0 ? ["x", "y"] : i % 4 === 1 ? ["y"] : [],
      }),
    );
    for (const token of made) await waitTokens.insert(token, "h", START_MS);
    for (const [i, token] of made.entries()) if (i % 7 === 0) await waitTokens.complete(token.id, null, START_MS);
    await waitTokens.insert(aWaitToken(aWorkspaceId()), "h", START_MS);
    const stored = (await waitTokens.list(workspaceId, ALL, { limit: 100 }, nowMs)).items;
    expect(stored.map(({ id }) => id)).toEqual(made.map(({ id }) => id).toReversed());

    const filters: Partial<WaitTokenFilter>[] = [
      {},
      { statuses: ["WAITING"] },
      { statuses: ["TIMED_OUT"] },
      { statuses: ["COMPLETED"] },
      { statuses: ["WAITING", "TIMED_OUT"], tags: ["y"] },
      { idempotencyKey: "key 0" },
      { tags: ["x"] },
      { tags: ["x", "nobody's"], statuses: ["COMPLETED", "WAITING"] },
      { createdFromMs: START_MS + 5_000, createdToMs: START_MS + 20_000 },
      { createdFromMs: START_MS + 5_000, statuses: ["WAITING"], tags: ["y", "x"] },
    ];
    for (const each of filters) {
      const filter = { ...ALL, ...each };
      const wanted = stored
        .filter(
          (token) =>
            (filter.statuses.length === 0 || filter.statuses.includes(waitTokenStatus(token, nowMs))) &&
            (filter.idempotencyKey === null || token.idempotencyKey === filter.idempotencyKey) &&
            (filter.tags.length === 0 || filter.tags.some((tag) => token.tags.includes(tag))) &&
            token.createdAtMs >= (filter.createdFromMs ?? 0) &&
            token.createdAtMs < (filter.createdToMs ?? Infinity),
        )
        .map(({ id }) => id);
      expect(wanted.length, JSON.stringify(each)).toBeGreaterThan(1);
      const forward: string[] = [];
      for (let more = true; more;) {
        const after = forward.at(-1);
        const page = await waitTokens.list(workspaceId, filter, { limit: 4, ...(after && { after }) }, nowMs);
        forward.push(...page.items.map(({ id }) => id));
        more = page.hasMore;
      }
      expect(forward, JSON.stringify(each)).toEqual(wanted);
      const backward: string[] = [];
      for (let more = true; more;) {
        const before: string = backward.at(0) ?? (wanted.at(-1) as string);
        const page = await waitTokens.list(workspaceId, filter, { limit: 4, before }, nowMs);
        backward.unshift(...page.items.map(({ id }) => id));
        more = page.hasMore;
      }
      expect(backward, JSON.stringify(each)).toEqual(wanted.slice(0, -1));
    }
  });
});
