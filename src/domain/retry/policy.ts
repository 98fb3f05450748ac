/** When an attempt is retried, and how long after: the seed's policy by default (TrigRun "Retry behavior"). */

import type { FieldIssue } from "../issue.ts";

export const BACKOFF_TYPES = ["exponential", "fixed", "linear", "list"] as const;

/** On the wire: `type`, `initial_ms`, `factor`, `max_ms`, `jitter`, `list_ms`. */
export interface Backoff {
  readonly type: (typeof BACKOFF_TYPES)[number];
  /** The wait after the first failed attempt, before jitter. */
  readonly initialMs: number;
  /** What each further wait is multiplied with; `exponential` only. */
  readonly factor: number;
  /** No computed wait is longer than this; a `Retry-After` may be. */
  readonly maxMs: number;
  readonly jitter: boolean;
  /** The waits one by one, the last one repeating; `list` only. */
  readonly listMs: readonly number[];
}

/** On the wire: `max_attempts`, `retry_on_statuses`, `retry_on_mismatch`, `backoff`, `max_duration_seconds`. */
export interface RetryPolicy {
  /** 1 to 10, the first attempt included. */
  readonly maxAttempts: number;
  /** Statuses that are worth another attempt; timeouts and connection errors always are. */
  readonly retryOnStatuses: readonly number[];
  /** Whether a success status whose body breaks a response rule is retried; not in the seed. */
  readonly retryOnMismatch: boolean;
  readonly backoff: Backoff;
  /** Bounds the whole execution, waits included; `null` leaves it to the attempts. */
  readonly maxDurationSeconds: number | null;
}

const FIFTEEN_MINUTES_MS = 15 * 60 * 1_000;

/** A target may ask for patience, not for ever: the longest `Retry-After` that is followed. */
const MAX_RETRY_AFTER_MS = FIFTEEN_MINUTES_MS;
/** The longest wait that a policy may name; a day, as timers are cheap but executions are kept alive meanwhile. */
export const MAX_BACKOFF_MS = 24 * 60 * 60 * 1_000;
/** Thirty days, beyond which an execution is a schedule. */
const MAX_DURATION_SECONDS = 30 * 24 * 60 * 60;

/**
 * The seed's numbers: 3 attempts; 429, 500, 502, 503, 504; `250 ms * 2^attempt` with jitter, where `attempt` is the
 * number of the attempt that just failed. As `initialMs` is the wait after the first one, 250 ms * 2^1 = 500 ms.
 */
export const RETRY_DEFAULTS: RetryPolicy = {
  maxAttempts: 3,
  retryOnStatuses: [429, 500, 502, 503, 504],
  retryOnMismatch: false,
  backoff: {
    type: "exponential",
    initialMs: 500,
    factor: 2,
    maxMs: FIFTEEN_MINUTES_MS,
    jitter: true,
    listMs: [],
  },
  maxDurationSeconds: null,
};

/**
 * Milliseconds to wait after attempt `failedAttempt` (1 is the first) failed. Nominal waits:
 *
 * | type | nominal wait after attempt n | defaults, n = 1, 2, 3, … |
 * | --- | --- | --- |
 * | exponential | min(maxMs, initialMs * factor^(n - 1)) | 500, 1,000, 2,000, 4,000, 8,000, 16,000, 32,000, 64,000, 128,000 |
 * | fixed | min(maxMs, initialMs) | 500, 500, 500, … |
 * | linear | min(maxMs, initialMs * n) | 500, 1,000, 1,500, … |
 * | list | min(maxMs, listMs[n - 1], or its last) | |
 *
 * With jitter the wait is `nominal * (0.5 + random / 2)`: between half of the nominal wait and all of it. Half is kept
 * so that a struggling target gets a real rest (full jitter may retry at once), and nothing is added so that the table
 * stays an upper bound that `max_duration_seconds` can be planned with. Executions that failed together spread over
 * half the wait.
 *
 * `retryAfterMs` (of the response, or `null`) lengthens the wait and never shortens it, up to 15 minutes.
 */
