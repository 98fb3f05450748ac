/**
 * How often each key may be used: a bucket per key that holds `requests` tokens and fills again in `perSeconds`.
 *
 * Bounded: of more than `mostKeys` the one that was used longest ago is forgotten, and begins with a full bucket should
 * it come again. A key that is hammered is never that one.
 */

export interface RateLimit {
  readonly requests: number;
  readonly perSeconds: number;
}

interface Bucket {
  readonly limit: RateLimit;
  readonly tokens: number;
  readonly atMs: number;
}

export class TokenBuckets {
  readonly #buckets = new Map<string, Bucket>();
  readonly #mostKeys: number;
  readonly #defaultLimit: RateLimit;

  constructor(mostKeys: number, defaultLimit: RateLimit) {
    this.#mostKeys = mostKeys;
    this.#defaultLimit = defaultLimit;
  }

  /** Takes a token; returns `null`, or the whole seconds after which there is one again. */
  take(key: string, nowMs: number): number | null {
    const bucket = this.#filled(key, nowMs);
    const isFree = bucket.tokens >= 1;
    this.#put(key, isFree ? { ...bucket, tokens: bucket.tokens - 1 } : bucket);
    return isFree ? null : Math.max(1, Math.ceil((1 - bucket.tokens) / rate(bucket.limit)));
  }

  /** The limit that the key has; what was taken before it was known counts. */
  setLimit(key: string, limit: RateLimit, nowMs: number): void {
    const bucket = this.#filled(key, nowMs);
    if (bucket.limit.requests === limit.requests && bucket.limit.perSeconds === limit.perSeconds) return;
    const taken = bucket.limit.requests - bucket.tokens;
    this.#put(key, { limit, tokens: Math.max(0, limit.requests - taken), atMs: bucket.atMs });
  }

  #filled(key: string, nowMs: number): Bucket {
    const bucket = this.#buckets.get(key);
    if (bucket === undefined) return { limit: this.#defaultLimit, tokens: this.#defaultLimit.requests, atMs: nowMs };
    // A clock that was set back fills nothing.
    const elapsedSeconds = Math.max(0, nowMs - bucket.atMs) / 1_000;
    const tokens = Math.min(bucket.limit.requests, bucket.tokens + elapsedSeconds * rate(bucket.limit));
    return { ...bucket, tokens, atMs: nowMs };
  }

  #put(key: string, bucket: Bucket): void {
    // Put anew, so that the map is in the order of use.
    this.#buckets.delete(key);
    this.#buckets.set(key, bucket);
    if (this.#buckets.size <= this.#mostKeys) return;
    const oldest = this.#buckets.keys().next();
    if (oldest.done !== true) this.#buckets.delete(oldest.value);
  }
}

/** Tokens per second. */
function rate({ requests, perSeconds }: RateLimit): number {
  return requests / perSeconds;
}
