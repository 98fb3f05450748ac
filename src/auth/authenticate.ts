/** From a token to whoever it speaks for. */

import type { Clock } from "../domain/clock.ts";
import type { Token } from "../domain/workspace/workspace.ts";
import { digestsEqual } from "../domain/constantTime.ts";

export type Principal = { readonly type: "operator" } | { readonly type: "token"; readonly token: Token };

export interface TokenLookup {
  readonly clock: Clock;
  digest(text: string): Promise<string>;
  /** `null` when no operator token is configured. */
  readonly adminToken: string | null;
  readonly tokens: { findByHash(hash: string): Promise<Token | null> };
}

/** `null` for a token that opens nothing. */
export async function authenticate(secret: string, lookup: TokenLookup, cache: TokenCache): Promise<Principal | null> {
  const hash = await lookup.digest(secret);
  const nowMs = lookup.clock.now();
  // First, because it is what most calls end with, and spares the digest of the operator's token.
  const known = cache.get(hash, nowMs);
  if (known !== null) return { type: "token", token: known };
  if (lookup.adminToken !== null && digestsEqual(hash, await lookup.digest(lookup.adminToken))) {
    return { type: "operator" };
  }
  const token = await lookup.tokens.findByHash(hash);
  if (token === null) return null;
  cache.put(token, nowMs);
  return { type: "token", token };
}

/** Long enough that a burst of calls reads the database once, short enough for a revoked token to be dead while one waits. */
const CACHED_FOR_MS = 5_000;
const CACHED_MOST = 1_000;

/**
 * Tokens that were good a moment ago, by their hash, so that triggering a job at full speed does not cost a database
 * read each. Only hits are kept. A token deleted through this isolate is forgotten at once; in another one it may be
 * accepted for `CACHED_FOR_MS` more.
 */
export class TokenCache {
  readonly #entries = new Map<string, { readonly token: Token; readonly untilMs: number }>();

  get(hash: string, nowMs: number): Token | null {
    const entry = this.#entries.get(hash);
    if (entry === undefined) return null;
    if (entry.untilMs > nowMs) return entry.token;
    this.#entries.delete(hash);
    return null;
  }

  put(token: Token, nowMs: number): void {
    if (this.#entries.size >= CACHED_MOST) this.#entries.clear();
    this.#entries.set(token.hash, { token, untilMs: nowMs + CACHED_FOR_MS });
  }

  forget(tokenId: string): void {
    for (const [hash, { token }] of this.#entries) if (token.id === tokenId) this.#entries.delete(hash);
  }
}
