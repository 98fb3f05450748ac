/** A request and its retries as they may be written, in a plain job and in an `http` step alike, and their way into the domain. */

import type { z } from "@hono/zod-openapi";
import type { JobChanges } from "../../../domain/job/editMerge.ts";
import { HTTP_METHODS } from "../../../domain/job/request.ts";
import {
  STATUSES_MOST,
  STATUS_LEAST,
  STATUS_MOST,
  TIMEOUT_SECONDS_LEAST,
  TIMEOUT_SECONDS_MOST,
} from "../../../domain/job/validateRequest.ts";
import type { JsonValue } from "../../../domain/json.ts";
import { BACKOFF_TYPES, MAX_BACKOFF_MS } from "../../../domain/retry/policy.ts";
import { anyJson, flag, list, number, object, oneOf, optional, text, textMap, wholeNumber } from "../../fields.ts";
import { AssertionsSchema, ResponseMatcherSchema, toAssertion, toResponseMatcher } from "./responseRules.ts";

/** Longer than any URL that the guard lets through. */
const URL_CHARACTERS_MOST = 8_192;
/** Thirty days, as `validateRetryPolicy` has it. */
const DURATION_SECONDS_MOST = 30 * 24 * 60 * 60;
const LIST_MS_MOST = 10;

const status = () => wholeNumber(STATUS_LEAST, STATUS_MOST);

/** Of a request, all but its URL; of an `http` step, which has them on itself. */
export const requestMembers = {
  method: optional(oneOf(HTTP_METHODS)).openapi({ description: "Default GET." }),
  headers: optional(textMap("header names and texts")).openapi({
    description: "Values may hold `{{variables}}` and `secret://name`. A PATCH replaces all of them.",
  }),
  body: anyJson().optional().openapi({
    description: "A string is sent as text, anything else as JSON; `null`, the default, sends none.",
  }),
  timeout_seconds: optional(wholeNumber(TIMEOUT_SECONDS_LEAST, TIMEOUT_SECONDS_MOST)).openapi({
    description:
      "For one attempt as a whole; default 30, of which the last second is kept to record that it timed out.",
  }),
  success_statuses: optional(list(status(), STATUSES_MOST, "HTTP statuses")).openapi({
    description: "Default 200, 201, 202, 204.",
  }),
  response_matcher: optional(ResponseMatcherSchema),
  assertions: optional(AssertionsSchema).openapi({ description: "What else must hold of the response." }),
  output: optional(textMap("output names and JSONPaths or templates")).openapi({
    description: "What to keep of the response as the execution's `output`.",
  }),
};

export const url = () =>
  text(1, URL_CHARACTERS_MOST).openapi({
    description: "A public http or https URL; `{{variables}}` may stand after the host.",
    example: "https://api.example.com/sync",
  });

export const RetryPolicyInput = object({
  max_attempts: optional(wholeNumber(1, 10)).openapi({ description: "The first one included; default 3." }),
  retry_on_statuses: optional(list(status(), STATUSES_MOST, "HTTP statuses")).openapi({
    description: "Default 429, 500, 502, 503, 504. Timeouts and connection errors are always retried.",
  }),
  retry_on_mismatch: optional(flag()).openapi({
    description: "Whether a success status whose body breaks a response rule is retried; default false.",
  }),
  backoff: optional(
    object({
      type: optional(oneOf(BACKOFF_TYPES)),
      initial_ms: optional(wholeNumber(0, MAX_BACKOFF_MS)),
      factor: optional(number(1, 10)),
      max_ms: optional(wholeNumber(0, MAX_BACKOFF_MS)),
      jitter: optional(flag()),
      list_ms: optional(list(wholeNumber(0, MAX_BACKOFF_MS), LIST_MS_MOST, "waits in milliseconds")),
    }),
  ).openapi({ description: "Waits between attempts; by default 500 ms, doubling, with jitter." }),
  max_duration_seconds: optional(wholeNumber(1, DURATION_SECONDS_MOST)).openapi({
    description: "Bounds the whole execution, or the `http` step, waits included; default no bound.",
  }),
}).openapi("RetryPolicyInput");

/** A request of which nothing needs to be given. */
export const RequestChangesInput = object({ url: url().optional(), ...requestMembers });

export function toRequestChanges(wire: z.output<typeof RequestChangesInput> | undefined): JobChanges["request"] {
  if (wire === undefined) return undefined;
  return {
    url: wire.url,
    method: wire.method,
    headers: wire.headers,
    // What came out of `JSON.parse` is JSON, though the schema says only that it is anything.
    body: wire.body as JsonValue | undefined,
    timeoutSeconds: wire.timeout_seconds,
    successStatuses: wire.success_statuses,
    responseMatcher: wire.response_matcher ? toResponseMatcher(wire.response_matcher) : wire.response_matcher,
    assertions: wire.assertions?.map(toAssertion) ?? (wire.assertions === null ? null : undefined),
    output: wire.output,
  };
}

export function toRetryPolicyChanges(
  wire: z.output<typeof RetryPolicyInput> | null | undefined,
): JobChanges["retryPolicy"] {
  if (wire === null || wire === undefined) return wire;
  const { backoff } = wire;
  return {
    maxAttempts: wire.max_attempts,
    retryOnStatuses: wire.retry_on_statuses,
    retryOnMismatch: wire.retry_on_mismatch,
    maxDurationSeconds: wire.max_duration_seconds,
    backoff: backoff
      ? {
          type: backoff.type,
          initialMs: backoff.initial_ms,
          factor: backoff.factor,
          maxMs: backoff.max_ms,
          jitter: backoff.jitter,
          listMs: backoff.list_ms,
        }
      : backoff,
  };
}
