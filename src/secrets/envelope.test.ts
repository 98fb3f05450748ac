import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { open, parseEnvelope, rewrap, seal, serializeEnvelope } from "./envelope.ts";
import type { Envelope } from "./envelope.ts";
import { parseKeyring } from "./keyring.ts";
import type { Keyring } from "./keyring.ts";

const KEY_A = Buffer.alloc(32, 1).toString("base64");
const KEY_B = Buffer.alloc(32, 2).toString("base64url");
const STRIPE = { workspaceId: "ws_1", name: "stripe" };

async function keyring(current: string, previous?: string): Promise<Keyring> {
  const parsed = await parseKeyring({ MASTER_KEY: current, MASTER_KEY_PREVIOUS: previous });
  if (!parsed.ok) throw new Error(parsed.error);
  return parsed.value;
}

async function sealed(value: string, ring?: Keyring): Promise<Envelope> {
  return await seal((ring ?? (await keyring(KEY_A))).current, STRIPE, value);
}

describe("parseKeyring", () => {
  it("reads standard and URL-safe base64, and names keys by their hash", async () => {
    const ring = await keyring(` ${KEY_A}\n`, KEY_B);
    expect(ring.current.id).toMatch(/^[0-9a-f]{8}$/);
    expect(ring.previous?.id).toMatch(/^[0-9a-f]{8}$/);
    expect(ring.current.id).not.toBe(ring.previous?.id);
  });

  it.each([undefined, "", "correct horse battery staple and then some", "c2hvcnQ=", "A".repeat(41)])(
    "refuses the master key %j and says how to make one, without repeating it",
    async (key) => {
      const parsed = await parseKeyring({ MASTER_KEY: key });
      expect(parsed.ok ? "" : parsed.error).toMatch(/^MASTER_KEY .*openssl rand -base64 32/);
      if (key) expect(parsed.ok ? "" : parsed.error).not.toContain(key);
    },
  );

  it("names the previous key when it is that one that is wrong", async () => {
    const parsed = await parseKeyring({ MASTER_KEY: KEY_A, MASTER_KEY_PREVIOUS: "x" });
    expect(parsed.ok ? "" : parsed.error).toContain("MASTER_KEY_PREVIOUS must be");
  });
});

describe("an envelope", () => {
  it("opens to what was sealed, through its serialised form", async () => {
    const ring = await keyring(KEY_A);
    await fc.assert(
      fc.asyncProperty(fc.string({ unit: "grapheme" }), async (value) => {
        const parsed = parseEnvelope(serializeEnvelope(await sealed(value, ring)));
        expect(parsed.ok && (await open(parsed.value, ring, STRIPE))).toEqual({ ok: true, value });
      }),
      { numRuns: 30 },
    );
  });

  it("keeps a byte order mark and an empty value", async () => {
    const ring = await keyring(KEY_A);
    for (const value of ["\uFEFFx", ""])
      expect(await open(await sealed(value), ring, STRIPE)).toEqual({ ok: true, value });
  });

  it("shows nothing of the value and never repeats itself", async () => {
    const [first, second] = [await sealed("hunter2"), await sealed("hunter2")];
    expect(serializeEnvelope(first)).not.toContain("hunter2");
    expect(first.ct).not.toBe(second.ct);
    expect(first.wrappedKey).not.toBe(second.wrappedKey);
  });

  it("does not open in another workspace or under another name", async () => {
    const ring = await keyring(KEY_A);
    const envelope = await sealed("hunter2");
    const corrupt = { ok: false, error: "corrupt" };
    expect(await open(envelope, ring, { ...STRIPE, workspaceId: "ws_2" })).toEqual(corrupt);
    expect(await open(envelope, ring, { ...STRIPE, name: "other" })).toEqual(corrupt);
    expect(await rewrap(envelope, await keyring(KEY_B, KEY_A), { ...STRIPE, name: "other" })).toEqual(corrupt);
  });

  it.each(["iv", "ct", "wrapIv", "wrappedKey"] as const)("does not open with a changed %s", async (field) => {
    const envelope = await sealed("hunter2");
    const bytes = Buffer.from(envelope[field], "base64");
    bytes[0] = (bytes[0] ?? 0) ^ 1;
    for (const text of [bytes.toString("base64"), "", "*", "AA=="]) {
      const opened = await open({ ...envelope, [field]: text }, await keyring(KEY_A), STRIPE);
      expect(opened).toEqual({ ok: false, error: "corrupt" });
    }
  });

  it("does not mix the halves of two envelopes of the same secret", async () => {
    const [first, second] = [await sealed("one"), await sealed("two")];
    const mixed = { ...first, iv: second.iv, ct: second.ct };
    expect(await open(mixed, await keyring(KEY_A), STRIPE)).toEqual({ ok: false, error: "corrupt" });
  });

  it("says when its master key is not bound", async () => {
    expect(await open(await sealed("x"), await keyring(KEY_B), STRIPE)).toEqual({ ok: false, error: "unknown_key" });
  });

  it.each(["", "{", "null", "[]", "{}", '{"v":2}', '{"v":1,"kid":"a","iv":"a","ct":"a","wrapIv":"a"}'])(
    "is not read from %j",
    (text) => {
      expect(parseEnvelope(text)).toEqual({ ok: false, error: "corrupt" });
    },
  );
});

describe("rewrap", () => {
  it("moves an envelope to the current key and leaves the ciphertext alone", async () => {
    const before = await sealed("hunter2");
    const both = await keyring(KEY_B, KEY_A);
    expect(await open(before, both, STRIPE)).toEqual({ ok: true, value: "hunter2" });
    const after = await rewrap(before, both, STRIPE);
    if (!after.ok) throw new Error(after.error);
    expect([after.value.ct, after.value.iv]).toEqual([before.ct, before.iv]);
    expect(after.value.kid).toBe(both.current.id);
    expect(await open(after.value, await keyring(KEY_B), STRIPE)).toEqual({ ok: true, value: "hunter2" });
    expect(await open(after.value, await keyring(KEY_A), STRIPE)).toEqual({ ok: false, error: "unknown_key" });
  });

  it("leaves what is under the current key as it is", async () => {
    const envelope = await sealed("x");
    expect(await rewrap(envelope, await keyring(KEY_A, KEY_B), STRIPE)).toEqual({ ok: true, value: envelope });
  });

  it("fails on a key that is not bound", async () => {
    expect(await rewrap(await sealed("x"), await keyring(KEY_B), STRIPE)).toEqual({ ok: false, error: "unknown_key" });
  });
});
