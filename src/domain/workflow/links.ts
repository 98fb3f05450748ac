/**
 * Capability links: whoever has one may resume a `wait_for_webhook` step or decide an approval, and nothing else.
 *
 * A link's token is a keyed hash of its purpose and its step's path under a random key of the execution, so it can be
 * worked out wherever it is needed, nothing has to be stored for it, and a service that was given a callback link cannot
 * make itself an approval link. It is one-time because a step waits once.
 */

import { hmacSha256Hex } from "../signing/sha256.ts";

/** 128 bits. */
const TOKEN_CHARACTERS = 32;

export type LinkPurpose = "callback" | "approval";

export interface LinkContext {
  /** Without a slash at its end; `null` gives links that begin with their path. */
  readonly publicUrl: string | null;
  readonly executionId: string;
  readonly key: string;
}

export function linkToken(key: string, purpose: LinkPurpose, path: string): string {
  return hmacSha256Hex(key, `${purpose}:${path}`).slice(0, TOKEN_CHARACTERS);
}

/** Takes the same time wherever the first difference is. */
export function isLinkToken(token: string, key: string, purpose: LinkPurpose, path: string): boolean {
  const expected = linkToken(key, purpose, path);
  if (token.length !== expected.length) return false;
  let difference = 0;
  for (let index = 0; index < expected.length; index += 1) {
    difference |= token.charCodeAt(index) ^ expected.charCodeAt(index);
  }
  return difference === 0;
}

/** `{{waits.ID.url}}`: POST resumes the step with the body. */
export function callbackUrl(context: LinkContext, path: string): string {
  return linkUrl(context, "callback", "callbacks", path);
}

/** `{{approvals.ID.…}}`: pages that show what is to be decided and decide on POST only. */
export function approvalUrls(
  context: LinkContext,
  path: string,
): { url: string; approve_url: string; reject_url: string } {
  const url = linkUrl(context, "approval", "approvals", path);
  return { url, approve_url: `${url}?decision=approve`, reject_url: `${url}?decision=reject` };
}

function linkUrl(context: LinkContext, purpose: LinkPurpose, route: string, path: string): string {
  const { publicUrl, executionId, key } = context;
  return `${publicUrl ?? ""}/v1/${route}/${executionId}/${encodeURIComponent(path)}/${linkToken(key, purpose, path)}`;
}
