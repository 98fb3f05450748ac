/** The master keys at work for the API: seals what comes in, and wraps anew what is under an old key. */

import type { Vault } from "../app/ports.ts";
import { err, ok } from "../domain/result.ts";
import { parseEnvelope, randomBytes, rewrap, seal, serializeEnvelope } from "./envelope.ts";
import type { Envelope } from "./envelope.ts";
import type { Keyring } from "./keyring.ts";
import { generateSigningKey } from "./signing.ts";

export function createVault(keyring: Keyring): Vault {
  const toSealed = (envelope: Envelope) => ({ envelope: serializeEnvelope(envelope), masterKeyId: envelope.kid });
  return {
    currentKeyId: keyring.current.id,
    previousKeyId: keyring.previous?.id ?? null,
    seal: async (owner, value) => toSealed(await seal(keyring.current, owner, value)),
    async rewrap(owner, text) {
      const envelope = parseEnvelope(text);
      if (!envelope.ok) return err("corrupt");
      const rewrapped = await rewrap(envelope.value, keyring, owner);
      return rewrapped.ok ? ok(toSealed(rewrapped.value)) : rewrapped;
    },
    drawSigningKey: () => generateSigningKey(randomBytes),
  };
}
