/**
 * Published unit prices of Workers Paid, in US dollars, as of 2026-11-21, without the monthly allowances: what one more
 * costs. Sources: Cloudflare's pages on the pricing of Workers, Durable Objects, Queues and D1, as the project's platform
 * facts quote them (section 5).
 */

export const PRICES_AS_OF = "2026-11-21";

const MILLION = 1_000_000;

export const PRICES = {
  workerRequest: 0.3 / MILLION,
  workerCpuMs: 0.02 / MILLION,
  actorRequest: 0.15 / MILLION,
  actorGigabyteSecond: 12.5 / MILLION,
  actorRowRead: 0.001 / MILLION,
  actorRowWritten: 1 / MILLION,
  queueOperation: 0.4 / MILLION,
  d1RowRead: 0.001 / MILLION,
  d1RowWritten: 1 / MILLION,
} as const;

/** Memory that an object is billed for while it is awake. */
export const ACTOR_GIGABYTES = 0.128;

/**
 * Assumed, because nothing here can tell: how long an object is awake for one attempt. The platform publishes a median of
 * 60 ms for sending to a queue, during which the alarm waits (facts 2); the rest is short.
 */
export const ACTOR_SECONDS_PER_ATTEMPT = 0.1;
