/** Every error that the API answers with: its code, its status, and the one shape in which it is written. */

import type { JsonValue } from "../domain/json.ts";
import type { FieldIssue } from "../domain/issue.ts";
import type { AppError, AppErrorCode } from "../app/errors.ts";

export type HttpErrorCode =
  | AppErrorCode
  | "malformed_json"
  | "payload_too_large"
  | "method_not_allowed"
  | "internal"
  | "storage_unavailable"
  | "overloaded";

/** Code → status, and what the code means, for the documentation. */
export const ERRORS = {
  invalid_request: { status: 400, meaning: "Something in the request is not accepted; `details` names every field." },
  malformed_json: { status: 400, meaning: "The body is not JSON; the message says where." },
  unauthorized: { status: 401, meaning: "There is no token, or one that opens nothing." },
  forbidden: { status: 403, meaning: "The token is good, but its role, or the step, does not allow this." },
  not_found: { status: 404, meaning: "There is no such thing in this workspace, or no such route." },
  method_not_allowed: { status: 405, meaning: "The route exists, but not with this method; see the `Allow` header." },
  invalid_state: { status: 409, meaning: "The job's state does not allow this; the message says what would." },
  job_completed: { status: 409, meaning: "The job has run and is completed." },
  run_at_passed: { status: 409, meaning: "The job's `run_at` has passed; give it a new one first." },
  edit_conflict: { status: 409, meaning: "Somebody else is changing the same thing at the same time." },
  idempotency_key_reused: { status: 409, meaning: "The `Idempotency-Key` was used before with a different body." },
  already_finished: { status: 409, meaning: "The execution has ended already." },
  not_finished: { status: 409, meaning: "The execution has not ended yet." },
  not_delayed: { status: 409, meaning: "The execution is due already, or has ended." },
  no_steps: { status: 409, meaning: "The execution is one of a plain job, which has no steps." },
  not_restartable: { status: 409, meaning: "The execution cannot begin again there; the message says why." },
  not_waiting: { status: 409, meaning: "The step does not wait for a decision, or not any more." },
  last_owner: { status: 409, meaning: "A workspace keeps at least one owner token." },
  token_taken: { status: 409, meaning: "The token's text is in use already." },
  secret_exists: { status: 409, meaning: "There is a secret of this name; PUT replaces its value." },
  secret_in_use: { status: 409, meaning: "Jobs use the secret; `details` names them." },
  too_many_signing_keys: { status: 409, meaning: "So many keys are valid at a time that no more are taken." },
  payload_too_large: { status: 413, meaning: "The body has more than 256 KB." },
  event_too_large: { status: 413, meaning: "Headers and body of a webhook take more than 1 MB as JSON." },
  metadata_too_large: { status: 413, meaning: "The metadata of an execution would have more than 256 KB." },
  too_many_tags: { status: 422, meaning: "An execution or a wait token has ten tags at most." },
  rate_limited: { status: 429, meaning: "Too many requests to one webhook URL; see `Retry-After`." },
  backlog_full: { status: 429, meaning: "Too many executions are waiting, or too large ones." },
  internal: { status: 500, meaning: "A fault of ours; it is logged under the request's id." },
  actor_unavailable: {
    status: 503,
    meaning: "What runs the job could not be reached; see the message and `Retry-After`.",
  },
  master_key_missing: {
    status: 503,
    meaning:
      "The operator has not set `MASTER_KEY` (or not rightly), so nothing can be encrypted; the message says how.",
  },
  storage_unavailable: { status: 503, meaning: "The database could not be reached; see `Retry-After`." },
  overloaded: { status: 503, meaning: "Too many requests at a time; see `Retry-After`." },
} as const satisfies Readonly<Record<HttpErrorCode, { readonly status: number; readonly meaning: string }>>;

/** Seconds after which a caller may ask again when the platform was out of reach. */
const RETRY_AFTER_SECONDS = 5;

export interface HttpError {
  readonly code: HttpErrorCode;
  readonly message: string;
  readonly details?: JsonValue | undefined;
  readonly headers?: Readonly<Record<string, string>> | undefined;
  /** Of `unauthorized`: no token was sent at all, which some APIs tell from one that opens nothing. */
  readonly isAnonymous?: boolean;
}

export function errorResponse(error: HttpError): Response {
  const { code, message, details, headers } = error;
  return Response.json(
    { error: { code, message, details: details ?? null } },
    { status: ERRORS[code].status, headers: headers ?? {} },
  );
}

/** What a use case refused. */
export function fromAppError(error: AppError): HttpError {
  if (error.code === "invalid_request") return invalidRequest(error.issues);
  const { code, message, details, retryAfterSeconds } = error;
  const headers = retryAfterSeconds === undefined ? undefined : { "retry-after": String(retryAfterSeconds) };
  return { code, message, details, headers };
}

/** What nobody expected. Nothing of the fault itself is shown: it may hold SQL, a stack or somebody's data. */
export function fromFault(fault: unknown, requestId: string): HttpError {
  const headers = { "retry-after": String(RETRY_AFTER_SECONDS) };
  if (fault instanceof Error && fault.name === "StorageUnavailable") {
    const message = "The database could not be reached just now; try again in a few seconds.";
    return { code: "storage_unavailable", message, details: { request_id: requestId }, headers };
  }
  if (isPlatformOverload(fault)) {
    const message = "Carillon is busy just now; try again in a few seconds.";
    return { code: "overloaded", message, details: { request_id: requestId }, headers };
  }
  const message = "Something went wrong on our side; it was logged under this request's id.";
  return { code: "internal", message, details: { request_id: requestId } };
}

/** Durable Objects mark faults that pass by themselves (facts/cloudflare-platform.md, "Errors seen by the caller"). */
function isPlatformOverload(fault: unknown): boolean {
  if (typeof fault !== "object" || fault === null) return false;
  return ("overloaded" in fault && fault.overloaded === true) || ("retryable" in fault && fault.retryable === true);
}

function invalidRequest(issues: readonly FieldIssue[]): HttpError {
  const details = issues.map(({ path, message }) => ({ path, message: sentence(path, message) }));
  const [first, ...others] = details;
  const named = details.map(({ path }) => path || "the body").join(", ");
  const message =
    first === undefined || others.length > 0 ? `${details.length} fields are not accepted: ${named}.` : first.message;
  return { code: "invalid_request", message, details };
}

/** A complaint that begins in lower case speaks of its field: `must be …`, `is required`. */
export function sentence(path: string, message: string): string {
  const text = /^[a-z]/.test(message) ? `${path === "" ? "The body" : path} ${message}` : message;
  return /[.!?]$/.test(text) ? text : `${text}.`;
}
