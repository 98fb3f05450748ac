/** How the Runs API wraps its answers: `{success: true, data, meta?}` or `{success: false, error: {code, message}}`. */

import type { Outcome } from "../../../app/errors.ts";
import { err } from "../../../domain/result.ts";
import type { HttpError } from "../../errors.ts";
import { ERRORS } from "../../errors.ts";
import type { Answer } from "../../operation.ts";

/** The statuses of this API's errors; the first six codes are the seed's, the others what it has no word for. */
const STATUSES = {
  VALIDATION_ERROR: 400,
  UNAUTHORIZED: 401,
  FORBIDDEN: 403,
  NOT_FOUND: 404,
  INVALID_STATE: 400,
  INVALID_STEP: 400,
  RATE_LIMITED: 429,
  METHOD_NOT_ALLOWED: 405,
  PAYLOAD_TOO_LARGE: 413,
  INTERNAL_ERROR: 500,
  SERVICE_UNAVAILABLE: 503,
} as const;
type FailureCode = keyof typeof STATUSES;

export interface PageMeta {
  readonly cursor: string | null;
  readonly hasMore: boolean;
}

export function success(data: unknown, status = 200): Answer {
  return { status, body: { success: true, data } };
}

export function successPage(data: readonly unknown[], meta: PageMeta): Answer {
  return { status: 200, body: { success: true, data, meta } };
}

/** What only this API refuses, and so no use case has an error for. */
export function failure(code: FailureCode, message: string): Answer {
  return { status: STATUSES[code], body: { success: false, error: { code, message } } };
}

/** Everything that is refused elsewhere, in this API's words. */
export function refuse(error: HttpError): Response {
  const code = codeOf(error);
  const details = error.code === "invalid_request" ? { details: fieldsOf(error.details) } : {};
  const body = { success: false, error: { code, message: error.message, ...details } };
  return Response.json(body, { status: STATUSES[code], headers: error.headers ?? {} });
}

/** By the status that the native API has for it, so that a new error of the core has its place here at once. */
function codeOf({ code }: HttpError): FailureCode {
  const { status }: { readonly status: number } = ERRORS[code];
  switch (status) {
    case 401:
      return "UNAUTHORIZED";
    case 403:
      return "FORBIDDEN";
    case 404:
      return "NOT_FOUND";
    case 405:
      return "METHOD_NOT_ALLOWED";
    case 409:
      return "INVALID_STATE";
    case 413:
      return "PAYLOAD_TOO_LARGE";
    case 429:
      return "RATE_LIMITED";
    case 503:
      return "SERVICE_UNAVAILABLE";
    default:
      return status >= 500 ? "INTERNAL_ERROR" : "VALIDATION_ERROR";
  }
}

/** The seed calls the path of a field `field`. */
function fieldsOf(details: HttpError["details"]): { readonly field: string; readonly message: string }[] {
  if (!Array.isArray(details)) return [];
  return (details as readonly { readonly path: string; readonly message: string }[]).map(({ path, message }) => ({
    field: path,
    message,
  }));
}

/** The seed's words for what is not there. */
export function missing(what: "Run" | "Workflow"): Extract<Outcome<never>, { ok: false }> {
  return err({ code: "not_found", message: `${what} not found` });
}

/** A use case's outcome, in the seed's words where there is no such run or workflow. */
export function named<T>(what: "Run" | "Workflow", outcome: Outcome<T>): Outcome<T> {
  return !outcome.ok && outcome.error.code === "not_found" ? missing(what) : outcome;
}