export function retryDelayMs(
  policy: RetryPolicy,
  failedAttempt: number,
  random: number,
  retryAfterMs: number | null,
): number {
  const { backoff } = policy;
  const nominal = Math.min(backoff.maxMs, nominalMs(backoff, failedAttempt));
  const wait = Math.round(backoff.jitter ? nominal * (0.5 + random / 2) : nominal);
  return Math.max(wait, Math.min(retryAfterMs ?? 0, MAX_RETRY_AFTER_MS));
}

function nominalMs(backoff: Backoff, failedAttempt: number): number {
  switch (backoff.type) {
    case "exponential":
      return backoff.initialMs * backoff.factor ** (failedAttempt - 1);
    case "fixed":
      return backoff.initialMs;
    case "linear":
      return backoff.initialMs * failedAttempt;
    case "list":
      return backoff.listMs[Math.min(failedAttempt, backoff.listMs.length) - 1] ?? backoff.initialMs;
  }
}

/**
 * The wait that a `Retry-After` header asks for (RFC 9110 section 10.2.3: seconds, or a date in any of the three HTTP
 * forms), in milliseconds from `nowMs`; 0 for a date that has passed, `null` when absent or not understood.
 */
export function parseRetryAfter(value: string | null, nowMs: number): number | null {
  const text = value?.trim() ?? "";
  if (/^\d+$/.test(text)) return Number(text) * 1_000;
  // IMF-fixdate and RFC 850 end in GMT; asctime has no zone and means GMT.
  if (!/^(mon|tue|wed|thu|fri|sat|sun)[a-z]*,? /i.test(text)) return null;
  const atMs = Date.parse(/ GMT$/i.test(text) ? text : `${text} GMT`);
  return Number.isNaN(atMs) ? null : Math.max(0, atMs - nowMs);
}

/** Everything wrong with a policy at save time; `basePath` is where it stands, such as `retry_policy`. */
export function validateRetryPolicy(policy: RetryPolicy, basePath: string): FieldIssue[] {
  const issues: FieldIssue[] = [];
  const check = (good: boolean, field: string, message: string): void => {
    if (!good) issues.push({ path: `${basePath}.${field}`, message });
  };
  const isWait = (ms: number): boolean => Number.isInteger(ms) && ms >= 0 && ms <= MAX_BACKOFF_MS;
  const waitRange = `must be a whole number of milliseconds from 0 to ${MAX_BACKOFF_MS} (a day)`;
  check(isWithin(policy.maxAttempts, 1, 10), "max_attempts", "must be a whole number from 1 to 10");
  for (const [index, status] of policy.retryOnStatuses.entries()) {
    check(isWithin(status, 100, 599), `retry_on_statuses[${index}]`, "must be an HTTP status from 100 to 599");
  }
  const { backoff, maxDurationSeconds } = policy;
  check(isWait(backoff.initialMs), "backoff.initial_ms", waitRange);
  check(isWait(backoff.maxMs), "backoff.max_ms", waitRange);
  check(backoff.factor >= 1 && backoff.factor <= 10, "backoff.factor", "must be a number from 1 to 10");
  if (backoff.type === "list") {
    const count = backoff.listMs.length;
    check(count >= 1 && count <= 10, "backoff.list_ms", 'must have 1 to 10 waits when type is "list"');
  } else {
    check(backoff.listMs.length === 0, "backoff.list_ms", 'is only for type "list"');
  }
  for (const [index, ms] of backoff.listMs.entries()) check(isWait(ms), `backoff.list_ms[${index}]`, waitRange);
  check(
    maxDurationSeconds === null || isWithin(maxDurationSeconds, 1, MAX_DURATION_SECONDS),
    "max_duration_seconds",
    `must be a whole number of seconds from 1 to ${MAX_DURATION_SECONDS} (30 days), or null`,
  );
  return issues;
}

function isWithin(value: number, least: number, most: number): boolean {
  return Number.isInteger(value) && value >= least && value <= most;
}
