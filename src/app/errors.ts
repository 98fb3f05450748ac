/** The closed list of what a use case may answer instead of its result; `http/errors.ts` gives each its status. */

import type { FieldIssue } from "../domain/issue.ts";
import type { JsonValue } from "../domain/json.ts";
import { err } from "../domain/result.ts";
import type { Result } from "../domain/result.ts";

const APP_ERROR_CODES = [
  "invalid_request",
  "unauthorized",
  "forbidden",
  "not_found",
  "invalid_state",
  "job_completed",
  "run_at_passed",
  "edit_conflict",
  "idempotency_key_reused",
  "already_finished",
  "not_finished",
  "not_delayed",
  "no_steps",
  "not_restartable",
  "not_waiting",
  "last_owner",
  "token_taken",
  "secret_exists",
  "secret_in_use",
  "too_many_signing_keys",
  "event_too_large",
  "too_many_tags",
  "metadata_too_large",
  "rate_limited",
  "backlog_full",
  "actor_unavailable",
  "master_key_missing",
] as const;
export type AppErrorCode = (typeof APP_ERROR_CODES)[number];

export type AppError =
  | { readonly code: "invalid_request"; readonly issues: readonly FieldIssue[] }
  | {
      readonly code: Exclude<AppErrorCode, "invalid_request">;
      /** One sentence, or two, that says what is the matter and what to do about it. */
      readonly message: string;
      readonly details?: Readonly<Record<string, JsonValue>>;
      /** When asking again may help. */
      readonly retryAfterSeconds?: number;
    };

export type Outcome<T> = Result<T, AppError>;

export function invalid(issues: readonly FieldIssue[]): { readonly ok: false; readonly error: AppError } {
  return err({ code: "invalid_request", issues });
}

/** The same answer for what never was, what is gone, and what belongs to another workspace. */
export function notFound(
  what:
    "job" | "version" | "execution" | "step" | "token" | "secret" | "batch" | "wait token" | "schedule" | "bulk action",
): {
  readonly ok: false;
  readonly error: AppError;
} {
  return err({ code: "not_found", message: `There is no such ${what} in this workspace.` });
}

export function refused(
  code: Exclude<AppErrorCode, "invalid_request" | "not_found">,
  message: string,
  more: { readonly details?: Readonly<Record<string, JsonValue>>; readonly retryAfterSeconds?: number } = {},
): { readonly ok: false; readonly error: AppError } {
  return err({ code, message, ...more });
}

/** A refusal as one code and one sentence, for where it is kept with a thing and not answered with. */
export function inWords(error: AppError): { readonly code: string; readonly message: string } {
  if (error.code !== "invalid_request") return { code: error.code, message: error.message };
  return { code: error.code, message: error.issues.map(({ path, message }) => `${path} ${message}`.trim()).join("; ") };
}
