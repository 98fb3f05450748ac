/** What may be asked of an execution when it is started, on the wire and on its way into the domain. */

import { z } from "@hono/zod-openapi";
import type { Outcome } from "../../../app/errors.ts";
import { invalid } from "../../../app/errors.ts";
import type { StartRequest } from "../../../app/executions/startExecution.ts";
import { CONCURRENCY_KEY_CHARACTERS_MOST, DELAY_MOST_MS } from "../../../domain/engine/start.ts";
import type { StartOptions } from "../../../domain/execution/execution.ts";
import type { JsonValue } from "../../../domain/json.ts";
import { ok } from "../../../domain/result.ts";
import { anyJson, moment, object, text, wholeNumber } from "../../fields.ts";

const SECONDS_MOST = DELAY_MOST_MS / 1_000;

const dueMembers = {
  delay_seconds: wholeNumber(1, SECONDS_MOST).optional().openapi({ description: "Due so much later than now." }),
  run_at: moment().optional().openapi({
    description: "Due at this moment, within a year; one that has passed is now. Either this or `delay_seconds`.",
    example: "2030-01-31T09:00:00Z",
  }),
};

export const RunNowBody = object({
  input: anyJson()
    .optional()
    .openapi({
      description:
        "What templates see as `input`. Of a job with steps held against its `input_schema`. A plain job whose request has " +
        "no body sends it as its JSON body with POST, PUT and PATCH. At most 500 KB for a plain job.",
    }),
  ...dueMembers,
  ttl_seconds: wholeNumber(1, SECONDS_MOST).optional().openapi({
    description:
      "An execution that has not begun so long after it was due ends as cancelled, with error.code `expired`.",
  }),
  max_attempts: wholeNumber(1, 10).optional().openapi({
    description: "In place of `retry_policy.max_attempts`, of the job or of each of its http steps.",
  }),
  concurrency_key: text(1, CONCURRENCY_KEY_CHARACTERS_MOST).optional().openapi({
    description: "Executions with the same key share `concurrency_limit` slots; each other key has as many of its own.",
  }),
}).openapi("RunNow");

export const RescheduleBody = object(dueMembers).openapi("Reschedule");

export const StartOptionsSchema = z
  .strictObject({
    ttl_seconds: z.number().nullable(),
    max_attempts: z.int().nullable(),
    concurrency_key: z.string().nullable(),
    idempotency_key: z.string().nullable(),
    batch_id: z.string().nullable(),
    bulk_action_id: z.string().nullable(),
  })
  .openapi("StartOptions");

export function fromStartOptions(start: StartOptions): z.output<typeof StartOptionsSchema> {
  return {
    ttl_seconds: start.ttlMs === null ? null : start.ttlMs / 1_000,
    max_attempts: start.maxAttempts,
    concurrency_key: start.concurrencyKey,
    idempotency_key: start.idempotencyKey,
    batch_id: start.batchId,
    bulk_action_id: start.bulkActionId,
  };
}

/** Epoch milliseconds; `null` when neither member is given. */
export function toDueMs(body: z.output<typeof RescheduleBody>, nowMs: number): Outcome<number | null> {
  const { delay_seconds: seconds, run_at: runAt } = body;
  if (seconds !== undefined && runAt !== undefined) {
    return invalid([{ path: "run_at", message: "must not be given together with delay_seconds" }]);
  }
  if (runAt !== undefined) return ok(Date.parse(runAt));
  return ok(seconds === undefined ? null : nowMs + seconds * 1_000);
}

export function toStartRequest(
  body: z.output<typeof RunNowBody>,
  nowMs: number,
): Outcome<Omit<StartRequest, "source" | "idempotency">> {
  const dueMs = toDueMs(body, nowMs);
  if (!dueMs.ok) return dueMs;
  return ok({
    // What came out of `JSON.parse` is JSON, though the schema says only that it is anything.
    ...(body.input === undefined ? {} : { input: body.input as JsonValue }),
    ...(dueMs.value === null ? {} : { delayUntilMs: dueMs.value }),
    ...(body.ttl_seconds === undefined ? {} : { ttlMs: body.ttl_seconds * 1_000 }),
    ...(body.max_attempts === undefined ? {} : { maxAttempts: body.max_attempts }),
    ...(body.concurrency_key === undefined ? {} : { concurrencyKey: body.concurrency_key }),
  });
}
