/** Signing keys of workspaces, and signatures by Standard Webhooks with WebCrypto. */

import { err, ok } from "../domain/result.ts";
import type { Result } from "../domain/result.ts";
import {
  MAX_SIGNING_KEY_BYTES,
  MIN_SIGNING_KEY_BYTES,
  SIGNING_KEY_PREFIX,
  signedContent,
  versionedSignature,
} from "../domain/signing/standardWebhooks.ts";
import { fromBase64, toBase64 } from "./base64.ts";
import type { RandomBytes } from "./envelope.ts";

/** What SHA-256's HMAC can use in full, well inside the spec's 24 to 64. */
const GENERATED_KEY_BYTES = 32;

/** A new key as a receiver configures it: `whsec_` and base64. */
export function generateSigningKey(randomBytes: RandomBytes): string {
  return SIGNING_KEY_PREFIX + toBase64(randomBytes(GENERATED_KEY_BYTES));
}

/** The key to sign with; it cannot be exported. `invalid_signing_key` when it is not 24 to 64 bytes. */
export async function importSigningKey(signingKey: string): Promise<Result<CryptoKey, "invalid_signing_key">> {
  if (!signingKey.startsWith(SIGNING_KEY_PREFIX)) return err("invalid_signing_key");
  const bytes = fromBase64(signingKey.slice(SIGNING_KEY_PREFIX.length));
  if (!bytes.ok || bytes.value.length < MIN_SIGNING_KEY_BYTES || bytes.value.length > MAX_SIGNING_KEY_BYTES) {
    return err("invalid_signing_key");
  }
  return ok(await crypto.subtle.importKey("raw", bytes.value, { name: "HMAC", hash: "SHA-256" }, false, ["sign"]));
}

/** The signature `v1,<base64>` of one request under one key. */
export async function sign(key: CryptoKey, id: string, timestampSeconds: number, body: string): Promise<string> {
  const content = new TextEncoder().encode(signedContent(id, timestampSeconds, body));
  const mac = await crypto.subtle.sign("HMAC", key, content);
  return versionedSignature(toBase64(new Uint8Array(mac)));
}
