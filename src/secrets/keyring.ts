/** The master keys that a Worker is given: the current one, and during a rotation the previous one. */

import { err, ok } from "../domain/result.ts";
import type { Result } from "../domain/result.ts";
import { fromBase64 } from "./base64.ts";
import type { Bytes } from "./base64.ts";

export interface MasterKey {
  /** The first 8 hex digits of the key's SHA-256: tells keys apart and nothing about them. */
  readonly id: string;
  readonly bytes: Bytes;
}

export interface Keyring {
  /** Seals. */
  readonly current: MasterKey;
  /** Still opens; `null` outside a rotation. */
  readonly previous: MasterKey | null;
}

const MIN_KEY_BYTES = 32;
const HOW_TO_MAKE_ONE = "make one with `openssl rand -base64 32` and set it with `wrangler secret put`";

/**
 * Reads the two Worker secrets. A master key is base64 (standard or URL-safe) of at least 32 bytes: passphrases are
 * refused, since nothing here stretches them. The error is a sentence for the operator and never holds the key.
 */
export async function parseKeyring(bindings: {
  readonly MASTER_KEY?: string | undefined;
  readonly MASTER_KEY_PREVIOUS?: string | undefined;
}): Promise<Result<Keyring, string>> {
  if (!bindings.MASTER_KEY) return err(`MASTER_KEY is not set: ${HOW_TO_MAKE_ONE}`);
  const current = await parseMasterKey("MASTER_KEY", bindings.MASTER_KEY);
  if (!current.ok) return current;
  if (!bindings.MASTER_KEY_PREVIOUS) return ok({ current: current.value, previous: null });
  const previous = await parseMasterKey("MASTER_KEY_PREVIOUS", bindings.MASTER_KEY_PREVIOUS);
  if (!previous.ok) return previous;
  return ok({ current: current.value, previous: previous.value });
}

async function parseMasterKey(name: string, text: string): Promise<Result<MasterKey, string>> {
  const bytes = fromBase64(text.trim());
  if (!bytes.ok || bytes.value.length < MIN_KEY_BYTES) {
    return err(`${name} must be base64 of at least ${MIN_KEY_BYTES} random bytes: ${HOW_TO_MAKE_ONE}`);
  }
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes.value));
  const id = Array.from(digest.slice(0, 4), (byte) => byte.toString(16).padStart(2, "0")).join("");
  return ok({ id, bytes: bytes.value });
}

/** The key with this id, or `null`. */
export function findKey(keyring: Keyring, id: string): MasterKey | null {
  if (keyring.current.id === id) return keyring.current;
  return keyring.previous?.id === id ? keyring.previous : null;
}
