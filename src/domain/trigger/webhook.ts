/** The `webhook` block of a job that webhooks start: what is asked of them before they do. */

import type { RateLimit } from "./tokenBuckets.ts";
import type { Condition } from "../workflow/conditions.ts";
import type { Verification } from "./verification.ts";

/** Where an event names itself, so that one that is delivered twice is seen to be the same. */
export interface Dedupe {
  readonly by: { readonly header: string } | { readonly path: string };
  readonly windowSeconds: number;
}

export interface WebhookSpec {
  /** `null`: whoever knows the URL may start the job. */
  readonly verification: Verification | null;
  readonly dedupe: Dedupe | null;
  /** Over `trigger`; what does not match starts nothing. */
  readonly filter: Condition | null;
  readonly rateLimit: RateLimit;
}

export const RATE_LIMIT_DEFAULT: RateLimit = { requests: 60, perSeconds: 10 };

export const WEBHOOK_DEFAULTS: WebhookSpec = {
  verification: null,
  dedupe: null,
  filter: null,
  rateLimit: RATE_LIMIT_DEFAULT,
};
