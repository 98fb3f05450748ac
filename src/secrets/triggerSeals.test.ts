import { createHmac } from "node:crypto";
import { Webhook } from "standardwebhooks";
import { describe, expect, it } from "vitest";
import { err } from "../domain/result.ts";
import { tokenIdentity, webhookSecretIdentity } from "../domain/trigger/triggerToken.ts";
import type { Verification, VerificationType } from "../domain/trigger/verification.ts";
import { VERIFICATION_DEFAULTS, readProof } from "../domain/trigger/verification.ts";
import { parseKeyring } from "./keyring.ts";
import { createTriggerSeals, createWebhookKeyCache } from "./triggerSeals.ts";
import { createVault } from "./vault.ts";

const KEYRING = await parseKeyring({ MASTER_KEY: Buffer.alloc(32, 1).toString("base64") });
const OTHER_KEYRING = await parseKeyring({ MASTER_KEY: Buffer.alloc(32, 2).toString("base64") });
if (!KEYRING.ok) throw new Error(KEYRING.error);
const VAULT = createVault(KEYRING.value);
const SECRET = { id: "whs_1", workspaceId: "wks_1" };
const NOW = Date.UTC(2030, 0, 1);
const SECONDS = NOW / 1_000;

interface Delivery {
  readonly type: VerificationType;
  readonly secret: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | Uint8Array;
  readonly nowMs?: number;
  readonly how?: Partial<Verification>;
}

/** As a job checks it: what the headers claim, against the sealed secret. */
async function check(
  delivery: Delivery,
  seals = createTriggerSeals({ keyring: async () => KEYRING, keys: createWebhookKeyCache() }),
) {
  const { type, secret, headers, body, nowMs = NOW, how } = delivery;
  const { header, ...defaults } = VERIFICATION_DEFAULTS[type];
  const verification = { type, header: header ?? "", ...defaults, prefix: "", secretId: SECRET.id, ...how };
  const proof = readProof(verification, headers, nowMs);
  if (!proof.ok) return proof;
  const { envelope } = await VAULT.seal(webhookSecretIdentity(SECRET), secret);
  const bytes = typeof body === "string" ? new TextEncoder().encode(body) : body;
  return await seals.verify({ secret: { ...SECRET, envelope }, type, proof: proof.value, body: bytes });
}

const VALID = { ok: true, value: true };
const WRONG = { ok: true, value: false };

const hmac = (secret: string, content: string, encoding: "hex" | "base64") =>
  createHmac("sha256", secret).update(content).digest(encoding);

describe("GitHub", () => {
  const how = { header: "x-hub-signature-256", prefix: "sha256=" };
  // https://docs.github.com/en/webhooks/using-webhooks/validating-webhook-deliveries, "Testing the webhook payload validation"
  const published = {
    type: "hmac_sha256",
    how,
    secret: "It's a Secret to Everybody",
    body: "Hello, World!",
    headers: { "x-hub-signature-256": "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17" },
  } as const;

  it("is verified by its published example", async () => {
    expect(await check(published)).toEqual(VALID);
  });

  it.each([
    ["another secret", { secret: "it's a Secret to Everybody" }],
    ["another body", { body: "Hello, World! " }],
    ["another signature", { headers: { "x-hub-signature-256": `sha256=${"0".repeat(64)}` } }],
    ["half a signature", { headers: { "x-hub-signature-256": "sha256=757107ea0eb2509fc211221cce984b8a" } }],
    ["no hex", { headers: { "x-hub-signature-256": "sha256=zz" } }],
  ])("is refused with %s", async (_, change) => {
    expect(await check({ ...published, ...change })).toEqual(WRONG);
  });

  it("is refused without its prefix or its header", async () => {
    const bare = published.headers["x-hub-signature-256"].slice("sha256=".length);
    expect(await check({ ...published, headers: { "x-hub-signature-256": bare } })).toMatchObject({ ok: false });
    expect(await check({ ...published, headers: {} })).toEqual(err("The header x-hub-signature-256 is missing."));
  });
});

describe("Shopify", () => {
  it("is verified: base64 of the HMAC of the raw bytes, whatever they are", async () => {
    const body = Uint8Array.of(0xff, 0x00, 0xfe, 0x0a);
    const signature = createHmac("sha256", "hush").update(body).digest("base64");
    const headers = { "x-shopify-hmac-sha256": signature };
    const how = { header: "x-shopify-hmac-sha256", encoding: "base64" } as const;
    expect(await check({ type: "hmac_sha256", secret: "hush", body, headers, how })).toEqual(VALID);
    expect(await check({ type: "hmac_sha256", secret: "hush", body: body.slice(1), headers, how })).toEqual(WRONG);
  });
});

