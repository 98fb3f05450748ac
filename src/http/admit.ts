/** Whether a request may do what it asks for. */

import type { Services } from "../app/services.ts";
import type { TokenCache } from "../auth/authenticate.ts";
import { authenticate } from "../auth/authenticate.ts";
import type { CredentialsError } from "../auth/credentials.ts";
import { readToken } from "../auth/credentials.ts";
import { err, ok } from "../domain/result.ts";
import type { Result } from "../domain/result.ts";
import { ROLES, isAllowed } from "../domain/workspace/workspace.ts";
import type { Permission, Token } from "../domain/workspace/workspace.ts";
import type { HttpError } from "./errors.ts";
import type { Endpoint } from "./operation.ts";

const HOW = "Send a token as `Authorization: Bearer <token>` or as `x-api-key: <token>`.";

const CREDENTIALS: Readonly<Record<CredentialsError, string>> = {
  missing: `This needs a token. ${HOW}`,
  malformed: `The token could not be read. ${HOW}`,
  contradictory: "Authorization and x-api-key hold different tokens; send one of them.",
};

/** The token that the request speaks for; `null` where nobody or the operator does. */
export async function admit(
  access: Endpoint["access"],
  headers: Headers,
  services: Services,
  cache: TokenCache,
): Promise<Result<Token | null, HttpError>> {
  if (access === "public") return ok(null);
  const secret = readToken(headers);
  if (!secret.ok) return unauthorized(CREDENTIALS[secret.error]);
  const principal = await authenticate(secret.value, services, cache);
  if (principal === null) return unauthorized(`This token opens nothing; it may have been deleted. ${HOW}`);
  if (access === "operator") {
    if (principal.type === "operator") return ok(null);
    return forbidden("Only the operator may do this, with the token that was deployed as ADMIN_TOKEN.");
  }
  if (principal.type === "operator") {
    return forbidden("The operator's token opens nothing inside a workspace; use a token of the workspace.");
  }
  const { token } = principal;
  return isAllowed(token.role, access) ? ok(token) : forbidden(roleMessage(token, access));
}

function roleMessage(token: Token, permission: Permission): string {
  const roles = ROLES.filter((role) => isAllowed(role, permission)).join(" or ");
  return `This needs a token with role ${roles}; the role of this one is ${token.role}.`;
}

function forbidden(message: string): { readonly ok: false; readonly error: HttpError } {
  return err({ code: "forbidden", message });
}

function unauthorized(message: string): { readonly ok: false; readonly error: HttpError } {
  return err({ code: "unauthorized", message, headers: { "www-authenticate": 'Bearer realm="carillon"' } });
}
