/** A workspace's signing keys and how long each is used: the newest without end, older ones until their overlap is over. */

export interface SigningKey {
  readonly id: string;
  readonly workspaceId: string;
  readonly createdAtMs: number;
  /** From this moment on the key signs nothing; `null` for the current one. */
  readonly expiresAtMs: number | null;
}

/** A day: time to give the new key to every receiver. */
export const OVERLAP_SECONDS_DEFAULT = 24 * 60 * 60;
export const OVERLAP_SECONDS_MOST = 30 * 24 * 60 * 60;

/** Each valid key is a signature in every request; more would only come of rotating without waiting. */
export const VALID_KEYS_MOST = 5;

export function isValidAt(key: Pick<SigningKey, "expiresAtMs">, nowMs: number): boolean {
  return key.expiresAtMs === null || key.expiresAtMs > nowMs;
}

/** The name that a signing key is sealed under. No secret can have it, so no envelope of one opens as the other. */
export function signingKeyIdentity(key: Pick<SigningKey, "id" | "workspaceId">): {
  readonly workspaceId: string;
  readonly name: string;
} {
  return { workspaceId: key.workspaceId, name: `signing-key/${key.id}` };
}
