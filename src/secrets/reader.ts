/**
 * Reads the values of secrets for one attempt.
 *
 * Guarantee: plaintext is returned and never kept. What the isolate keeps is the key of a value, by the value's id and
 * revision, and that key cannot be exported; so an attempt costs one read of D1 and one decryption per secret, and a new
 * value is used by the very next attempt.
 */

import type { SealedSecret, SecretReader, SecretRepository } from "../app/ports.ts";
import { err, ok } from "../domain/result.ts";
import type { Result } from "../domain/result.ts";
import { BoundedCache } from "../domain/schedule/boundedCache.ts";
import { openDataKey, openValue, parseEnvelope } from "./envelope.ts";
import type { SecretIdentity } from "./envelope.ts";
import type { Keyring } from "./keyring.ts";

const DATA_KEYS_MOST = 1_000;

export type DataKeyCache = BoundedCache<string, CryptoKey>;

export function createDataKeyCache(): DataKeyCache {
  return new BoundedCache(DATA_KEYS_MOST);
}

export interface SecretReaderDeps {
  readonly secrets: Pick<SecretRepository, "readSealed">;
  /** Parses the master keys; the error is a sentence for the operator. */
  readonly keyring: () => Promise<Result<Keyring, string>>;
  readonly dataKeys: DataKeyCache;
  readonly report: (event: string, fault: unknown) => void;
}

export function createSecretReader(deps: SecretReaderDeps): SecretReader {
  return {
    async read(workspaceId, names) {
      const keyring = await deps.keyring();
      // No retry can mend it: somebody has to deploy a key.
      if (!keyring.ok) return err({ message: `this instance cannot decrypt: ${keyring.error}`, transient: false });
      let stored: readonly SealedSecret[];
      try {
        stored = await deps.secrets.readSealed(workspaceId, names);
      } catch (fault) {
        deps.report("secrets.read_failed", fault);
        return err({ message: "the database with the secrets could not be reached", transient: true });
      }
      const opened = await Promise.all(
        stored.map(async (secret) => {
          const value = await openSecret(secret, { workspaceId, name: secret.name }, keyring.value, deps.dataKeys);
          return value === null ? [] : [[secret.name, value] as const];
        }),
      );
      return ok(new Map(opened.flat()));
    },
  };
}

/** `null` when it does not open, whatever the reason. */
async function openSecret(
  secret: SealedSecret,
  identity: SecretIdentity,
  keyring: Keyring,
  dataKeys: DataKeyCache,
): Promise<string | null> {
  const envelope = parseEnvelope(secret.envelope);
  if (!envelope.ok) return null;
  const version = `${secret.id}@${secret.revision}`;
  let dataKey = dataKeys.get(version);
  if (dataKey === undefined) {
    const opened = await openDataKey(envelope.value, keyring, identity);
    if (!opened.ok) return null;
    dataKey = opened.value;
    dataKeys.set(version, dataKey);
  }
  const value = await openValue(envelope.value, dataKey, identity);
  return value.ok ? value.value : null;
}
