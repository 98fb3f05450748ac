/** A request and its retries as the API shows them. */

import { z } from "@hono/zod-openapi";
import type { RequestSpec } from "../../../domain/job/request.ts";
import { HTTP_METHODS } from "../../../domain/job/request.ts";
import { BACKOFF_TYPES } from "../../../domain/retry/policy.ts";
import type { RetryPolicy } from "../../../domain/retry/policy.ts";
import { AssertionSchema, ResponseMatcherSchema, fromResponseMatcher } from "./responseRules.ts";

export const RequestSchema = z
  .strictObject({
    url: z.string(),
    method: z.enum(HTTP_METHODS),
    headers: z.record(z.string(), z.string()),
    body: z.unknown(),
    timeout_seconds: z.int(),
    success_statuses: z.array(z.int()),
    response_matcher: ResponseMatcherSchema.nullable(),
    assertions: z.array(AssertionSchema),
    output: z.record(z.string(), z.string()),
  })
  .openapi("Request");

export const RetryPolicySchema = z
  .strictObject({
    max_attempts: z.int(),
    retry_on_statuses: z.array(z.int()),
    retry_on_mismatch: z.boolean(),
    backoff: z.strictObject({
      type: z.enum(BACKOFF_TYPES),
      initial_ms: z.int(),
      factor: z.number(),
      max_ms: z.int(),
      jitter: z.boolean(),
      list_ms: z.array(z.int()),
    }),
    max_duration_seconds: z.int().nullable(),
  })
  .openapi("RetryPolicy");

export function fromRequest(request: RequestSpec): z.output<typeof RequestSchema> {
  return {
    url: request.url,
    method: request.method,
    headers: { ...request.headers },
    body: request.body,
    timeout_seconds: request.timeoutSeconds,
    success_statuses: [...request.successStatuses],
    response_matcher: request.responseMatcher === null ? null : fromResponseMatcher(request.responseMatcher),
    assertions: request.assertions.map((assertion) => ({ ...assertion })),
    output: { ...request.output },
  };
}

export function fromRetryPolicy(policy: RetryPolicy): z.output<typeof RetryPolicySchema> {
  const { backoff } = policy;
  return {
    max_attempts: policy.maxAttempts,
    retry_on_statuses: [...policy.retryOnStatuses],
    retry_on_mismatch: policy.retryOnMismatch,
    backoff: {
      type: backoff.type,
      initial_ms: backoff.initialMs,
      factor: backoff.factor,
      max_ms: backoff.maxMs,
      jitter: backoff.jitter,
      list_ms: [...backoff.listMs],
    },
    max_duration_seconds: policy.maxDurationSeconds,
  };
}
