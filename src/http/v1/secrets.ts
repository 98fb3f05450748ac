/** `/v1/secrets`: values that requests name as `secret://name` and that no answer shows. */

import { z } from "@hono/zod-openapi";
import { createSecret, deleteSecret, listSecrets, replaceSecret } from "../../app/secrets/manageSecrets.ts";
import type { SecretWithUsers } from "../../app/ports.ts";
import { ok } from "../../domain/result.ts";
import { DEFAULT_ENVIRONMENT, SECRET_VALUE_BYTES_MOST, keyVersion } from "../../domain/secret/secret.ts";
import { LIMIT_DEFAULT, flag, object, optional, text } from "../fields.ts";
import type { Operation } from "../operation.ts";
import { jsonBody } from "../operation.ts";
import { readBody, readQuery } from "../readInput.ts";
import { iso } from "../time.ts";
import { PAGINATION_EXAMPLE, fromPage, limitAndOffset, listOf } from "./schemas/paging.ts";
import { momentOut } from "./schemas/time.ts";

const SecretSchema = z
  .strictObject({
    id: z.string(),
    name: z.string(),
    environment: z.string(),
    created_at: momentOut(),
    updated_at: momentOut(),
    key_version: z.string().openapi({ description: "`v1`, and one more with every new value." }),
    used_by: z.array(z.string()).openapi({ description: "Ids of the jobs that name it and are not completed." }),
  })
  .openapi("Secret");

function fromSecret({ secret, usedBy }: SecretWithUsers): z.output<typeof SecretSchema> {
  return {
    id: secret.id,
    name: secret.name,
    environment: secret.environment,
    created_at: iso(secret.createdAtMs),
    updated_at: iso(secret.updatedAtMs),
    key_version: keyVersion(secret.revision),
    used_by: [...usedBy],
  };
}

const SECRET_EXAMPLE: z.output<typeof SecretSchema> = {
  id: "sec_01k8rb2c9078f31njdbhv0m7q2",
  name: "stripe-key",
  environment: DEFAULT_ENVIRONMENT,
  created_at: "2030-01-30T12:00:00.000Z",
  updated_at: "2030-01-30T12:00:00.000Z",
  key_version: "v1",
  used_by: ["job_01k8rb2c9078f31njdbhv0m7q2"],
};

const Value = text(1, SECRET_VALUE_BYTES_MOST).openapi({
  description: `At most ${SECRET_VALUE_BYTES_MOST / 1_024} KB; never shown again.`,
});

const CreateSecretBody = object({
  name: text(1, 64).openapi({
    description: "Letters a-z, digits, `.`, `_`, `-`, beginning with a letter or digit; unique in the workspace.",
    example: "stripe-key",
  }),
  value: Value,
  environment: optional(text(1, 64)).openapi({ description: `A label; default ${DEFAULT_ENVIRONMENT}.` }),
}).openapi("CreateSecret");

export const createSecretOperation: Operation = {
  access: "write",
  contract: {
    id: "createSecret",
    method: "post",
    path: "/v1/secrets",
    tag: "Secrets",
    summary: "Create a secret",
    description:
      "Encrypts a value. A request names it as `secret://name` in header values, in the values of the URL's query and in " +
      "the body; it is filled in when the request is sent, and masked in all that is kept of the answer.",
    body: { schema: CreateSecretBody, example: { name: "stripe-key", value: "sk_live_example" } },
    answers: {
      201: { description: "The secret.", schema: SecretSchema, example: { ...SECRET_EXAMPLE, used_by: [] } },
    },
    errors: ["secret_exists", "master_key_missing"],
  },
  async handle(input) {
    const body = readBody(CreateSecretBody, jsonBody(input));
    if (!body.ok) return body;
    const { name, value, environment = null } = body.value;
    const created = await createSecret(input.services, input.workspaceId, { name, value, environment });
    return created.ok ? ok({ status: 201, body: fromSecret(created.value) }) : created;
  },
};

const ListSecretsQuery = object(limitAndOffset);

export const listSecretsOperation: Operation = {
  access: "read",
  contract: {
    id: "listSecrets",
    method: "get",
    path: "/v1/secrets",
    tag: "Secrets",
    summary: "List secrets",
    description: "The secrets of the workspace by name, without their values, each with the jobs that use it.",
    query: ListSecretsQuery,
    queryExample: "?limit=50",
    answers: {
      200: {
        description: "One page of secrets.",
        schema: listOf(SecretSchema),
        example: { data: [SECRET_EXAMPLE], pagination: PAGINATION_EXAMPLE },
      },
    },
    errors: [],
  },
  async handle({ services, workspaceId, query }) {
    const read = readQuery(ListSecretsQuery, query);
    if (!read.ok) return read;
    const page = { limit: read.value.limit ?? LIMIT_DEFAULT, offset: read.value.offset ?? 0 };
    const secrets = await listSecrets(services, workspaceId, page);
    return ok({ status: 200, body: fromPage(secrets, page, fromSecret) });
  },
};

const ReplaceSecretBody = object({ value: Value }).openapi("ReplaceSecret");

export const replaceSecretOperation: Operation = {
  access: "write",
  contract: {
    id: "replaceSecret",
    method: "put",
    path: "/v1/secrets/{secret_name}",
    tag: "Secrets",
    summary: "Replace a secret's value",
    description: "Rotates a secret in place: the next attempt of every job that names it sends the new value.",
    body: { schema: ReplaceSecretBody, example: { value: "sk_live_next_example" } },
    answers: {
      200: {
        description: "The secret.",
        schema: SecretSchema,
        example: { ...SECRET_EXAMPLE, key_version: "v2", updated_at: "2030-01-31T12:00:00.000Z" },
      },
    },
    errors: ["not_found", "master_key_missing"],
  },
  async handle(input) {
    const body = readBody(ReplaceSecretBody, jsonBody(input));
    if (!body.ok) return body;
    const replaced = await replaceSecret(input.services, input.workspaceId, input.id, body.value.value);
    return replaced.ok ? ok({ status: 200, body: fromSecret(replaced.value) }) : replaced;
  },
};

const DeleteSecretQuery = object({
  force: flag().optional().openapi({ description: "Delete it although jobs use it; default false." }),
});

export const deleteSecretOperation: Operation = {
  access: "write",
  contract: {
    id: "deleteSecret",
    method: "delete",
    path: "/v1/secrets/{secret_name}",
    tag: "Secrets",
    summary: "Delete a secret",
    description:
      "Refused while jobs use it. With `force=true` it goes all the same; their attempts then fail with " +
      "`secret_unavailable` and send nothing.",
    query: DeleteSecretQuery,
    queryExample: "?force=true",
    answers: { 204: { description: "The secret is gone." } },
    errors: ["not_found", "secret_in_use"],
  },
  async handle({ services, workspaceId, id, query }) {
    const read = readQuery(DeleteSecretQuery, query);
    if (!read.ok) return read;
    const deleted = await deleteSecret(services, workspaceId, id, read.value.force ?? false);
    return deleted.ok ? ok({ status: 204, body: null }) : deleted;
  },
};
