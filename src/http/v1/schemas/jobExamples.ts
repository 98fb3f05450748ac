/** Bodies of jobs with steps, as the documentation shows them; examples/ has complete ones. */

import type { z } from "@hono/zod-openapi";
import type { CreateJobBody } from "./jobInput.ts";

const WORKFLOW: z.input<typeof CreateJobBody> = {
  name: "refund",
  kind: "workflow",
  input_schema: {
    type: "object",
    required: ["order_id", "amount"],
    properties: { order_id: { type: "string" }, amount: { type: "number" } },
  },
  env: { limit: 50 },
  steps: [
    {
      type: "http",
      id: "order",
      url: "https://shop.example.com/orders/{{input.order_id}}",
      extract: { email: "$.customer.email" },
    },
    {
      type: "approval",
      id: "sign_off",
      message: "Refund {{input.amount}} to {{context.email}}?",
      when: { left: "{{input.amount}}", operator: "gt", right: "{{env.limit}}" },
    },
    {
      type: "http",
      id: "write",
      url: "https://shop.example.com/refunds",
      method: "POST",
      body: { order: "{{input.order_id}}", amount: "{{input.amount}}" },
    },
  ],
  response_output_template: { refund_id: "{{steps.write.output.id}}" },
};

const WEBHOOK_TRIGGER: z.input<typeof CreateJobBody> = {
  name: "on-push",
  kind: "webhook_trigger",
  webhook: {
    verification: {
      type: "hmac_sha256",
      secret: "an-example-of-a-secret",
      header: "x-hub-signature-256",
      prefix: "sha256=",
    },
    dedupe: { header: "x-github-delivery", window_seconds: 86_400 },
    filter: { left: "{{trigger.body.ref}}", operator: "eq", right: "refs/heads/main" },
  },
  steps: [
    {
      type: "http",
      id: "build",
      url: "https://ci.example.com/builds",
      method: "POST",
      body: { commit: "{{trigger.body.after}}" },
    },
  ],
};

/** Under the words that the documentation puts over them. */
export const STEPPED_JOB_EXAMPLES = {
  "A workflow": WORKFLOW,
  "A job that a webhook starts": WEBHOOK_TRIGGER,
};
