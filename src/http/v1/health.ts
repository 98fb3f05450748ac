/** `GET /healthz`: whether the instance answers. */

import { z } from "@hono/zod-openapi";
import { ok } from "../../domain/result.ts";
import type { Operation } from "../operation.ts";
import { API_VERSION } from "../version.ts";

const HealthSchema = z.strictObject({ status: z.literal("ok"), version: z.string() }).openapi("Health");

export const healthOperation: Operation = {
  access: "public",
  contract: {
    id: "health",
    method: "get",
    path: "/healthz",
    tag: "Instance",
    summary: "Health",
    description: "Answers while the instance is up. Touches no database, so that a probe costs nothing.",
    answers: {
      200: { description: "It is up.", schema: HealthSchema, example: { status: "ok", version: API_VERSION } },
    },
    errors: [],
  },
  handle: () => Promise.resolve(ok({ status: 200, body: { status: "ok", version: API_VERSION } })),
};
