/** What use cases need to keep wait tokens. */

import type { WaitToken, WaitTokenStatus } from "../../domain/waitToken/waitToken.ts";
import type { Slice, SliceRequest } from "./slice.ts";

export interface WaitTokenFilter {
  /** Any of them; all when empty. */
  readonly statuses: readonly WaitTokenStatus[];
  readonly idempotencyKey: string | null;
  /** Any of them; all when empty. */
  readonly tags: readonly string[];
  /** Bounds of the creation, `createdFromMs` included, `createdToMs` excluded. */
  readonly createdFromMs: number | null;
  readonly createdToMs: number | null;
}

export interface WaitTokenRepository {
  /**
   * Inserts a token, or answers with the one whose idempotency key holds at this moment. Either way the secret of this
   * hash completes the token from now on; the newest few of a token do.
   */
  insert(token: WaitToken, callbackHash: string, nowMs: number): Promise<WaitToken>;
  find(workspaceId: string, tokenId: string): Promise<WaitToken | null>;
  /** Newest first; `nowMs` tells what has timed out. */
  list(workspaceId: string, filter: WaitTokenFilter, page: SliceRequest, nowMs: number): Promise<Slice<WaitToken>>;
  /** The first completion in time stays; a later one changes nothing. */
  complete(tokenId: string, output: string | null, nowMs: number): Promise<void>;
  /** For callers without a workspace: hashes of the secrets that complete a token. */
  findForCallback(tokenId: string): Promise<{ readonly token: WaitToken; readonly hashes: readonly string[] } | null>;
  /** Removes up to `limit` tokens that were created before `beforeMs` and wait no longer; returns how many. */
  prune(beforeMs: number, nowMs: number, limit: number): Promise<number>;
}
