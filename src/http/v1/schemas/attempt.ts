/** Attempts on the wire, in camelCase, as the seed has it. */

import { z } from "@hono/zod-openapi";
import type { Attempt } from "../../../domain/execution/attempt.ts";
import { ATTEMPT_STATUSES } from "../../../domain/execution/attempt.ts";
import { iso } from "../../time.ts";
import { momentOut } from "./time.ts";

export const AttemptSchema = z
  .strictObject({
    number: z.int(),
    status: z.enum(ATTEMPT_STATUSES),
    statusCode: z.int().nullable(),
    latencyMs: z.number(),
    startedAt: momentOut(),
    bodyPreview: z.string().nullable().openapi({ description: "At most 64 KB of the response." }),
    responseHeaders: z.record(z.string(), z.string()).nullable(),
    errorClass: z.string().nullable().openapi({ description: "The cause, such as timeout, dns, http_status." }),
    errorMessage: z.string().nullable(),
    failedRules: z.array(z.strictObject({ rule: z.string(), ok: z.boolean(), expected: z.string(), got: z.string() })),
    late: z
      .boolean()
      .openapi({ description: "The result came after the attempt counted as lost; it changed nothing." }),
  })
  .openapi("Attempt");

export function fromAttempt(attempt: Attempt): z.output<typeof AttemptSchema> {
  return {
    number: attempt.number,
    status: attempt.status,
    statusCode: attempt.statusCode,
    latencyMs: attempt.latencyMs,
    startedAt: iso(attempt.startedAtMs),
    bodyPreview: attempt.bodyPreview,
    responseHeaders: attempt.responseHeaders === null ? null : { ...attempt.responseHeaders },
    errorClass: attempt.errorClass,
    errorMessage: attempt.errorMessage,
    failedRules: attempt.failedRules.map(({ rule, ok, expected, got }) => ({ rule, ok, expected, got })),
    late: attempt.late,
  };
}

export const ATTEMPT_EXAMPLE: z.output<typeof AttemptSchema> = {
  number: 1,
  status: "SUCCESS",
  statusCode: 200,
  latencyMs: 138,
  startedAt: "2030-01-31T02:00:00.012Z",
  bodyPreview: '{"ok":true}',
  responseHeaders: { "content-type": "application/json" },
  errorClass: null,
  errorMessage: null,
  failedRules: [],
  late: false,
};
