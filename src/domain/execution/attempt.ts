/** One HTTP request of an execution, as it is kept in the history. */

import type { RuleVerdict } from "../response/rules.ts";

/** Statuses of the seed (TrigRun "Attempts"). */
export const ATTEMPT_STATUSES = ["SUCCESS", "TIMEOUT", "CONNECTION_ERROR", "HTTP_ERROR"] as const;
export type AttemptStatus = (typeof ATTEMPT_STATUSES)[number];

export interface Attempt {
  /** 1, 2, 3, …; also sent as `X-Cron-Service-Attempt`. */
  readonly number: number;
  readonly status: AttemptStatus;
  readonly statusCode: number | null;
  readonly startedAtMs: number;
  readonly latencyMs: number;
  /** At most 64 KB of the answer, secrets masked. */
  readonly bodyPreview: string | null;
  readonly responseHeaders: Readonly<Record<string, string>> | null;
  /** The cause, in a word that a person can act on; `null` for a success. Table: docs/errors.md. */
  readonly errorClass: string | null;
  readonly errorMessage: string | null;
  /** The response rules that failed, when that is why the attempt failed. */
  readonly failedRules: readonly RuleVerdict[];
  /** The result came after the claim's lease had ended: it is shown, and changed nothing. */
  readonly late: boolean;
}

/** The class of an attempt whose worker never reported back; such an attempt does not use up `max_attempts`. */
export const WORKER_LOST = "worker_lost";
