/** The `webhook` block on the wire, and its way into the domain and back. */

import { z } from "@hono/zod-openapi";
import type { JobView } from "../../../app/jobs/viewJob.ts";
import type { WebhookChanges } from "../../../domain/trigger/editWebhook.ts";
import {
  PREFIX_CHARACTERS_MOST,
  RATE_PER_SECONDS_MOST,
  RATE_REQUESTS_MOST,
  SECRET_CHARACTERS_MOST,
  TOLERANCE_SECONDS_MOST,
  WINDOW_SECONDS_MOST,
} from "../../../domain/trigger/editWebhook.ts";
import { ENCODINGS, VERIFICATION_TYPES } from "../../../domain/trigger/verification.ts";
import type { WebhookSpec } from "../../../domain/trigger/webhook.ts";
import { RATE_LIMIT_DEFAULT } from "../../../domain/trigger/webhook.ts";
import { object, oneOf, optional, text, wholeNumber } from "../../fields.ts";
import { ConditionSchema, fromCondition, toCondition } from "./conditions.ts";

const HEADER_CHARACTERS_MOST = 128;
const PATH_CHARACTERS_MOST = 1_000;

const header = () => optional(text(1, HEADER_CHARACTERS_MOST));

const VerificationInput = object({
  type: optional(oneOf(VERIFICATION_TYPES)).openapi({
    description:
      "`shared_secret`: the header holds the secret itself (GitLab). `hmac_sha256`: the header holds an HMAC of the raw " +
      "body (GitHub, Shopify). `stripe`, `standard_webhooks`: as these sign.",
  }),
  secret: optional(text(1, SECRET_CHARACTERS_MOST)).openapi({
    description: "Write-only: never shown again. Left out, the one that is there stays.",
    example: "an-example-of-a-secret",
  }),
  header: header().openapi({
    description:
      "Required for hmac_sha256; else by default x-webhook-secret, stripe-signature or webhook-signature. For " +
      "standard_webhooks, `svix-signature` reads id and time from svix-id and svix-timestamp.",
    example: "x-hub-signature-256",
  }),
  prefix: optional(text(0, PREFIX_CHARACTERS_MOST)).openapi({
    description: "Stands before secret or signature: `sha256=`, `Bearer `. Accepted and idle with the last two types.",
    example: "sha256=",
  }),
  encoding: optional(oneOf(ENCODINGS)).openapi({
    description: "Of an hmac_sha256 signature; default hex. Accepted and idle with the other types.",
  }),
  tolerance_seconds: optional(wholeNumber(1, TOLERANCE_SECONDS_MOST)).openapi({
    description: "How old, or how far ahead, the signed time may be, for stripe and standard_webhooks; default 300.",
  }),
});

export const WebhookInput = object({
  verification: optional(VerificationInput).openapi({
    description: "Who may post, beyond knowing the URL; `null`, the default, is everybody who knows it. Wrong is 401.",
  }),
  dedupe: optional(
    object({
      header: header().openapi({ example: "x-github-delivery" }),
      path: optional(text(1, PATH_CHARACTERS_MOST)).openapi({ description: "JSONPath into the parsed body." }),
      window_seconds: wholeNumber(1, WINDOW_SECONDS_MOST),
    }),
  ).openapi({
    description:
      "Where an event names itself: the same name within the window starts nothing and is answered with the first " +
      "execution. An event without a name is always new.",
  }),
  filter: ConditionSchema.nullable().optional().openapi({
    description: "A condition over `{{trigger.…}}`; an event that does not match is received and starts nothing.",
  }),
  rate_limit: optional(
    object({
      requests: wholeNumber(1, RATE_REQUESTS_MOST),
      per_seconds: wholeNumber(1, RATE_PER_SECONDS_MOST),
    }),
  ).openapi({
    description: `Of requests to the URL; default ${RATE_LIMIT_DEFAULT.requests} per ${RATE_LIMIT_DEFAULT.perSeconds} s.`,
  }),
}).openapi("WebhookInput");

export function toWebhookChanges(
  wire: z.output<typeof WebhookInput> | null | undefined,
): WebhookChanges | null | undefined {
  if (wire === null || wire === undefined) return wire;
  const { verification, dedupe, filter, rate_limit: rateLimit } = wire;
  return {
    verification: verification && {
      type: verification.type,
      secret: verification.secret,
      header: verification.header,
      prefix: verification.prefix,
      encoding: verification.encoding,
      toleranceSeconds: verification.tolerance_seconds,
    },
    dedupe: dedupe && { header: dedupe.header, path: dedupe.path, windowSeconds: dedupe.window_seconds },
    filter: filter && toCondition(filter),
    rateLimit: rateLimit && { requests: rateLimit.requests, perSeconds: rateLimit.per_seconds },
  };
}

export const WebhookSchema = z
  .strictObject({
    verification: z
      .strictObject({
        type: z.enum(VERIFICATION_TYPES),
        header: z.string(),
        prefix: z.string(),
        encoding: z.enum(ENCODINGS).nullable(),
        tolerance_seconds: z.int().nullable(),
      })
      .nullable(),
    dedupe: z
      .strictObject({ header: z.string().optional(), path: z.string().optional(), window_seconds: z.int() })
      .nullable(),
    filter: ConditionSchema.nullable(),
    rate_limit: z.strictObject({ requests: z.int(), per_seconds: z.int() }),
  })
  .openapi("Webhook");

export function fromWebhook({ verification, dedupe, filter, rateLimit }: WebhookSpec): z.output<typeof WebhookSchema> {
  return {
    verification: verification && {
      type: verification.type,
      header: verification.header,
      prefix: verification.prefix,
      encoding: verification.encoding,
      tolerance_seconds: verification.toleranceSeconds,
    },
    dedupe: dedupe && { ...dedupe.by, window_seconds: dedupe.windowSeconds },
    filter: filter && fromCondition(filter),
    rate_limit: { requests: rateLimit.requests, per_seconds: rateLimit.perSeconds },
  };
}

/** What the answer about a job that webhooks start has beyond its definition. */
export const triggerMembers = {
  webhook_url: z
    .string()
    .nullable()
    .optional()
    .openapi({ description: "Of webhook_trigger, as the next two. null where the token cannot be shown." }),
  webhook_token: z
    .string()
    .nullable()
    .optional()
    .openapi({
      description:
        "null for members, who may not start a job, and on an instance without `MASTER_KEY`, which shows it only when it " +
        "is made.",
    }),
  webhook_secret_configured: z.boolean().optional(),
};

export function fromTrigger({ job, triggerToken }: Pick<JobView, "job" | "triggerToken">) {
  if (job.webhook === null) return {};
  return {
    webhook_url: triggerToken === null ? null : `${job.publicUrl ?? ""}/v1/triggers/${triggerToken}`,
    webhook_token: triggerToken,
    webhook_secret_configured: job.webhook.verification !== null,
  };
}
