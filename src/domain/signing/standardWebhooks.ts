/** Standard Webhooks (https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md): what is signed and how it is sent. */

export const WEBHOOK_ID_HEADER = "webhook-id";
export const WEBHOOK_TIMESTAMP_HEADER = "webhook-timestamp";
export const WEBHOOK_SIGNATURE_HEADER = "webhook-signature";

/** Before the base64 of a symmetric key. */
export const SIGNING_KEY_PREFIX = "whsec_";
/** The spec: 24 bytes (192 bits) to 64 bytes (512 bits). */
export const MIN_SIGNING_KEY_BYTES = 24;
export const MAX_SIGNING_KEY_BYTES = 64;

/** What a signature covers. `body` is the text exactly as it is sent, empty for none; the id must hold no `.`. */
export function signedContent(id: string, timestampSeconds: number, body: string): string {
  return `${id}.${timestampSeconds}.${body}`;
}

/** One symmetric signature (HMAC-SHA256, base64) in its versioned form. */
export function versionedSignature(base64: string): string {
  return `v1,${base64}`;
}

/**
 * The headers of a signed request. During a rotation there is a signature per valid key, newest first, separated by
 * spaces; a receiver accepts the request when it knows any of them.
 */
export function signatureHeaders(
  id: string,
  timestampSeconds: number,
  signatures: readonly string[],
): Record<string, string> {
  return {
    [WEBHOOK_ID_HEADER]: id,
    [WEBHOOK_TIMESTAMP_HEADER]: String(timestampSeconds),
    [WEBHOOK_SIGNATURE_HEADER]: signatures.join(" "),
  };
}
