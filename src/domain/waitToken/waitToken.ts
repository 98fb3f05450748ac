/** Wait tokens: something that is waited for outside, and is completed once, by an API call or by a public callback. */

export const WAIT_TOKEN_STATUSES = ["WAITING", "COMPLETED", "TIMED_OUT"] as const;
export type WaitTokenStatus = (typeof WAIT_TOKEN_STATUSES)[number];

export interface WaitToken {
  /** `waitpoint_…`: begins with the time of creation. */
  readonly id: string;
  readonly workspaceId: string;
  readonly createdAtMs: number;
  /** From then on it cannot be completed any more; `null` for never. */
  readonly timeoutAtMs: number | null;
  readonly completedAtMs: number | null;
  /** As its creator gave it, also when it has stopped to hold. */
  readonly idempotencyKey: string | null;
  /** Until then the key answers with this token; `null` without a key. */
  readonly idempotencyUntilMs: number | null;
  readonly tags: readonly string[];
  /** JSON text of what it was completed with; `null` until then, and when it was completed with nothing. */
  readonly output: string | null;
}

/** By the clock: nothing has to happen for a token to time out. */
export function waitTokenStatus(
  token: Pick<WaitToken, "completedAtMs" | "timeoutAtMs">,
  nowMs: number,
): WaitTokenStatus {
  if (token.completedAtMs !== null) return "COMPLETED";
  return token.timeoutAtMs !== null && token.timeoutAtMs <= nowMs ? "TIMED_OUT" : "WAITING";
}
