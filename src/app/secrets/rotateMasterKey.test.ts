import { describe, expect, it } from "vitest";
import { err, ok } from "../../domain/result.ts";
import type { Rewrappable, RewrapStore, Vault } from "../ports.ts";
import type { Services } from "../services.ts";
import { isRotationCursor, rotateMasterKey } from "./rotateMasterKey.ts";

const idOf = (prefix: string, number: number) => `${prefix}_${String(number).padStart(26, "0")}`;

/** Envelopes are `<key>:<state>`; those of state `bad` do not open. */
function storeOf(prefix: "sec" | "key" | "job", envelopes: readonly string[]) {
  const rows = new Map(envelopes.map((envelope, index) => [idOf(prefix, index), envelope]));
  const keyOf = (envelope: string) => envelope.split(":", 1)[0] ?? "";
  const store: RewrapStore = {
    listNotUnder: async (keyId, afterId, limit) =>
      [...rows]
        .filter(([id, envelope]) => id > (afterId ?? "") && keyOf(envelope) !== keyId)
        .slice(0, limit)
        .map(([id, envelope]): Rewrappable => {
          const owner = { workspaceId: "wks_1", name: id };
          return { id, owner, sealed: { envelope, masterKeyId: keyOf(envelope) } };
        }),
    rewrap: async (changes) => {
      for (const { id, from, to } of changes) if (rows.get(id) === from.envelope) rows.set(id, to.envelope);
    },
    countNotUnder: async (keyId) => [...rows.values()].filter((envelope) => keyOf(envelope) !== keyId).length,
  };
  return { rows, store };
}

function servicesOf(secrets: readonly string[], signingKeys: readonly string[]) {
  const [secretStore, keyStore] = [storeOf("sec", secrets), storeOf("key", signingKeys)];
  const vault: Vault = {
    currentKeyId: "new",
    previousKeyId: "old",
    seal: () => Promise.reject(new Error("Nothing is sealed here.")),
    rewrap: async (_owner, envelope) => {
      const [key, state] = envelope.split(":");
      if (state === "bad") return err("corrupt");
      if (key !== "old" && key !== "new") return err("unknown_key");
      return ok({ envelope: `new:${state}`, masterKeyId: "new" });
    },
    drawSigningKey: () => "",
  };
  const services = {
    secrets: secretStore.store,
    signingKeys: { ...keyStore.store, deleteExpired: async () => undefined },
    triggers: { sealedSecrets: storeOf("job", []).store, sealedTokens: storeOf("job", []).store },
    openVault: async () => ok(vault),
    clock: { now: () => 0 },
  } as unknown as Services;
  return { services, rows: () => [...secretStore.rows.values(), ...keyStore.rows.values()] };
}

async function rotate(services: Services, cursor: string | null = null) {
  const report = await rotateMasterKey(services, cursor);
  if (!report.ok) throw new Error(report.error.code);
  return report.value;
}

const many = (count: number, envelope: string) => Array.from({ length: count }, () => envelope);

describe("rotateMasterKey", () => {
  it("wraps secrets and signing keys anew and says when nothing is left", async () => {
    const { services, rows } = servicesOf(["old:a", "new:b"], ["old:c"]);
    expect(await rotate(services)).toMatchObject({ done: 2, remaining: 0, failed: [], nextCursor: null });
    expect(rows()).toEqual(["new:a", "new:b", "new:c"]);
    expect(await rotate(services)).toMatchObject({ done: 0, remaining: 0 });
  });

  it("does a bounded slice at a time, with a cursor or without", async () => {
    const { services } = servicesOf(many(620, "old:x"), many(30, "old:y"));
    const first = await rotate(services);
    expect(first).toMatchObject({ done: 500, remaining: 150, nextCursor: idOf("sec", 499) });
    expect(await rotate(services)).toMatchObject({ done: 150, remaining: 0, nextCursor: null });
  });

  it("names what does not open, and gets past it", async () => {
    const { services } = servicesOf([...many(500, "old:bad"), "lost:a", "old:b"], ["old:bad", "old:c"]);
    const first = await rotate(services);
    expect(first).toMatchObject({ done: 0, remaining: 504, nextCursor: idOf("sec", 499) });
    expect(isRotationCursor(first.nextCursor ?? "")).toBe(true);
    const second = await rotate(services, first.nextCursor);
    expect(second).toMatchObject({ done: 2, remaining: 502, nextCursor: null });
    expect(second.failed.map(({ kind, reason }) => [kind, reason])).toEqual([
      ["secret", "unknown_key"],
      ["signing_key", "corrupt"],
    ]);
  });

  it("goes on among signing keys where a slice ended there", async () => {
    const { services } = servicesOf(many(480, "old:x"), many(40, "old:y"));
    const first = await rotate(services);
    expect(first.nextCursor).toBe(idOf("key", 19));
    expect(await rotate(services, first.nextCursor)).toMatchObject({ done: 20, remaining: 0, nextCursor: null });
  });
});
