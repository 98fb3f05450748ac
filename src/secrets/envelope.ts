/**
 * Secrets at rest: AES-256-GCM with a random key per value, itself sealed with a key derived from the master key.
 *
 * - The wrapping key is HKDF-SHA256 of the master key with workspace, purpose and version as `info`: one workspace's
 *   wrapping key says nothing about another's.
 * - Workspace and secret name are additional data of both encryptions: an envelope moved to another workspace or name
 *   does not open.
 * - Each data key encrypts one value once, so a random 96-bit IV cannot repeat under it; the wrapping key seals one short
 *   key per stored secret, far below the 2^32 that NIST SP 800-38D allows for random IVs.
 */

import { err, ok } from "../domain/result.ts";
import type { Result } from "../domain/result.ts";
import { fromBase64, toBase64 } from "./base64.ts";
import type { Bytes } from "./base64.ts";
import { findKey } from "./keyring.ts";
import type { Keyring, MasterKey } from "./keyring.ts";

/** All bytes in base64. */
export interface Envelope {
  readonly v: 1;
  /** Id of the master key. */
  readonly kid: string;
  readonly iv: string;
  readonly ct: string;
  readonly wrapIv: string;
  readonly wrappedKey: string;
}

/** Whose secret it is; part of what is authenticated. */
export interface SecretIdentity {
  readonly workspaceId: string;
  readonly name: string;
}

/**
 * `unknown_key`: sealed with a master key that is not bound. `corrupt`: anything else, one error for all of it, as the
 * difference between a wrong key and a changed byte is nobody's business.
 */
export type EnvelopeError = "unknown_key" | "corrupt";

export type RandomBytes = (length: number) => Bytes;

export const randomBytes: RandomBytes = (length) => crypto.getRandomValues(new Uint8Array(length));

const IV_BYTES = 12;
const DATA_KEY_BYTES = 32;

export async function seal(
  key: MasterKey,
  identity: SecretIdentity,
  value: string,
  random: RandomBytes = randomBytes,
): Promise<Envelope> {
  const dataKey = random(DATA_KEY_BYTES);
  const iv = random(IV_BYTES);
  const ct = await encrypt(await importAes(dataKey), iv, additionalData("value", identity), utf8(value));
  return { v: 1, iv: toBase64(iv), ct: toBase64(ct), ...(await wrap(key, identity, dataKey, random)) };
}

export async function open(
  envelope: Envelope,
  keyring: Keyring,
  identity: SecretIdentity,
): Promise<Result<string, EnvelopeError>> {
  const dataKey = await openDataKey(envelope, keyring, identity);
  return dataKey.ok ? await openValue(envelope, dataKey.value, identity) : dataKey;
}

/** The key of one value. It cannot be exported, so that it may be kept in memory where plaintext may not. */
export async function openDataKey(
  envelope: Envelope,
  keyring: Keyring,
  identity: SecretIdentity,
): Promise<Result<CryptoKey, EnvelopeError>> {
  const dataKey = await unwrap(envelope, keyring, identity);
  if (!dataKey.ok) return dataKey;
  return dataKey.value.length === DATA_KEY_BYTES ? ok(await importAes(dataKey.value)) : err("corrupt");
}

export async function openValue(
  envelope: Envelope,
  dataKey: CryptoKey,
  identity: SecretIdentity,
): Promise<Result<string, "corrupt">> {
  const iv = fromBase64(envelope.iv);
  const ct = fromBase64(envelope.ct);
  if (!iv.ok || !ct.ok) return err("corrupt");
  const plain = await decrypt(dataKey, iv.value, additionalData("value", identity), ct.value);
  if (!plain.ok) return plain;
  // What was sealed is UTF-8 by construction; a leading BOM is part of the value.
  return ok(new TextDecoder("utf-8", { fatal: false, ignoreBOM: true }).decode(plain.value));
}

/**
 * The same value under the current master key: only the data key is unwrapped and wrapped again, the value is never
 * decrypted. An envelope that is under the current key already comes back as it is, so a rotation can be resumed.
 */
