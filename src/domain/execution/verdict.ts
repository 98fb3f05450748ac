/**
 * What an attempt means for its execution: the one place where retry rules are applied. Pure, and worked out by the
 * holder of the claim, who passes it to `finish`; so the record that is written ahead of `finish` and the state that
 * `finish` leaves cannot disagree.
 */

import type { JsonValue } from "../json.ts";
import type { RetryPolicy } from "../retry/policy.ts";
import { retryDelayMs } from "../retry/policy.ts";
import type { Attempt } from "./attempt.ts";
import type { ExecutionError } from "./execution.ts";

export type Verdict =
  | { readonly type: "succeed"; readonly output: Readonly<Record<string, JsonValue>> | null }
  | { readonly type: "retry"; readonly delayMs: number }
  | { readonly type: "fail"; readonly error: ExecutionError };

/** Error classes that no second try can mend: the request itself is at fault. */
const FINAL_CLASSES: ReadonlySet<string> = new Set([
  "target_refused",
  "invalid_request",
  "secret_unavailable",
  "signing_unavailable",
]);

/** Statuses whose `Retry-After` lengthens the wait (the header on any other status is ignored). */
export const RETRY_AFTER_STATUSES: ReadonlySet<number> = new Set([429, 503]);

/**
 * Timeouts and connection errors are always tried again, a status only if it is in `retry_on_statuses`, a response
 * that broke a rule only if `retry_on_mismatch` is set (seed: TrigRun "Retry behavior"). Nothing is tried again once
 * `max_attempts` are used up or the next try would start after `max_duration_seconds`, counted from the first claim.
 */
export function judgeAttempt(
  attempt: Attempt,
  context: {
    policy: RetryPolicy;
    /** Attempts that count against `max_attempts`, this one included. */
    counted: number;
    startedAtMs: number;
    finishedAtMs: number;
    /** `Retry-After` of the response in milliseconds, where one applies. */
    retryAfterMs: number | null;
    random: number;
    output: Readonly<Record<string, JsonValue>> | null;
  },
): Verdict {
  if (attempt.status === "SUCCESS") return { type: "succeed", output: context.output };
  if (!isRetryable(attempt, context.policy)) return { type: "fail", error: errorOf(attempt, null) };
  if (context.counted >= context.policy.maxAttempts) {
    return { type: "fail", error: errorOf(attempt, `Attempt ${context.counted} of ${context.policy.maxAttempts}`) };
  }
  const delayMs = retryDelayMs(context.policy, context.counted, context.random, context.retryAfterMs);
  const limitMs = context.policy.maxDurationSeconds === null ? null : context.policy.maxDurationSeconds * 1_000;
  if (limitMs !== null && context.finishedAtMs + delayMs - context.startedAtMs > limitMs) {
    return { type: "fail", error: errorOf(attempt, "max_duration_seconds leaves no time for another attempt") };
  }
  return { type: "retry", delayMs };
}

function isRetryable(attempt: Attempt, policy: RetryPolicy): boolean {
  if (attempt.errorClass !== null && FINAL_CLASSES.has(attempt.errorClass)) return false;
  if (attempt.errorClass === "response_mismatch") return policy.retryOnMismatch;
  if (attempt.status === "HTTP_ERROR") {
    return attempt.statusCode !== null && policy.retryOnStatuses.includes(attempt.statusCode);
  }
  return true;
}

function errorOf(attempt: Attempt, circumstance: string | null): ExecutionError {
  const message = attempt.errorMessage ?? "The attempt failed.";
  return {
    code: attempt.errorClass ?? attempt.status.toLowerCase(),
    message: circumstance === null ? message : `${message} (${circumstance}.)`,
  };
}
