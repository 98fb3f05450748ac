/** Reads the token that a request brings. */

import { err, ok } from "../domain/result.ts";
import type { Result } from "../domain/result.ts";

export type CredentialsError = "missing" | "malformed" | "contradictory";

/** More than any token; what is longer is not worth hashing. */
const TOKEN_CHARACTERS_MOST = 512;

/**
 * The token of `Authorization: Bearer <token>` or `x-api-key: <token>`. Both may be given if they agree: when they do
 * not, nobody can tell whom the request speaks for.
 */
export function readToken(headers: Headers): Result<string, CredentialsError> {
  const authorization = headers.get("authorization");
  const apiKey = headers.get("x-api-key");
  const bearer = authorization === null ? null : /^Bearer +(\S+) *$/i.exec(authorization)?.[1];
  if (bearer === undefined) return err("malformed");
  if (bearer !== null && apiKey !== null && bearer !== apiKey.trim()) return err("contradictory");
  const token = bearer ?? apiKey?.trim();
  if (token === undefined) return err("missing");
  return token === "" || token.length > TOKEN_CHARACTERS_MOST ? err("malformed") : ok(token);
}
