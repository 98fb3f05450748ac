/** A secret as everybody may see it: all but its value, which only an attempt reads. */

export interface Secret {
  readonly id: string;
  readonly workspaceId: string;
  /** Unique in its workspace; see `isSecretName`. */
  readonly name: string;
  /** The seed's label (TrigRun "Secrets"); it scopes nothing. */
  readonly environment: string;
  /** Starts at 1 and rises with every new value. */
  readonly revision: number;
  readonly createdAtMs: number;
  readonly updatedAtMs: number;
}

/** Of the value in UTF-8: what Cloudflare's own Secrets Store takes. */
export const SECRET_VALUE_BYTES_MOST = 64 * 1_024;

/** The seed's value (TrigRun "Secrets"). */
export const DEFAULT_ENVIRONMENT = "workspace";

/** On the wire, as the seed writes it. */
export function keyVersion(revision: number): string {
  return `v${revision}`;
}

/** What is wrong with a value, as the rest of a sentence, or `null`. The value itself is never part of it. */
export function valueProblem(value: string): string | null {
  // Half a surrogate pair has no UTF-8: the secret would be sent as another one than was given.
  if (!value.isWellFormed()) return "must be text that UTF-8 can carry, without unpaired surrogates";
  const bytes = new TextEncoder().encode(value).length;
  return bytes >= 1 && bytes <= SECRET_VALUE_BYTES_MOST
    ? null
    : `must be text of 1 to ${SECRET_VALUE_BYTES_MOST} bytes`;
}
