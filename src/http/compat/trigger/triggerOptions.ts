/** What a client asks for when it triggers a task, translated into a start. */

import { z } from "@hono/zod-openapi";
import type { Outcome } from "../../../app/errors.ts";
import { invalid } from "../../../app/errors.ts";
import type { NewLabels } from "../../../app/executions/labels.ts";
import type { StartRequest } from "../../../app/executions/startExecution.ts";
import { IDEMPOTENCY_WINDOW_MS } from "../../../app/executions/startExecution.ts";
import { CONCURRENCY_KEY_CHARACTERS_MOST, DELAY_MOST_MS, START_ATTEMPTS_MOST } from "../../../domain/engine/start.ts";
import type { Metadata } from "../../../domain/execution/labels.ts";
import type { JsonValue } from "../../../domain/json.ts";
import { ok } from "../../../domain/result.ts";
import { anyJson, optional, wholeNumber } from "../../fields.ts";
import { idempotencyKey, readDurationField, readMomentField, tagList, textOrNumber } from "./bodies.ts";
import { DURATION_FORMAT, MOMENT_FORMAT } from "./duration.ts";
import { parsedJson, readPayload } from "./payload.ts";

/** What is not named here has no counterpart (docs/compat-trigger-dev.md says which and why) and changes nothing. */
export const TriggerOptions = z.object({
  payloadType: optional(z.string()),
  delay: optional(textOrNumber(MOMENT_FORMAT)),
  ttl: optional(textOrNumber(`${DURATION_FORMAT}, or whole seconds`)),
  tags: optional(tagList()),
  metadata: optional(anyJson()),
  maxAttempts: optional(wholeNumber(1, START_ATTEMPTS_MOST)),
  idempotencyKey: optional(idempotencyKey()),
  idempotencyKeyTTL: optional(z.string()),
  idempotencyKeyOptions: optional(z.object({ key: z.string() })),
  queue: optional(z.object({ name: optional(z.string().max(128)) })),
  concurrencyKey: optional(z.union([z.string(), z.number()]).transform(String)),
  debounce: optional(anyJson()),
  gates: optional(z.array(anyJson())),
  concurrency: optional(z.array(anyJson())),
});
export type TriggerOptions = z.output<typeof TriggerOptions>;

export const TriggerBody = z.object({ payload: optional(anyJson()), options: optional(TriggerOptions) });
export type TriggerBody = z.output<typeof TriggerBody>;

/** A start and its labels, as the use cases take them. */
export interface TriggerRequest {
  readonly request: Omit<StartRequest, "executionId" | "batchId">;
  readonly labels: NewLabels;
}

/** `task` is how the client named it; the key of an idempotent call may also come in headers. */
export function readTrigger(
  task: string,
  { payload, options }: TriggerBody,
  given: { readonly nowMs: number; readonly headers?: Headers },
): Outcome<TriggerRequest> {
  const asked = options ?? {};
  const input = readPayload(payload as JsonValue | undefined, asked.payloadType ?? undefined);
  if (!input.ok) return invalid([{ path: "payload", message: input.error }]);
  const unknown = unknownOptions(asked);
  if (unknown !== null) return invalid([unknown]);
  const delayUntilMs = readDelay("options.delay", asked.delay, given.nowMs);
  if (!delayUntilMs.ok) return delayUntilMs;
  const ttlMs = readDurationField("options.ttl", asked.ttl);
  if (!ttlMs.ok) return ttlMs;
  const idempotency = readIdempotency(asked, given.headers);
  if (!idempotency.ok) return idempotency;
  const concurrencyKey = readConcurrencyKey(task, asked);
  if (!concurrencyKey.ok) return concurrencyKey;
  const metadata = readMetadata(asked.metadata as JsonValue | undefined);
  if (!metadata.ok) return metadata;
  return ok({
    request: {
      source: "api",
      ...(input.value === undefined ? {} : { input: input.value }),
      ...(delayUntilMs.value === undefined ? {} : { delayUntilMs: delayUntilMs.value }),
      // 0 seconds mean none, as with Trigger.dev.
      ...(ttlMs.value === undefined || ttlMs.value === 0 ? {} : { ttlMs: ttlMs.value }),
      ...(asked.maxAttempts == null ? {} : { maxAttempts: asked.maxAttempts }),
      ...(concurrencyKey.value === undefined ? {} : { concurrencyKey: concurrencyKey.value }),
      ...(idempotency.value === undefined ? {} : { idempotency: idempotency.value }),
    },
    labels: { tags: asked.tags ?? [], metadata: metadata.value },
  });
}

