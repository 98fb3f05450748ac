/** `/v1/signing-keys` and `/v1/admin/rotate-keys`: the keys that requests are signed with, and those that seal. */

import { z } from "@hono/zod-openapi";
import { listSigningKeys, rotateSigningKey } from "../../app/secrets/manageSigningKeys.ts";
import type { RotationReport } from "../../app/secrets/rotateMasterKey.ts";
import { ROTATED_KINDS, isRotationCursor, rotateMasterKey } from "../../app/secrets/rotateMasterKey.ts";
import { invalid } from "../../app/errors.ts";
import { ok } from "../../domain/result.ts";
import type { SigningKey } from "../../domain/signing/signingKey.ts";
import { OVERLAP_SECONDS_DEFAULT, OVERLAP_SECONDS_MOST } from "../../domain/signing/signingKey.ts";
import { object, optional, text, wholeNumber } from "../fields.ts";
import type { Operation } from "../operation.ts";
import { jsonBody } from "../operation.ts";
import { readBody } from "../readInput.ts";
import { iso, isoOrNull } from "../time.ts";
import { momentOut } from "./schemas/time.ts";

const SigningKeySchema = z
  .strictObject({
    id: z.string(),
    created_at: momentOut(),
    expires_at: momentOut().nullable().openapi({ description: "When it stops to sign; null for the current key." }),
  })
  .openapi("SigningKey");

function fromSigningKey(key: SigningKey): z.output<typeof SigningKeySchema> {
  return { id: key.id, created_at: iso(key.createdAtMs), expires_at: isoOrNull(key.expiresAtMs) };
}

const CURRENT_EXAMPLE: z.output<typeof SigningKeySchema> = {
  id: "key_01k8rdnm8078f31njdbhv0m7q2",
  created_at: "2030-01-31T02:00:00.000Z",
  expires_at: null,
};
const PREVIOUS_EXAMPLE: z.output<typeof SigningKeySchema> = {
  id: "key_01k8rb2c9078f31njdbhv0m7q2",
  created_at: "2030-01-30T12:00:00.000Z",
  expires_at: "2030-02-01T02:00:00.000Z",
};

const SigningKeysSchema = z.strictObject({ data: z.array(SigningKeySchema) }).openapi("SigningKeys");

export const listSigningKeysOperation: Operation = {
  access: "read",
  contract: {
    id: "listSigningKeys",
    method: "get",
    path: "/v1/signing-keys",
    tag: "Secrets",
    summary: "List signing keys",
    description:
      "The keys that sign every request of the workspace (Standard Webhooks: `webhook-id`, `webhook-timestamp`, " +
      "`webhook-signature`), newest first. None until the first rotation: requests are then not signed.",
    answers: {
      200: {
        description: "The keys, without the keys themselves.",
        schema: SigningKeysSchema,
        example: { data: [CURRENT_EXAMPLE, PREVIOUS_EXAMPLE] },
      },
    },
    errors: [],
  },
  async handle({ services, workspaceId }) {
    const keys = await listSigningKeys(services, workspaceId);
    return ok({ status: 200, body: { data: keys.map(fromSigningKey) } });
  },
};

const RotateSigningKeyBody = object({
  overlap_seconds: optional(wholeNumber(0, OVERLAP_SECONDS_MOST)).openapi({
    description: `How long the keys before it sign beside the new one; default ${OVERLAP_SECONDS_DEFAULT}, a day.`,
  }),
}).openapi("RotateSigningKey");

const RotatedSigningKeySchema = SigningKeySchema.extend({
  key: z.string().openapi({ description: "For the receivers' configuration; shown this once." }),
  previous: z.array(SigningKeySchema),
}).openapi("RotatedSigningKey");

export const rotateSigningKeyOperation: Operation = {
  access: "administer",
  contract: {
    id: "rotateSigningKey",
    method: "post",
    path: "/v1/signing-keys/rotate",
    tag: "Secrets",
    summary: "Make a new signing key",
    description:
      "The first call makes the workspace sign. Later calls replace the key: during the overlap each request carries a " +
      "signature under every valid key, and a receiver accepts it if it knows one. In force within 30 seconds.",
    body: { schema: RotateSigningKeyBody, example: { overlap_seconds: OVERLAP_SECONDS_DEFAULT }, optional: true },
    answers: {
      201: {
        description: "The new key, for the only time.",
        schema: RotatedSigningKeySchema,
        example: {
          ...CURRENT_EXAMPLE,
          key: "whsec_AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE=",
          previous: [PREVIOUS_EXAMPLE],
        },
      },
    },
    errors: ["too_many_signing_keys", "master_key_missing"],
  },
  async handle(input) {
    const body = readBody(RotateSigningKeyBody, jsonBody(input));
    if (!body.ok) return body;
    const overlapSeconds = body.value.overlap_seconds ?? OVERLAP_SECONDS_DEFAULT;
    const rotated = await rotateSigningKey(input.services, input.workspaceId, overlapSeconds);
    if (!rotated.ok) return rotated;
    const { key, secret, previous } = rotated.value;
    return ok({ status: 201, body: { ...fromSigningKey(key), key: secret, previous: previous.map(fromSigningKey) } });
  },
};

