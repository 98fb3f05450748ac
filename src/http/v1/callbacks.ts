/** `POST /v1/callbacks/{execution_id}/{step}/{token}`: what a `wait_for_webhook` step waits for. */

import { z } from "@hono/zod-openapi";
import { receiveCallback } from "../../app/inbound/receiveCallback.ts";
import { ok } from "../../domain/result.ts";
import type { Operation } from "../operation.ts";
import { anyBody, param } from "../operation.ts";

const ReceivedSchema = z
  .strictObject({
    received: z.literal(true),
    already_received: z.literal(true).optional().openapi({ description: "An earlier call counted; this one did not." }),
  })
  .openapi("Received");

export const callbackOperation: Operation = {
  access: "public",
  contract: {
    id: "callback",
    method: "post",
    path: "/v1/callbacks/{execution_id}/{step}/{token}",
    tag: "Executions",
    summary: "Call back",
    description:
      "The link that steps get as `{{waits.ID.url}}`. The body becomes the output of the step: JSON and forms as values, " +
      "anything else as text. The first call counts, also one that comes before the step was reached; calling again is " +
      "harmless.",
    body: { schema: z.unknown().openapi({ description: "Anything." }), example: { status: "paid" }, any: true },
    answers: { 200: { description: "It arrived.", schema: ReceivedSchema, example: { received: true } } },
    errors: ["not_found", "actor_unavailable"],
  },
  async handle(input) {
    const link = { executionId: input.id, step: param(input, "step"), token: param(input, "token") };
    const received = await receiveCallback(input.services, link, anyBody(input));
    if (!received.ok) return received;
    const again = received.value === "already_received" ? { already_received: true } : {};
    return ok({ status: 200, body: { received: true, ...again } });
  },
};