export async function rewrap(
  envelope: Envelope,
  keyring: Keyring,
  identity: SecretIdentity,
  random: RandomBytes = randomBytes,
): Promise<Result<Envelope, EnvelopeError>> {
  if (envelope.kid === keyring.current.id) return ok(envelope);
  const dataKey = await unwrap(envelope, keyring, identity);
  if (!dataKey.ok) return dataKey;
  return ok({ ...envelope, ...(await wrap(keyring.current, identity, dataKey.value, random)) });
}

export function serializeEnvelope(envelope: Envelope): string {
  return JSON.stringify(envelope);
}

export function parseEnvelope(text: string): Result<Envelope, "corrupt"> {
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch {
    return err("corrupt");
  }
  if (typeof parsed !== "object" || parsed === null) return err("corrupt");
  const { v, kid, iv, ct, wrapIv, wrappedKey } = parsed as Record<string, unknown>;
  if (v !== 1 || typeof kid !== "string" || typeof iv !== "string" || typeof ct !== "string") return err("corrupt");
  if (typeof wrapIv !== "string" || typeof wrappedKey !== "string") return err("corrupt");
  return ok({ v, kid, iv, ct, wrapIv, wrappedKey });
}

type Wrapping = Pick<Envelope, "kid" | "wrapIv" | "wrappedKey">;

async function wrap(key: MasterKey, identity: SecretIdentity, dataKey: Bytes, random: RandomBytes): Promise<Wrapping> {
  const iv = random(IV_BYTES);
  const wrapping = await wrappingKey(key, identity.workspaceId);
  const wrapped = await encrypt(wrapping, iv, additionalData("key", identity), dataKey);
  return { kid: key.id, wrapIv: toBase64(iv), wrappedKey: toBase64(wrapped) };
}

async function unwrap(
  envelope: Envelope,
  keyring: Keyring,
  identity: SecretIdentity,
): Promise<Result<Bytes, EnvelopeError>> {
  const master = findKey(keyring, envelope.kid);
  if (master === null) return err("unknown_key");
  const iv = fromBase64(envelope.wrapIv);
  const wrapped = fromBase64(envelope.wrappedKey);
  if (!iv.ok || !wrapped.ok) return err("corrupt");
  const wrapping = await wrappingKey(master, identity.workspaceId);
  return await decrypt(wrapping, iv.value, additionalData("key", identity), wrapped.value);
}

/** No salt: the master key is uniformly random, which is all that HKDF's salt is for (RFC 5869 section 3.1). */
async function wrappingKey(key: MasterKey, workspaceId: string): Promise<CryptoKey> {
  const info = utf8(JSON.stringify(["carillon", "secret-wrapping-key", 1, workspaceId]));
  const material = await crypto.subtle.importKey("raw", key.bytes, "HKDF", false, ["deriveKey"]);
  const derivation = { name: "HKDF", hash: "SHA-256", salt: new Uint8Array(0), info };
  const aes = { name: "AES-GCM", length: 256 };
  return await crypto.subtle.deriveKey(derivation, material, aes, false, ["encrypt", "decrypt"]);
}

async function importAes(bytes: Bytes): Promise<CryptoKey> {
  return await crypto.subtle.importKey("raw", bytes, "AES-GCM", false, ["encrypt", "decrypt"]);
}

async function encrypt(key: CryptoKey, iv: Bytes, additionalData: Bytes, plain: Bytes): Promise<Uint8Array> {
  return new Uint8Array(await crypto.subtle.encrypt({ name: "AES-GCM", iv, additionalData }, key, plain));
}

async function decrypt(
  key: CryptoKey,
  iv: Bytes,
  additionalData: Bytes,
  ciphertext: Bytes,
): Promise<Result<Bytes, "corrupt">> {
  try {
    return ok(new Uint8Array(await crypto.subtle.decrypt({ name: "AES-GCM", iv, additionalData }, key, ciphertext)));
  } catch {
    // The platform's OperationError names lengths; nothing of it is passed on.
    return err("corrupt");
  }
}

/** JSON, so that no two identities give the same bytes. */
function additionalData(part: "value" | "key", { workspaceId, name }: SecretIdentity): Bytes {
  return utf8(JSON.stringify(["carillon", "secret", 1, part, workspaceId, name]));
}

function utf8(text: string): Bytes {
  return new TextEncoder().encode(text) as Bytes;
}