const RotateMasterKeyBody = object({
  cursor: optional(text(1, 64)).openapi({ description: "`next_cursor` of the call before." }),
}).openapi("RotateMasterKey");

const RotationSchema = z
  .strictObject({
    current_key_id: z.string().openapi({ description: "Tells `MASTER_KEY` from other keys, and nothing about it." }),
    previous_key_id: z.string().nullable(),
    done: z.int().openapi({ description: "Put under the current key by this call." }),
    remaining: z.int().openapi({ description: "Not under the current key yet, failures included." }),
    failed: z.array(
      z.strictObject({
        kind: z.enum(ROTATED_KINDS),
        id: z.string(),
        workspace_id: z.string(),
        reason: z.enum(["unknown_key", "corrupt"]),
      }),
    ),
    next_cursor: z.string().nullable().openapi({ description: "null when this call came to the end." }),
    previous_key_removable: z.boolean(),
    message: z.string().openapi({ description: "What to do next." }),
  })
  .openapi("MasterKeyRotation");

function fromRotation(report: RotationReport): z.output<typeof RotationSchema> {
  return {
    current_key_id: report.currentKeyId,
    previous_key_id: report.previousKeyId,
    done: report.done,
    remaining: report.remaining,
    failed: report.failed.map(({ kind, id, workspaceId, reason }) => ({ kind, id, workspace_id: workspaceId, reason })),
    next_cursor: report.nextCursor,
    previous_key_removable: report.remaining === 0,
    message: nextStep(report),
  };
}

function nextStep({ remaining, nextCursor, previousKeyId }: RotationReport): string {
  if (remaining === 0) {
    return previousKeyId === null
      ? "Everything is under MASTER_KEY."
      : "Everything is under MASTER_KEY: MASTER_KEY_PREVIOUS can be removed.";
  }
  if (nextCursor !== null) return `${remaining} remain: call again with cursor ${nextCursor}.`;
  return (
    `${remaining} could not be opened. Bind the key that they are under as MASTER_KEY_PREVIOUS and call again, or ` +
    "replace them: PUT the secret, rotate the signing key or the webhook token, PATCH webhook.verification.secret."
  );
}

export const rotateMasterKeyOperation: Operation = {
  access: "operator",
  contract: {
    id: "rotateMasterKey",
    method: "post",
    path: "/v1/admin/rotate-keys",
    tag: "Instance",
    summary: "Rotate the master key",
    description:
      "Puts what is encrypted under `MASTER_KEY`, up to 500 values a call. Deploy the new key as `MASTER_KEY` and the old " +
      "one as `MASTER_KEY_PREVIOUS`, wait a minute, then call until `remaining` is 0. Can be repeated at any time.",
    body: { schema: RotateMasterKeyBody, example: {}, optional: true },
    answers: {
      200: {
        description: "How far it has come.",
        schema: RotationSchema,
        example: {
          current_key_id: "9f86d081",
          previous_key_id: "60303ae2",
          done: 12,
          remaining: 0,
          failed: [],
          next_cursor: null,
          previous_key_removable: true,
          message: "Everything is under MASTER_KEY: MASTER_KEY_PREVIOUS can be removed.",
        },
      },
    },
    errors: ["master_key_missing"],
  },
  async handle(input) {
    const body = readBody(RotateMasterKeyBody, jsonBody(input));
    if (!body.ok) return body;
    const { cursor = null } = body.value;
    if (cursor !== null && !isRotationCursor(cursor)) {
      return invalid([{ path: "cursor", message: "must be next_cursor of the call before" }]);
    }
    const rotated = await rotateMasterKey(input.services, cursor);
    return rotated.ok ? ok({ status: 200, body: fromRotation(rotated.value) }) : rotated;
  },
};