/** When a run is due; a moment that has passed is now. */
function readDelay(
  path: string,
  value: string | number | null | undefined,
  nowMs: number,
): Outcome<number | undefined> {
  const untilMs = readMomentField(path, value, nowMs);
  if (!untilMs.ok || untilMs.value === undefined) return untilMs;
  return untilMs.value > nowMs + DELAY_MOST_MS
    ? invalid([{ path, message: "must be within 365 days" }])
    : ok(untilMs.value);
}

/** Options that would change when a run runs, or whether it does, and that are refused rather than passed over. */
function unknownOptions({ debounce, gates, concurrency }: TriggerOptions): { path: string; message: string } | null {
  if (debounce != null) {
    const message = "is not offered: every trigger starts a run; an idempotencyKey keeps a second one from starting";
    return { path: "options.debounce", message };
  }
  if ((gates ?? []).length > 0) return { path: "options.gates", message: "is not offered: a job has one queue" };
  if ((concurrency ?? []).length === 0) return null;
  const message = "is not offered: a job has one concurrency_limit; runs of one concurrencyKey share it";
  return { path: "options.concurrency", message };
}

function readIdempotency(options: TriggerOptions, headers?: Headers): Outcome<StartRequest["idempotency"]> {
  const key = options.idempotencyKey ?? headers?.get("idempotency-key") ?? null;
  if (key === null) return ok(undefined);
  const ttl = options.idempotencyKeyTTL ?? headers?.get("idempotency-key-ttl") ?? null;
  const windowMs = readDurationField("options.idempotencyKeyTTL", ttl);
  if (!windowMs.ok) return windowMs;
  // The key is a digest of what its owner called it.
  const shown = options.idempotencyKeyOptions?.key ?? key;
  return ok({ key, shown, windowMs: windowMs.value ?? IDEMPOTENCY_WINDOW_MS });
}

/** A queue of another name than the task's is a line of its own within the task, and so is each key in it. */
function readConcurrencyKey(task: string, { queue, concurrencyKey }: TriggerOptions): Outcome<string | undefined> {
  const name = queue?.name ?? null;
  const isOwn = name === null || name === task || name === `task/${task}`;
  const parts = [...(isOwn ? [] : [`queue:${name}`]), ...(concurrencyKey == null ? [] : [concurrencyKey])];
  if (parts.length === 0 || parts.join("") === "") return ok(undefined);
  const key = parts.join(":");
  return key.length <= CONCURRENCY_KEY_CHARACTERS_MOST
    ? ok(key)
    : invalid([
        {
          path: "options.concurrencyKey",
          message: `must have at most ${CONCURRENCY_KEY_CHARACTERS_MOST} characters, the queue's name included`,
        },
      ]);
}

/** An object, or its JSON as a text. */
function readMetadata(value: JsonValue | undefined): Outcome<Metadata | null> {
  if (value === undefined || value === null) return ok(null);
  const metadata = typeof value === "string" ? parsedJson(value) : value;
  return typeof metadata === "object" && metadata !== null && !Array.isArray(metadata)
    ? ok(metadata as Metadata)
    : invalid([{ path: "metadata", message: "must be a JSON object" }]);
}