describe("Stripe", () => {
  const body = '{"id":"evt_1","object":"event"}';
  const secret = "whsec_5WbX5kEWLlfzsGNjH64I8lOOqUB6e8FH";
  const signature = hmac(secret, `${SECONDS}.${body}`, "hex");
  const delivery = { type: "stripe", secret, body } as const;

  it("is verified, beside signatures under an older secret and of older schemes", async () => {
    for (const header of [
      `t=${SECONDS},v1=${signature}`,
      `t=${SECONDS},v1=${"0".repeat(64)},v1=${signature},v0=${"1".repeat(64)}`,
    ]) {
      expect(await check({ ...delivery, headers: { "stripe-signature": header } })).toEqual(VALID);
    }
  });

  it("is refused with another time under the same signature, and with v0 alone", async () => {
    const other = `t=${SECONDS + 1},v1=${signature}`;
    expect(await check({ ...delivery, headers: { "stripe-signature": other } })).toEqual(WRONG);
    const old = `t=${SECONDS},v0=${signature}`;
    expect(await check({ ...delivery, headers: { "stripe-signature": old } })).toMatchObject({ ok: false });
  });

  it("is refused when it is replayed outside the tolerance", async () => {
    const headers = { "stripe-signature": `t=${SECONDS},v1=${signature}` };
    expect(await check({ ...delivery, headers, nowMs: NOW + 300_000 })).toEqual(VALID);
    expect(await check({ ...delivery, headers, nowMs: NOW + 301_000 })).toMatchObject({ ok: false });
    expect(await check({ ...delivery, headers, nowMs: NOW - 301_000 })).toMatchObject({ ok: false });
    const how = { toleranceSeconds: 3_600 };
    expect(await check({ ...delivery, headers, how, nowMs: NOW + 301_000 })).toEqual(VALID);
  });
});

describe("Standard Webhooks", () => {
  const secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
  const body = '{"test": 2432232314}';

  it("is verified by the example of the published specification", async () => {
    const headers = {
      "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
      "webhook-timestamp": "1614265330",
      "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    };
    expect(await check({ type: "standard_webhooks", secret, body, headers, nowMs: 1_614_265_330_000 })).toEqual(VALID);
  });

  it.each(["webhook", "svix"])("is verified when the published package signs, in headers of %s", async (family) => {
    const signature = new Webhook(secret).sign("msg_1", new Date(NOW), body);
    const headers = {
      [`${family}-id`]: "msg_1",
      [`${family}-timestamp`]: String(SECONDS),
      [`${family}-signature`]: `v1,AAAA v1a,AAAA ${signature}`,
    };
    const delivery = {
      type: "standard_webhooks",
      secret,
      body,
      headers,
      how: { header: `${family}-signature` },
    } as const;
    expect(await check(delivery)).toEqual(VALID);
    expect(await check({ ...delivery, secret: secret.slice("whsec_".length) })).toEqual(VALID);
    expect(await check({ ...delivery, headers: { ...headers, [`${family}-id`]: "msg_2" } })).toEqual(WRONG);
    expect(await check({ ...delivery, nowMs: NOW + 301_000 })).toMatchObject({ ok: false });
  });
});

describe("a shared secret", () => {
  const delivery = { type: "shared_secret", secret: "correct horse", body: "x" } as const;

  it.each([
    ["correct horse", true],
    ["correct hors", false],
    ["correct horse!", false],
    ["Correct horse", false],
    ["x".repeat(10_000), false],
  ])("%s is right: %s", async (text, isRight) => {
    const headers = { "x-webhook-secret": text };
    expect(await check({ ...delivery, headers })).toEqual({ ok: true, value: isRight });
  });

  it("may stand behind a prefix", async () => {
    const how = { header: "authorization", prefix: "Bearer " };
    expect(await check({ ...delivery, how, headers: { authorization: "Bearer correct horse" } })).toEqual(VALID);
    expect(await check({ ...delivery, how, headers: { authorization: "Bearer " } })).toMatchObject({ ok: false });
  });
});

describe("what cannot be opened", () => {
  it("says so to the operator rather than refusing the sender", async () => {
    for (const keyring of [OTHER_KEYRING, err("MASTER_KEY is not set")]) {
      const seals = createTriggerSeals({ keyring: async () => keyring, keys: createWebhookKeyCache() });
      const headers = { "x-webhook-secret": "s" };
      expect(await check({ type: "shared_secret", secret: "s", body: "", headers }, seals)).toMatchObject({
        ok: false,
      });
    }
  });

  it("proves nothing for a token that opens nothing", async () => {
    const seals = createTriggerSeals({ keyring: async () => KEYRING, keys: createWebhookKeyCache() });
    const proof = { type: "signature", signedBefore: "", encoding: "hex", signatures: ["00"] } as const;
    expect(await seals.verify({ secret: null, type: "hmac_sha256", proof, body: new Uint8Array() })).toEqual(WRONG);
  });
});

describe("a token", () => {
  const token = { hash: "ab", jobId: "job_1", workspaceId: "wks_1", createdAtMs: NOW };
  const seals = createTriggerSeals({ keyring: async () => KEYRING, keys: createWebhookKeyCache() });

  it("is shown again where it was sealed, and belongs to its hash", async () => {
    const sealed = await VAULT.seal(tokenIdentity(token), "whk_x");
    expect(await seals.openToken({ ...token, sealed })).toBe("whk_x");
    expect(await seals.openToken({ ...token, hash: "cd", sealed })).toBeNull();
    expect(await seals.openToken({ ...token, sealed: null })).toBeNull();
  });
});
