/** `/v1/workspaces`, `/v1/tokens` and `/v1/whoami`: who may do what. */

import { z } from "@hono/zod-openapi";
import { createToken, deleteToken, listTokens } from "../../app/tokens/manageTokens.ts";
import { createWorkspace } from "../../app/workspaces/createWorkspace.ts";
import { NAME_CHARACTERS_MOST } from "../../domain/job/validate.ts";
import { ok } from "../../domain/result.ts";
import type { Token } from "../../domain/workspace/workspace.ts";
import { ROLES } from "../../domain/workspace/workspace.ts";
import { LIMIT_DEFAULT, object, oneOf, optional, text } from "../fields.ts";
import type { Operation } from "../operation.ts";
import { jsonBody } from "../operation.ts";
import { readBody, readQuery } from "../readInput.ts";
import { iso } from "../time.ts";
import { PAGINATION_EXAMPLE, fromPage, limitAndOffset, listOf } from "./schemas/paging.ts";
import { momentOut } from "./schemas/time.ts";

/** With fewer characters a token that a person made up can be guessed. */
const OWNER_TOKEN_CHARACTERS_LEAST = 24;

const OwnerToken = text(OWNER_TOKEN_CHARACTERS_LEAST, 255).regex(/^[\x21-\x7e]*$/, {
  error: "must be visible ASCII characters without spaces",
});

/** What a person reads in a list: one line, not blank. */
const Name = text(1, NAME_CHARACTERS_MOST).regex(/^(?=.*\S)\P{Cc}*$/u, {
  error: "must be one line of text, not blank, without control characters",
});

const TokenSchema = z
  .strictObject({
    id: z.string(),
    name: z.string(),
    role: z.enum(ROLES),
    prefix: z.string().openapi({ description: "The token's first characters, to tell it apart." }),
    created_at: momentOut(),
  })
  .openapi("Token");

const NewTokenSchema = TokenSchema.extend({
  token: z.string().openapi({ description: "Shown this once and stored nowhere." }),
}).openapi("NewToken");

const WorkspaceSchema = z
  .strictObject({ id: z.string(), name: z.string(), created_at: momentOut() })
  .openapi("Workspace");

function fromToken(token: Token): z.output<typeof TokenSchema> {
  return {
    id: token.id,
    name: token.name,
    role: token.role,
    prefix: token.prefix,
    created_at: iso(token.createdAtMs),
  };
}

const TOKEN_EXAMPLE: z.output<typeof TokenSchema> = {
  id: "tok_01k8rb2c9078f31njdbhv0m7q2",
  name: "ci",
  role: "admin",
  prefix: "car_q5m2xk",
  created_at: "2030-01-30T12:00:00.000Z",
};
const NEW_TOKEN_EXAMPLE = { ...TOKEN_EXAMPLE, token: "car_q5m2xk7ahz3nw6ueb4tdyrfjcvs2lpiogm5xq7ka" };
const WORKSPACE_EXAMPLE = {
  id: "wks_01k8rb2c9078f31njdbhv0m7q2",
  name: "acme",
  created_at: "2030-01-30T12:00:00.000Z",
};

const CreateWorkspaceBody = object({
  name: Name.openapi({ example: "acme" }),
  owner_token: optional(OwnerToken).openapi({
    description: `The text of the first owner token, at least ${OWNER_TOKEN_CHARACTERS_LEAST} characters; drawn by default.`,
  }),
}).openapi("CreateWorkspace");

const CreatedWorkspaceSchema = z
  .strictObject({ workspace: WorkspaceSchema, token: NewTokenSchema })
  .openapi("CreatedWorkspace");

export const createWorkspaceOperation: Operation = {
  access: "operator",
  contract: {
    id: "createWorkspace",
    method: "post",
    path: "/v1/workspaces",
    tag: "Access",
    summary: "Create a workspace",
    description:
      "Opens a workspace with its first owner token. Needs the operator's token (the secret `ADMIN_TOKEN`), which opens " +
      "nothing inside a workspace.",
    body: { schema: CreateWorkspaceBody, example: { name: "acme" } },
    answers: {
      201: {
        description: "The workspace, and its owner token for the only time.",
        schema: CreatedWorkspaceSchema,
        example: { workspace: WORKSPACE_EXAMPLE, token: { ...NEW_TOKEN_EXAMPLE, name: "owner", role: "owner" } },
      },
    },
    errors: ["token_taken"],
  },
  async handle(input) {
    const body = readBody(CreateWorkspaceBody, jsonBody(input));
    if (!body.ok) return body;
    const { name, owner_token: ownerToken = null } = body.value;
    const created = await createWorkspace(input.services, { name, ownerToken });
    if (!created.ok) return created;
    const { workspace, owner } = created.value;
    const answer: z.output<typeof CreatedWorkspaceSchema> = {
      workspace: { id: workspace.id, name: workspace.name, created_at: iso(workspace.createdAtMs) },
      token: { ...fromToken(owner.token), token: owner.secret },
    };
    return ok({ status: 201, body: answer });
  },
};

