import { describe, expect, it } from "vitest";
import { ok } from "../../domain/result.ts";
import type { RewrapStore } from "../ports.ts";
import type { Services } from "../services.ts";
import { isRotationCursor, rotateMasterKey } from "./rotateMasterKey.ts";

/** A table of `count` envelopes under the old key. */
function storeOf(count: number, idOf: (n: number) => string): RewrapStore & { readonly kids: Map<string, string> } {
  const kids = new Map(Array.from({ length: count }, (_, n) => [idOf(n), "old"]));
  const under = (kid: string) => [...kids].filter(([, each]) => each !== kid).map(([id]) => id).toSorted(); // prettier-ignore
  return {
    kids,
    listNotUnder: async (kid, afterId, limit) =>
      under(kid)
        .filter((id) => afterId === null || id > afterId)
        .slice(0, limit)
        .map((id) => ({
          id,
          owner: { workspaceId: "wks_1", name: id },
          sealed: { envelope: id, masterKeyId: "old" },
        })),
    rewrap: async (changes) => {
      for (const { id, to } of changes) kids.set(id, to.masterKeyId);
    },
    countNotUnder: async (kid) => under(kid).length,
  };
}

const numbered = (prefix: string) => (n: number) => `${prefix}_${String(n).padStart(26, "0")}`;

describe("rotateMasterKey", () => {
  it("comes through every kind of envelope, a slice at a time", async () => {
    const stores = [
      storeOf(300, numbered("sec")),
      storeOf(10, numbered("key")),
      storeOf(400, numbered("whs")),
      storeOf(600, (n) => n.toString(16).padStart(64, "0")),
    ] as const;
    const services = {
      clock: { now: () => 0 },
      secrets: stores[0],
      signingKeys: { ...stores[1], deleteExpired: async () => undefined },
      triggers: { sealedSecrets: stores[2], sealedTokens: stores[3] },
      openVault: async () =>
        ok({
          currentKeyId: "new",
          previousKeyId: "old",
          rewrap: async (_owner: unknown, envelope: string) => ok({ envelope, masterKeyId: "new" }),
        }),
    } as unknown as Services;
    let cursor: string | null = null;
    const remaining: number[] = [];
    do {
      const report = await rotateMasterKey(services, cursor);
      if (!report.ok) throw new Error(JSON.stringify(report.error));
      cursor = report.value.nextCursor;
      remaining.push(report.value.remaining);
      expect(cursor === null || isRotationCursor(cursor)).toBe(true);
    } while (cursor !== null);
    expect(remaining).toEqual([810, 310, 0]);
  });
});
