/**
 * Signs requests with the keys of their workspace.
 *
 * - What a workspace has, "no key" included, is kept in the isolate for 30 s, so that an attempt costs no read of D1. A
 *   rotation is therefore obeyed within 30 s everywhere, and at once in the isolate that made it.
 * - A key that does not open is never left out: a request that its receiver expects to be signed is not sent unsigned.
 * - With D1 out of reach the isolate goes on with what it knew last, however old. Where it never knew anything, requests
 *   go out unsigned and it is reported: most workspaces have no key, and with D1 down firing goes on (DESIGN section 2,
 *   number 5); a receiver that insists on a signature refuses such a request by itself.
 */

import type { Signer, SigningKeyRepository } from "../app/ports.ts";
import { err, ok } from "../domain/result.ts";
import type { Result } from "../domain/result.ts";
import { BoundedCache } from "../domain/schedule/boundedCache.ts";
import type { SigningKey } from "../domain/signing/signingKey.ts";
import { isValidAt, signingKeyIdentity } from "../domain/signing/signingKey.ts";
import { signatureHeaders } from "../domain/signing/standardWebhooks.ts";
import { open, parseEnvelope } from "./envelope.ts";
import type { Keyring } from "./keyring.ts";
import { importSigningKey, sign } from "./signing.ts";

const CACHED_FOR_MS = 30_000;
/** How long an isolate does without asking again once D1 was out of reach. */
const FAULT_CACHED_FOR_MS = 5_000;
const WORKSPACES_MOST = 1_000;

interface LoadedKey extends Pick<SigningKey, "id" | "expiresAtMs"> {
  readonly key: CryptoKey;
}

/** Newest first; the error is a sentence about keys that are there and do not open. */
type LoadedKeys = Result<readonly LoadedKey[], string>;

interface Entry {
  readonly keys: LoadedKeys;
  readonly freshUntilMs: number;
}

/** What one isolate knows of its workspaces. */
export class SigningKeyCache {
  readonly #entries = new BoundedCache<string, Entry>(WORKSPACES_MOST);

  get(workspaceId: string): Entry | undefined {
    return this.#entries.get(workspaceId);
  }

  put(workspaceId: string, entry: Entry): void {
    this.#entries.set(workspaceId, entry);
  }

  /** After a rotation: the keys are read again before the next use, and are still known should D1 be out of reach. */
  expire(workspaceId: string): void {
    const entry = this.#entries.get(workspaceId);
    if (entry !== undefined) this.#entries.set(workspaceId, { ...entry, freshUntilMs: 0 });
  }
}

export interface SignerDeps {
  readonly signingKeys: Pick<SigningKeyRepository, "readSealed">;
  /** Parses the master keys; the error is a sentence for the operator. */
  readonly keyring: () => Promise<Result<Keyring, string>>;
  readonly cache: SigningKeyCache;
  readonly report: (event: string, fault: unknown) => void;
}

/** For one invocation: its attempts share the reading of keys. */
export function createSigner(deps: SignerDeps): Signer {
  const reading = new Map<string, Promise<LoadedKeys>>();

  async function keysOf(workspaceId: string, nowMs: number): Promise<LoadedKeys> {
    const known = deps.cache.get(workspaceId);
    if (known !== undefined && nowMs < known.freshUntilMs) return known.keys;
    const underWay = reading.get(workspaceId);
    if (underWay !== undefined) return await underWay;
    const read = readKeys(workspaceId, nowMs, known?.keys ?? ok([])).finally(() => reading.delete(workspaceId));
    reading.set(workspaceId, read);
    return await read;
  }

  async function readKeys(workspaceId: string, nowMs: number, otherwise: LoadedKeys): Promise<LoadedKeys> {
    let stored: Awaited<ReturnType<SigningKeyRepository["readSealed"]>>;
    try {
      stored = await deps.signingKeys.readSealed(workspaceId, nowMs);
    } catch (fault) {
      deps.report("signing_keys.read_failed", fault);
      deps.cache.put(workspaceId, { keys: otherwise, freshUntilMs: nowMs + FAULT_CACHED_FOR_MS });
      return otherwise;
    }
    const keys = stored.length === 0 ? ok([]) : await openAll(stored, deps.keyring);
    deps.cache.put(workspaceId, { keys, freshUntilMs: nowMs + CACHED_FOR_MS });
    return keys;
  }

  return {
    async sign(workspaceId, id, nowMs, body) {
      const keys = await keysOf(workspaceId, nowMs);
      if (!keys.ok) return keys;
      const valid = keys.value.filter((key) => isValidAt(key, nowMs));
      if (valid.length === 0) return ok([]);
      const seconds = Math.floor(nowMs / 1_000);
      const signatures = await Promise.all(valid.map(({ key }) => sign(key, id, seconds, body)));
      return ok(Object.entries(signatureHeaders(id, seconds, signatures)));
    },
  };
}

async function openAll(
  stored: Awaited<ReturnType<SigningKeyRepository["readSealed"]>>,
  readKeyring: SignerDeps["keyring"],
): Promise<LoadedKeys> {
  const keyring = await readKeyring();
  if (!keyring.ok) return err(`this instance cannot decrypt: ${keyring.error}`);
  const keys: LoadedKey[] = [];
  for (const each of stored) {
    const key = await openKey(each, keyring.value);
    if (key === null) {
      return err(
        `the signing key ${each.id} cannot be decrypted with the master keys of this instance; bind the one that it is under, or rotate with POST /v1/signing-keys/rotate and overlap_seconds 0`,
      );
    }
    keys.push({ id: each.id, expiresAtMs: each.expiresAtMs, key });
  }
  return ok(keys);
}

async function openKey(
  stored: SigningKey & { readonly envelope: string },
  keyring: Keyring,
): Promise<CryptoKey | null> {
  const envelope = parseEnvelope(stored.envelope);
  if (!envelope.ok) return null;
  const text = await open(envelope.value, keyring, signingKeyIdentity(stored));
  if (!text.ok) return null;
  const key = await importSigningKey(text.value);
  return key.ok ? key.value : null;
}
