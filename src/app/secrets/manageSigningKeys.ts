/** The signing keys of a workspace: which are in use, and a new one in the place of the current one. */

import { newId } from "../../domain/ids.ts";
import { ok } from "../../domain/result.ts";
import type { SigningKey } from "../../domain/signing/signingKey.ts";
import { VALID_KEYS_MOST, signingKeyIdentity } from "../../domain/signing/signingKey.ts";
import type { Outcome } from "../errors.ts";
import { refused } from "../errors.ts";
import type { Services } from "../services.ts";
import { openVault } from "./masterKey.ts";

export async function listSigningKeys(services: Services, workspaceId: string): Promise<readonly SigningKey[]> {
  return await services.signingKeys.list(workspaceId, services.clock.now());
}

export interface RotatedSigningKey {
  readonly key: SigningKey;
  /** In the form that receivers configure; shown this once. */
  readonly secret: string;
  readonly previous: readonly SigningKey[];
}

/**
 * The first call gives a workspace its key and makes it sign. Later ones add a key; the ones before sign on beside it for
 * the overlap, so that receivers can change over one by one. A call whose answer was lost can simply be made again.
 */
export async function rotateSigningKey(
  services: Services,
  workspaceId: string,
  overlapSeconds: number,
): Promise<Outcome<RotatedSigningKey>> {
  const vault = await openVault(services);
  if (!vault.ok) return vault;
  const nowMs = services.clock.now();
  const key: SigningKey = {
    id: newId("key", nowMs, services.random),
    workspaceId,
    createdAtMs: nowMs,
    expiresAtMs: null,
  };
  const secret = vault.value.drawSigningKey();
  const sealed = await vault.value.seal(signingKeyIdentity(key), secret);
  const rotated = await services.signingKeys.rotate(key, sealed, nowMs + overlapSeconds * 1_000);
  if (rotated === "full") {
    return refused(
      "too_many_signing_keys",
      `${VALID_KEYS_MOST} keys are valid at this moment, and each signs every request. Wait until one has expired, or end all of them now with overlap_seconds 0.`,
    );
  }
  services.forgetSigningKeys(workspaceId);
  const valid = await services.signingKeys.list(workspaceId, nowMs);
  return ok({ key, secret, previous: valid.filter(({ id }) => id !== key.id) });
}
