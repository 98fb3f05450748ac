/** `wait.createToken`, `listTokens`, `retrieveToken`, `completeToken`, and the public URL that completes one. */

import { z } from "@hono/zod-openapi";
import { IDEMPOTENCY_WINDOW_MS } from "../../../app/executions/startExecution.ts";
import type { Services } from "../../../app/services.ts";
import {
  completeByCallback,
  completeWaitToken,
  createWaitToken,
  getWaitToken,
  listWaitTokens,
} from "../../../app/waitTokens/manageWaitTokens.ts";
import type { JsonValue } from "../../../domain/json.ts";
import { ok } from "../../../domain/result.ts";
import { waitTokenStatus } from "../../../domain/waitToken/waitToken.ts";
import type { WaitToken } from "../../../domain/waitToken/waitToken.ts";
import { anyJson, optional } from "../../fields.ts";
import type { Endpoint } from "../../operation.ts";
import { anyBody, jsonBody, param } from "../../operation.ts";
import { readBody } from "../../readInput.ts";
import { iso } from "../../time.ts";
import { idempotencyKey, readDurationField, readMomentField, tagList, textOrNumber } from "./bodies.ts";
import { MOMENT_FORMAT } from "./duration.ts";
import { readCursorPage, toCursorPagination } from "./pageQuery.ts";
import { readTokenFilter } from "./tokenFilter.ts";

const PAGE_SIZE_DEFAULT = 25;
const TOKEN_ID = /^waitpoint_[0-9a-z]{26}$/;

const NewTokenBody = z.object({
  timeout: optional(textOrNumber(MOMENT_FORMAT)),
  idempotencyKey: optional(idempotencyKey()),
  idempotencyKeyTTL: optional(z.string()),
  tags: optional(tagList()),
});

/** Ten minutes, as with Trigger.dev. */
const TIMEOUT_DEFAULT_MS = 10 * 60 * 1_000;

export const createToken: Endpoint = {
  access: "write",
  contract: { id: "createToken", method: "post", path: "/api/v1/waitpoints/tokens", body: { optional: true } },
  async handle(input) {
    const body = readBody(NewTokenBody, jsonBody(input));
    if (!body.ok) return body;
    const { services, workspaceId } = input;
    const { timeout, idempotencyKey: key, idempotencyKeyTTL, tags } = body.value;
    const nowMs = services.clock.now();
    const timeoutAtMs = readMomentField("timeout", timeout, nowMs);
    if (!timeoutAtMs.ok) return timeoutAtMs;
    const windowMs = readDurationField("idempotencyKeyTTL", idempotencyKeyTTL);
    if (!windowMs.ok) return windowMs;
    const created = await createWaitToken(services, workspaceId, {
      timeoutAtMs: timeoutAtMs.value ?? nowMs + TIMEOUT_DEFAULT_MS,
      idempotencyKey: key ?? null,
      idempotencyUntilMs: key == null ? null : nowMs + (windowMs.value ?? IDEMPOTENCY_WINDOW_MS),
      tags: tags ?? [],
    });
    if (!created.ok) return created;
    const { token, isCached, callbackSecret } = created.value;
    const url = `${tokenUrl(services, token)}/callback/${callbackSecret}`;
    return ok({ status: 200, body: { id: token.id, isCached, url } });
  },
};

export const listTokens: Endpoint = {
  access: "read",
  contract: { id: "listTokens", method: "get", path: "/api/v1/waitpoints/tokens" },
  async handle({ services, workspaceId, query }) {
    const page = readCursorPage(query, PAGE_SIZE_DEFAULT, (text) => TOKEN_ID.test(text));
    if (!page.ok) return page;
    const filter = readTokenFilter(query, services.clock.now());
    if (!filter.ok) return filter;
    const { size, after, before } = page.value;
    const found = await listWaitTokens(services, workspaceId, filter.value, {
      limit: size,
      ...(after === undefined ? {} : { after }),
      ...(before === undefined ? {} : { before }),
    });
    const body = {
      data: found.items.map((token) => toToken(services, token)),
      pagination: toCursorPagination(found, page.value, ({ id }) => id),
    };
    return ok({ status: 200, body });
  },
};

