/** Wait tokens: created, listed, read, and completed once by whoever is waited for. */

import { digestsEqual } from "../../domain/constantTime.ts";
import { distinctTags, tagIssues, TAGS_MOST } from "../../domain/execution/labels.ts";
import { newId } from "../../domain/ids.ts";
import type { JsonValue } from "../../domain/json.ts";
import { ok } from "../../domain/result.ts";
import type { WaitToken } from "../../domain/waitToken/waitToken.ts";
import { waitTokenStatus } from "../../domain/waitToken/waitToken.ts";
import type { Outcome } from "../errors.ts";
import { invalid, notFound, refused } from "../errors.ts";
import type { Slice, SliceRequest } from "../ports/slice.ts";
import type { WaitTokenFilter } from "../ports/waitTokens.ts";
import type { Services } from "../services.ts";
import { drawToken } from "../tokens/newToken.ts";

export interface NewWaitToken {
  /** `null` waits for ever. */
  readonly timeoutAtMs: number | null;
  readonly idempotencyKey: string | null;
  /** How long the key answers with this token; needed with a key. */
  readonly idempotencyUntilMs: number | null;
  readonly tags: readonly string[];
}

export interface CreatedWaitToken {
  readonly token: WaitToken;
  /** Whether the idempotency key led to a token that was there already. */
  readonly isCached: boolean;
  /**
   * Completes the token over its public callback URL. Shown now and never again: only its hash is kept. A cached answer
   * has a secret of its own; the newest five secrets of a token work.
   */
  readonly callbackSecret: string;
}

/** Tells the secret of a callback URL from other secrets of ours, should it leak. */
const CALLBACK_PREFIX = "wpc_";

export async function createWaitToken(
  services: Services,
  workspaceId: string,
  given: NewWaitToken,
): Promise<Outcome<CreatedWaitToken>> {
  const tags = distinctTags(given.tags);
  const issues = tagIssues(given.tags);
  if (issues.length > 0) return invalid(issues);
  if (tags.length > TAGS_MOST) {
    return refused("too_many_tags", `A wait token has ${TAGS_MOST} tags at most; this one would have ${tags.length}.`);
  }
  const nowMs = services.clock.now();
  const wanted: WaitToken = {
    id: newId("waitpoint", nowMs, services.random),
    workspaceId,
    createdAtMs: nowMs,
    timeoutAtMs: given.timeoutAtMs,
    completedAtMs: null,
    idempotencyKey: given.idempotencyKey,
    idempotencyUntilMs: given.idempotencyKey === null ? null : given.idempotencyUntilMs,
    tags,
    output: null,
  };
  const callbackSecret = drawToken(services, CALLBACK_PREFIX);
  const token = await services.waitTokens.insert(wanted, await services.digest(callbackSecret), nowMs);
  return ok({ token, isCached: token.id !== wanted.id, callbackSecret });
}

export async function listWaitTokens(
  services: Services,
  workspaceId: string,
  filter: WaitTokenFilter,
  page: SliceRequest,
): Promise<Slice<WaitToken>> {
  return await services.waitTokens.list(workspaceId, filter, page, services.clock.now());
}

export async function getWaitToken(
  services: Services,
  workspaceId: string,
  tokenId: string,
): Promise<Outcome<WaitToken>> {
  const token = await services.waitTokens.find(workspaceId, tokenId);
  return token === null ? notFound("wait token") : ok(token);
}

/** `undefined` completes it with nothing. A token that was completed before, or has timed out, stays as it is. */
export async function completeWaitToken(
  services: Services,
  workspaceId: string,
  tokenId: string,
  data: JsonValue | undefined,
): Promise<Outcome<null>> {
  const token = await getWaitToken(services, workspaceId, tokenId);
  if (!token.ok) return token;
  await complete(services, token.value, data);
  return ok(null);
}

/** The same for whoever holds a secret of the token's callback URL, and nothing else of the workspace. */
export async function completeByCallback(
  services: Services,
  tokenId: string,
  callbackSecret: string,
  data: JsonValue | undefined,
): Promise<Outcome<null>> {
  const found = await services.waitTokens.findForCallback(tokenId);
  if (found === null) return notFound("wait token");
  const hash = await services.digest(callbackSecret);
  // Each is compared, so that the time says nothing about which one fits.
  const fits = found.hashes.map((known) => digestsEqual(known, hash));
  if (!fits.includes(true)) {
    return refused(
      "unauthorized",
      "This is not the callback URL of the wait token; use the URL that its creation gave.",
    );
  }
  await complete(services, found.token, data);
  return ok(null);
}

async function complete(services: Services, token: WaitToken, data: JsonValue | undefined): Promise<void> {
  const nowMs = services.clock.now();
  if (waitTokenStatus(token, nowMs) !== "WAITING") return;
  await services.waitTokens.complete(token.id, data === undefined ? null : JSON.stringify(data), nowMs);
}