const CreateTokenBody = object({
  name: Name.openapi({ example: "ci" }),
  role: oneOf(ROLES).openapi({ description: "owner: everything; admin: all but tokens; member: read only." }),
}).openapi("CreateToken");

export const createTokenOperation: Operation = {
  access: "administer",
  contract: {
    id: "createToken",
    method: "post",
    path: "/v1/tokens",
    tag: "Access",
    summary: "Create a token",
    description: "Makes a token of this workspace. It is shown once.",
    body: { schema: CreateTokenBody, example: { name: "ci", role: "admin" } },
    answers: { 201: { description: "The token.", schema: NewTokenSchema, example: NEW_TOKEN_EXAMPLE } },
    errors: [],
  },
  async handle(input) {
    const body = readBody(CreateTokenBody, jsonBody(input));
    if (!body.ok) return body;
    const { token, secret } = await createToken(input.services, input.workspaceId, body.value);
    return ok({ status: 201, body: { ...fromToken(token), token: secret } });
  },
};

const ListTokensQuery = object(limitAndOffset);

export const listTokensOperation: Operation = {
  access: "administer",
  contract: {
    id: "listTokens",
    method: "get",
    path: "/v1/tokens",
    tag: "Access",
    summary: "List tokens",
    description: "The tokens of this workspace, without their text.",
    query: ListTokensQuery,
    queryExample: "?limit=50",
    answers: {
      200: {
        description: "One page of tokens.",
        schema: listOf(TokenSchema),
        example: { data: [TOKEN_EXAMPLE], pagination: PAGINATION_EXAMPLE },
      },
    },
    errors: [],
  },
  async handle({ services, workspaceId, query }) {
    const read = readQuery(ListTokensQuery, query);
    if (!read.ok) return read;
    const page = { limit: read.value.limit ?? LIMIT_DEFAULT, offset: read.value.offset ?? 0 };
    const tokens = await listTokens(services, workspaceId, page);
    return ok({ status: 200, body: fromPage(tokens, page, fromToken) });
  },
};

export const deleteTokenOperation: Operation = {
  access: "administer",
  contract: {
    id: "deleteToken",
    method: "delete",
    path: "/v1/tokens/{token_id}",
    tag: "Access",
    summary: "Delete a token",
    description: "Takes a token back; every part of Carillon refuses it within five seconds.",
    answers: { 204: { description: "The token is gone." } },
    errors: ["not_found", "last_owner"],
  },
  async handle({ services, workspaceId, id, forgetToken }) {
    const deleted = await deleteToken(services, workspaceId, id);
    if (!deleted.ok) return deleted;
    forgetToken(id);
    return ok({ status: 204, body: null });
  },
};

const WhoamiSchema = z.strictObject({ token: TokenSchema, workspace: WorkspaceSchema }).openapi("Whoami");

export const whoamiOperation: Operation = {
  access: "read",
  contract: {
    id: "whoami",
    method: "get",
    path: "/v1/whoami",
    tag: "Access",
    summary: "Who am I",
    description: "The token of this request, its role and its workspace.",
    answers: {
      200: {
        description: "The token and its workspace.",
        schema: WhoamiSchema,
        example: { token: TOKEN_EXAMPLE, workspace: WORKSPACE_EXAMPLE },
      },
    },
    errors: [],
  },
  async handle({ services, workspaceId, token }) {
    const workspace = await services.workspaces.find(workspaceId);
    if (workspace === null) throw new Error(`Token ${token.id} belongs to a workspace that does not exist.`);
    const body: z.output<typeof WhoamiSchema> = {
      token: fromToken(token),
      workspace: { id: workspace.id, name: workspace.name, created_at: iso(workspace.createdAtMs) },
    };
    return ok({ status: 200, body });
  },
};
