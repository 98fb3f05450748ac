/** Errors as the client reads them: `{error: "text"}`, and whether trying again may help. */

import type { FieldIssue } from "../../../domain/issue.ts";
import type { HttpError } from "../../errors.ts";
import { ERRORS, sentence } from "../../errors.ts";
import type { Answer } from "../../operation.ts";

const DO_NOT_RETRY = { "x-should-retry": "false" } as const;

/**
 * The client repeats a call four times after any 5xx, 408, 409 or 429, unless it is told not to. It is told so wherever the
 * same call would be answered the same way, or may have done its work already.
 */
const MAY_PASS: ReadonlySet<string> = new Set(["storage_unavailable", "overloaded", "rate_limited", "backlog_full"]);

export function refusal(error: HttpError): Response {
  const { code, message, details, headers } = error;
  const mayPass = MAY_PASS.has(code);
  return Response.json(
    {
      error: message,
      code,
      ...(details == null ? {} : code === "invalid_request" ? { issues: details } : { details }),
    },
    {
      status: statusOf(code),
      headers: {
        ...headers,
        ...(mayPass ? resetHeader(headers) : DO_NOT_RETRY),
      },
    },
  );
}

/** 404 for what is not there, or has no meaning here. */
export function absent(message: string): Answer {
  return { status: 404, body: { error: message }, headers: DO_NOT_RETRY };
}

/** A body that is well-formed and still cannot be obeyed, where Trigger.dev's server answers 422. */
export function unprocessable(issues: readonly FieldIssue[]): Answer {
  const details = issues.map(({ path, message }) => ({ path, message: sentence(path, message) }));
  const text = details.map(({ message }) => message).join(" ");
  return { status: 422, body: { error: text, issues: details }, headers: DO_NOT_RETRY };
}

/** A conflict is 422: the client takes 409 for a lock that will be free in a moment. */
function statusOf(code: HttpError["code"]): number {
  const { status } = ERRORS[code];
  return status === 409 ? 422 : status;
}

/** After a 429 the client waits for this moment, in epoch milliseconds; it does not read `retry-after`. */
function resetHeader(headers: HttpError["headers"]): Record<string, string> {
  const seconds = Number(headers?.["retry-after"] ?? Number.NaN);
  return Number.isFinite(seconds) ? { "x-ratelimit-reset": String(Date.now() + seconds * 1_000) } : {};
}
