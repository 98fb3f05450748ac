/** The two envelopes of the Trigify API, and its error codes. */

import type { JsonValue } from "../../../domain/json.ts";
import type { HttpError } from "../../errors.ts";
import { ERRORS } from "../../errors.ts";
import type { Answer } from "../../operation.ts";

/** Of both lists (seed: Trigify "Query Parameters"). */
export const PAGE_SIZE_MOST = 100;
export const PAGE_SIZE_DEFAULT = 20;

/** Workflows come with a message, executions without (as its documentation shows them). */
export function success(data: unknown, message?: string): Answer {
  return { status: 200, body: message === undefined ? { success: true, data } : { message, success: true, data } };
}

/** Codes by status; those that share a status are told apart in `codeOf`. */
const CODES: Readonly<Record<number, string>> = {
  400: "VALIDATION_ERROR",
  401: "INVALID_API_KEY",
  403: "FORBIDDEN",
  404: "NOT_FOUND",
  405: "METHOD_NOT_ALLOWED",
  409: "CONFLICT",
  413: "PAYLOAD_TOO_LARGE",
  429: "RATE_LIMITED",
  503: "SERVICE_UNAVAILABLE",
};

/** What to do about an error, where there is one thing to do. */
const SUGGESTIONS: Readonly<Record<string, string>> = {
  AUTH_REQUIRED: "Send a token of the workspace as `x-api-key`; an owner makes one with POST /v1/tokens",
  INVALID_API_KEY:
    "Check that the whole token is sent and that it was not deleted; GET /v1/tokens lists those there are",
  NOT_FOUND: "Use GET /v1/workflows to see the workflows of this workspace, and …/executions for their runs",
  METHOD_NOT_ALLOWED: "Workflows are only read here; change and run them at /v1/jobs, which GET /docs describes",
  SERVICE_UNAVAILABLE: "Try again after the seconds in `Retry-After`",
};

export function refuse(error: HttpError): Response {
  const { status } = ERRORS[error.code];
  const code = codeOf(error, status);
  const { message, headers } = error;
  const body = {
    success: false,
    error: { code, message, details: toDetails(error.details), suggestion: SUGGESTIONS[code] ?? null },
  };
  return Response.json(body, { status, headers: headers ?? {} });
}

function codeOf({ code, isAnonymous }: HttpError, status: number): string {
  if (code === "malformed_json") return "BAD_REQUEST";
  if (code === "unauthorized" && isAnonymous === true) return "AUTH_REQUIRED";
  return CODES[status] ?? (status < 500 ? "BAD_REQUEST" : "INTERNAL_ERROR");
}

/** An object or nothing: complaints about fields become its `errors`, a sentence each. */
function toDetails(details: JsonValue | undefined): JsonValue {
  if (details === undefined || details === null) return null;
  if (!Array.isArray(details)) return details;
  return { errors: (details as readonly { readonly message: string }[]).map(({ message }) => message) };
}
