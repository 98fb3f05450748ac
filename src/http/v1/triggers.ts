/** `/v1/triggers/{trigger_token}`, where webhooks arrive, and the token in it. */

import { z } from "@hono/zod-openapi";
import { receiveWebhook } from "../../app/triggers/receiveWebhook.ts";
import { rotateTriggerToken } from "../../app/triggers/rotateTriggerToken.ts";
import { viewJob } from "../../app/jobs/viewJob.ts";
import { ok } from "../../domain/result.ts";
import { OVERLAP_SECONDS_MOST } from "../../domain/trigger/triggerToken.ts";
import { object, optional, wholeNumber } from "../fields.ts";
import type { Operation } from "../operation.ts";
import { anyBody, jsonBody } from "../operation.ts";
import { readBody } from "../readInput.ts";
import { JobSchema, WEBHOOK_JOB_EXAMPLE, fromJobView } from "./schemas/job.ts";

const ReceiptSchema = z
  .strictObject({
    received: z.literal(true),
    execution_id: z.string().optional().openapi({
      description: "Of the execution that it started, or that the same event had started before.",
    }),
  })
  .openapi("WebhookReceipt");

export const receiveWebhookOperation: Operation = {
  access: "public",
  contract: {
    id: "receiveWebhook",
    method: "post",
    path: "/v1/triggers/{trigger_token}",
    tag: "Triggers",
    summary: "Receive a webhook",
    description:
      "Starts the job whose `webhook_url` this is, with source webhook; templates see what came as `trigger` (`method, " +
      "headers, query, content_type, body, received_at`; headers that hold credentials or signatures are left out). JSON, " +
      "forms and text are parsed, whatever the content type. A token that opens nothing is answered 200 like one that " +
      "does. An event that the filter does not want, or that comes while the job is paused or a draft, is received and " +
      "starts nothing. A 413, 429 or 503 started nothing: send it again later.",
    body: {
      any: true,
      schema: z.unknown().openapi("WebhookBody", { description: "Anything, at most 256 KB." }),
      example: { action: "opened", number: 42 },
    },
    answers: {
      202: {
        description: "It is received; with `execution_id` when an execution stands for it.",
        schema: ReceiptSchema,
        example: { received: true, execution_id: "exe_01k8rdnm8078f31njdbhv0m7q2ek3v9a0w" },
      },
      200: { description: "It is received.", schema: ReceiptSchema, example: { received: true } },
    },
    errors: [
      "invalid_request",
      "unauthorized",
      "event_too_large",
      "rate_limited",
      "backlog_full",
      "actor_unavailable",
      "master_key_missing",
    ],
  },
  async handle(input) {
    const { services, id, query, headers } = input;
    const receipt = await receiveWebhook(services, {
      token: id,
      method: "POST",
      headers: Object.fromEntries(headers),
      query: [...query],
      body: anyBody(input),
    });
    if (!receipt.ok) return receipt;
    switch (receipt.value.type) {
      case "started":
        return ok({ status: 202, body: { received: true, execution_id: receipt.value.executionId } });
      case "ignored":
        return ok({ status: 202, body: { received: true } });
      case "unknown":
        return ok({ status: 200, body: { received: true } });
    }
  },
};

const RotateWebhookTokenBody = object({
  overlap_seconds: optional(wholeNumber(0, OVERLAP_SECONDS_MOST)).openapi({
    description: "How long the URL before it works beside the new one; by default it stops at once.",
  }),
}).openapi("RotateWebhookToken");

export const rotateWebhookTokenOperation: Operation = {
  access: "write",
  contract: {
    id: "rotateWebhookToken",
    method: "post",
    path: "/v1/jobs/{job_id}/rotate-webhook-token",
    tag: "Triggers",
    summary: "Give a job a new webhook URL",
    description:
      "Draws a new token. The one before stops to work, at once or after the overlap; those before that at once. The " +
      "secret of `webhook.verification` stays: PATCH it to change it.",
    body: { schema: RotateWebhookTokenBody, example: { overlap_seconds: 3_600 }, optional: true },
    answers: {
      200: { description: "The job with its new URL.", schema: JobSchema, example: WEBHOOK_JOB_EXAMPLE },
    },
    errors: ["not_found", "invalid_state"],
  },
  async handle(input) {
    const { services, workspaceId, id } = input;
    const body = readBody(RotateWebhookTokenBody, jsonBody(input));
    if (!body.ok) return body;
    const rotated = await rotateTriggerToken(services, workspaceId, id, body.value.overlap_seconds ?? 0);
    if (!rotated.ok) return rotated;
    const { job, token } = rotated.value;
    return ok({
      status: 200,
      body: fromJobView({ ...(await viewJob(services, job)), triggerToken: token }, input.token.role),
    });
  },
};