export const retrieveToken: Endpoint = {
  access: "read",
  contract: { id: "retrieveToken", method: "get", path: "/api/v1/waitpoints/tokens/{token_id}" },
  async handle({ services, workspaceId, id }) {
    const token = await getWaitToken(services, workspaceId, id);
    if (!token.ok) return token;
    return ok({ status: 200, body: { ...toToken(services, token.value), ...outputFields(services, token.value) } });
  },
};

const CompleteBody = z.object({ data: optional(anyJson()) });

/** A token that was completed before, or has timed out, stays as it is. */
export const completeToken: Endpoint = {
  access: "write",
  contract: {
    id: "completeToken",
    method: "post",
    path: "/api/v1/waitpoints/tokens/{token_id}/complete",
    body: { optional: true },
  },
  async handle(input) {
    const body = readBody(CompleteBody, jsonBody(input));
    if (!body.ok) return body;
    const data = body.value.data as JsonValue | undefined;
    const completed = await completeWaitToken(input.services, input.workspaceId, input.id, data);
    return completed.ok ? ok(COMPLETED) : completed;
  },
};

const COMPLETED = { status: 200, body: { success: true } } as const;

/** Public: the secret in the path is the key. What is no JSON completes the token with `{}` (facts 3.2). */
export const tokenCallback: Endpoint = {
  access: "public",
  contract: {
    id: "tokenCallback",
    method: "post",
    path: "/api/v1/waitpoints/tokens/{token_id}/callback/{secret}",
    body: { any: true },
  },
  async handle(input) {
    if (!input.headers.has("content-length")) return ok(LENGTH_REQUIRED);
    const data = parsed(anyBody(input).bytes);
    const completed = await completeByCallback(input.services, input.id, param(input, "secret"), data);
    return completed.ok ? ok(COMPLETED) : completed;
  },
};

const LENGTH_REQUIRED = {
  status: 411,
  body: { error: "The request needs a Content-Length header." },
  headers: { "x-should-retry": "false" },
} as const;

function parsed(bytes: Uint8Array): JsonValue {
  try {
    return JSON.parse(new TextDecoder().decode(bytes)) as JsonValue;
  } catch {
    // Whoever calls back may have nothing to say, or says it in another format.
    return {};
  }
}

/**
 * The public callback URL is a secret that only the creation shows. Afterwards `url` is where a client with a token of the
 * workspace completes the wait token.
 */
export function toToken(services: Pick<Services, "clock" | "publicUrl">, token: WaitToken) {
  const { id, completedAtMs, timeoutAtMs, idempotencyKey: key, idempotencyUntilMs, tags, createdAtMs } = token;
  return {
    id,
    url: `${tokenUrl(services, token)}/complete`,
    status: waitTokenStatus(token, services.clock.now()),
    ...(completedAtMs === null ? {} : { completedAt: iso(completedAtMs) }),
    ...(timeoutAtMs === null ? {} : { timeoutAt: iso(timeoutAtMs) }),
    ...(key === null ? {} : { idempotencyKey: key }),
    ...(idempotencyUntilMs === null ? {} : { idempotencyKeyExpiresAt: iso(idempotencyUntilMs) }),
    tags: [...tags],
    createdAt: iso(createdAtMs),
  };
}

/** The client makes an error of the output of a token that has timed out, and reads its message. */
function outputFields({ clock }: Pick<Services, "clock">, token: WaitToken) {
  if (waitTokenStatus(token, clock.now()) === "TIMED_OUT") {
    const message = `Nobody completed the wait token before ${iso(token.timeoutAtMs ?? 0)}.`;
    return { output: JSON.stringify({ message }), outputType: "application/json", outputIsError: true };
  }
  if (token.output === null) return {};
  return { output: token.output, outputType: "application/json", outputIsError: false };
}

function tokenUrl({ publicUrl }: Pick<Services, "publicUrl">, { id }: WaitToken): string {
  return `${publicUrl}/api/v1/waitpoints/tokens/${id}`;
}
