/** What opens a job to webhooks (the token in its URL), and what their senders sign with. */

/** The token itself is not here: it is looked up by its hash. */
export interface TriggerToken {
  /** SHA-256 of the token, in hex. */
  readonly hash: string;
  readonly jobId: string;
  readonly workspaceId: string;
  readonly createdAtMs: number;
}

/** Never changed: a new value is a new secret, so a definition that names one means that value. */
export interface SealedWebhookSecret {
  readonly id: string;
  readonly jobId: string;
  readonly workspaceId: string;
  readonly createdAtMs: number;
}

/** Begins every token, for people and for scanners. */
export const TRIGGER_TOKEN_PREFIX = "whk_";

export const OVERLAP_SECONDS_MOST = 30 * 24 * 60 * 60;

/** The name that a token is sealed under. No secret can have it, so no envelope of one opens as the other. */
export function tokenIdentity(token: Pick<TriggerToken, "hash" | "workspaceId">): SealedFor {
  return { workspaceId: token.workspaceId, name: `trigger-token/${token.hash}` };
}

export function webhookSecretIdentity(secret: Pick<SealedWebhookSecret, "id" | "workspaceId">): SealedFor {
  return { workspaceId: secret.workspaceId, name: `webhook-secret/${secret.id}` };
}

interface SealedFor {
  readonly workspaceId: string;
  readonly name: string;
}
