import { Webhook } from "standardwebhooks";
import { beforeEach, describe, expect, it } from "vitest";
import type { SigningKey } from "../domain/signing/signingKey.ts";
import { signingKeyIdentity } from "../domain/signing/signingKey.ts";
import { parseKeyring } from "./keyring.ts";
import { SigningKeyCache, createSigner } from "./signer.ts";
import { createVault } from "./vault.ts";

const KEYS = { MASTER_KEY: Buffer.alloc(32, 1).toString("base64") };
const OTHER = { MASTER_KEY: Buffer.alloc(32, 2).toString("base64") };
const WORKSPACE = "wks_1";
const BODY = '{"a":1}';
// The published package reads the real clock and allows five minutes.
const NOW = Date.now();

type StoredKey = SigningKey & { readonly envelope: string };

async function aKey(id: string, expiresAtMs: number | null = null) {
  const keyring = await parseKeyring(KEYS);
  if (!keyring.ok) throw new Error(keyring.error);
  const vault = createVault(keyring.value);
  const secret = vault.drawSigningKey();
  const key = { id, workspaceId: WORKSPACE, createdAtMs: NOW, expiresAtMs };
  const { envelope } = await vault.seal(signingKeyIdentity(key), secret);
  return { secret, stored: { ...key, envelope } satisfies StoredKey };
}

let stored: StoredKey[];
let reads: number;
let fault: Error | null;
let reported: string[];
let cache: SigningKeyCache;

beforeEach(() => {
  stored = [];
  reads = 0;
  fault = null;
  reported = [];
  cache = new SigningKeyCache();
});

function signer(bindings: Parameters<typeof parseKeyring>[0] = KEYS) {
  return createSigner({
    signingKeys: {
      readSealed: async () => {
        reads += 1;
        if (fault !== null) throw fault;
        return stored;
      },
    },
    keyring: () => parseKeyring(bindings),
    cache,
    report: (event) => void reported.push(event),
  });
}

async function headersAt(nowMs: number, on = signer()): Promise<Record<string, string>> {
  const signed = await on.sign(WORKSPACE, "exe_1", nowMs, BODY);
  if (!signed.ok) throw new Error(signed.error);
  return Object.fromEntries(signed.value);
}

const signatures = (headers: Record<string, string>) => (headers["webhook-signature"] ?? "").split(" ").filter(Boolean);

describe("the signer", () => {
  it("signs under every valid key, as the published package verifies", async () => {
    const [current, previous] = [await aKey("key_2"), await aKey("key_1", NOW + 1_000)];
    stored = [current.stored, previous.stored];
    const during = await headersAt(NOW);
    expect(signatures(during)).toHaveLength(2);
    for (const { secret } of [current, previous]) expect(new Webhook(secret).verify(BODY, during)).toEqual({ a: 1 });
    expect(during["webhook-id"]).toBe("exe_1");
  });

  it("stops to use a key the moment it expires, also one that it remembers", async () => {
    stored = [(await aKey("key_2")).stored, (await aKey("key_1", NOW + 1_000)).stored];
    await headersAt(NOW);
    expect(signatures(await headersAt(NOW + 999))).toHaveLength(2);
    expect(signatures(await headersAt(NOW + 1_000))).toHaveLength(1);
    expect(reads).toBe(1);
  });

  it("reads nothing for thirty seconds, whether there are keys or none", async () => {
    expect(await headersAt(NOW)).toEqual({});
    expect(await headersAt(NOW + 29_999)).toEqual({});
    expect(reads).toBe(1);
    stored = [(await aKey("key_1")).stored];
    expect(signatures(await headersAt(NOW + 30_000))).toHaveLength(1);
    await headersAt(NOW + 59_999);
    expect(reads).toBe(2);
  });

  it("reads once for all attempts of an invocation that start together", async () => {
    stored = [(await aKey("key_1")).stored];
    const on = signer();
    const all = await Promise.all(Array.from({ length: 30 }, () => headersAt(NOW, on)));
    expect(all.every((headers) => signatures(headers).length === 1)).toBe(true);
    expect(reads).toBe(1);
  });

  it("reads again after a rotation in its own isolate", async () => {
    await headersAt(NOW);
    stored = [(await aKey("key_1")).stored];
    cache.expire(WORKSPACE);
    expect(signatures(await headersAt(NOW + 1))).toHaveLength(1);
  });

  it("goes on with what it knew, however old, while D1 is out of reach, and asks again every five seconds", async () => {
    stored = [(await aKey("key_1")).stored];
    await headersAt(NOW);
    fault = new Error("D1 is away");
    const late = NOW + 3_600_000;
    expect(signatures(await headersAt(late))).toHaveLength(1);
    await headersAt(late + 4_999);
    expect(reads).toBe(2);
    await headersAt(late + 5_000);
    expect(reads).toBe(3);
    expect(reported).toEqual(["signing_keys.read_failed", "signing_keys.read_failed"]);
  });

  it("lets requests go out unsigned, and reports it, when D1 is out of reach and nothing was ever known", async () => {
    fault = new Error("D1 is away");
    expect(await headersAt(NOW)).toEqual({});
    expect(reported).toEqual(["signing_keys.read_failed"]);
    fault = null;
    stored = [(await aKey("key_1")).stored];
    expect(signatures(await headersAt(NOW + 5_000))).toHaveLength(1);
  });

  it.each([
    ["under another master key", OTHER, /signing key key_1 cannot be decrypted.*rotate/],
    ["and no master key", {}, /openssl rand -base64 32/],
  ])("signs nothing at all with a key %s", async (_what, bindings, message) => {
    stored = [(await aKey("key_2")).stored, (await aKey("key_1")).stored].toReversed();
    const signed = await signer(bindings).sign(WORKSPACE, "exe_1", NOW, BODY);
    expect(signed.ok ? "" : signed.error).toMatch(message);
  });
});
