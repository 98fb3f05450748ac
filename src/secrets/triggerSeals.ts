/**
 * Opens what triggers need: tokens that are shown again, and the secrets that webhooks are checked against.
 *
 * - A secret is used as the key of an HMAC and nothing else. What the isolate keeps is that key, by the secret's id; it
 *   cannot be exported, and as a secret never changes under its id, it is never out of date.
 * - Comparisons are made by `crypto.subtle.verify`, whose time does not depend on where two values differ. A shared
 *   secret is compared in the same way: both texts sign the same words, and it is the signatures that are compared, so
 *   that not even the length of the secret shows.
 */

import type { ProofCheck, TriggerSeals } from "../app/ports.ts";
import { err, ok } from "../domain/result.ts";
import type { Result } from "../domain/result.ts";
import { BoundedCache } from "../domain/schedule/boundedCache.ts";
import { SIGNING_KEY_PREFIX } from "../domain/signing/standardWebhooks.ts";
import { tokenIdentity, webhookSecretIdentity } from "../domain/trigger/triggerToken.ts";
import type { Encoding, VerificationType } from "../domain/trigger/verification.ts";
import { isBase64Secret } from "../domain/trigger/verification.ts";
import { fromBase64 } from "./base64.ts";
import type { Bytes } from "./base64.ts";
import { open, parseEnvelope } from "./envelope.ts";
import type { SecretIdentity } from "./envelope.ts";
import type { Keyring } from "./keyring.ts";

const KEYS_MOST = 1_000;
const HMAC = { name: "HMAC", hash: "SHA-256" } as const;

export type WebhookKeyCache = BoundedCache<string, CryptoKey>;

export function createWebhookKeyCache(): WebhookKeyCache {
  return new BoundedCache(KEYS_MOST);
}

export interface TriggerSealsDeps {
  /** Parses the master keys; the error is a sentence for the operator. */
  readonly keyring: () => Promise<Result<Keyring, string>>;
  readonly keys: WebhookKeyCache;
}

export function createTriggerSeals({ keyring, keys }: TriggerSealsDeps): TriggerSeals {
  async function openText(envelope: string, identity: SecretIdentity): Promise<Result<string, string>> {
    const ring = await keyring();
    if (!ring.ok) return err(`this instance cannot decrypt: ${ring.error}`);
    const parsed = parseEnvelope(envelope);
    const text = parsed.ok ? await open(parsed.value, ring.value, identity) : parsed;
    return text.ok ? text : err(`what is sealed as ${identity.name} does not open (${text.error})`);
  }

  async function keyOf({ secret, type }: ProofCheck): Promise<Result<CryptoKey, string>> {
    // Strangers are measured against a key that nobody has.
    if (secret === null) return ok(await generateKey());
    const known = keys.get(secret.id);
    if (known !== undefined) return ok(known);
    const text = await openText(secret.envelope, webhookSecretIdentity(secret));
    if (!text.ok) return text;
    const bytes = keyBytes(text.value, type);
    if (bytes === null) return err(`the webhook secret ${secret.id} is no key for ${type}`);
    const key = await importKey(bytes);
    keys.set(secret.id, key);
    return ok(key);
  }

  return {
    async openToken(token) {
      if (token.sealed === null) return null;
      const text = await openText(token.sealed.envelope, tokenIdentity(token));
      return text.ok ? text.value : null;
    },

    async verify(check) {
      const key = await keyOf(check);
      if (!key.ok) return key;
      const { proof, body } = check;
      if (proof.type === "secret") return ok(await isSameSecret(key.value, proof.text));
      const content = joined(utf8(proof.signedBefore), body);
      // Every one is checked, whichever is right.
      const verdicts = await Promise.all(
        proof.signatures.map((signature) => isSignature(key.value, signature, proof.encoding, content)),
      );
      return ok(verdicts.includes(true));
    },
  };
}

/** What both sides of a shared secret sign. */
const WORDS = utf8("carillon shared secret");

async function isSameSecret(key: CryptoKey, text: string): Promise<boolean> {
  const given = utf8(text);
  if (given.length === 0) return false;
  return await crypto.subtle.verify(
    "HMAC",
    key,
    await crypto.subtle.sign("HMAC", await importKey(given), WORDS),
    WORDS,
  );
}

async function isSignature(key: CryptoKey, text: string, encoding: Encoding, content: Bytes): Promise<boolean> {
  const signature = decode(text, encoding);
  return signature !== null && (await crypto.subtle.verify("HMAC", key, signature, content));
}

/** Of Standard Webhooks the bytes behind `whsec_`; of all others the text itself, Stripe's `whsec_` included. */
function keyBytes(secret: string, type: VerificationType): Bytes | null {
  if (!isBase64Secret(type)) return utf8(secret);
  const base64 = secret.startsWith(SIGNING_KEY_PREFIX) ? secret.slice(SIGNING_KEY_PREFIX.length) : secret;
  const bytes = fromBase64(base64);
  return bytes.ok ? bytes.value : null;
}

function decode(text: string, encoding: Encoding): Bytes | null {
  if (encoding === "base64") {
    const bytes = fromBase64(text);
    return bytes.ok ? bytes.value : null;
  }
  if (!/^([0-9a-f]{2})+$/i.test(text)) return null;
  return Uint8Array.from(text.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16));
}

async function importKey(bytes: Bytes): Promise<CryptoKey> {
  return await crypto.subtle.importKey("raw", bytes, HMAC, false, ["sign", "verify"]);
}

async function generateKey(): Promise<CryptoKey> {
  return await importKey(crypto.getRandomValues(new Uint8Array(32)));
}

function joined(before: Bytes, body: Uint8Array): Bytes {
  const all = new Uint8Array(before.length + body.length);
  all.set(before);
  all.set(body, before.length);
  return all;
}

function utf8(text: string): Bytes {
  return new TextEncoder().encode(text) as Bytes;
}
