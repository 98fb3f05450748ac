/** The tokens of a workspace: make one, list them, take one back. */

import { ok } from "../../domain/result.ts";
import type { Role, Token } from "../../domain/workspace/workspace.ts";
import { cutPage } from "../cutPage.ts";
import type { Outcome } from "../errors.ts";
import { notFound, refused } from "../errors.ts";
import type { Page } from "../ports.ts";
import type { Services } from "../services.ts";
import { newToken } from "./newToken.ts";
import type { NewToken } from "./newToken.ts";

export async function createToken(
  services: Services,
  workspaceId: string,
  details: { readonly name: string; readonly role: Role },
): Promise<NewToken> {
  const created = await newToken(services, { workspaceId, ...details });
  await services.tokens.insert(created.token);
  return created;
}

/** A workspace has a handful of tokens, so a page is cut from all of them. */
export async function listTokens(
  services: Services,
  workspaceId: string,
  page: { readonly limit: number; readonly offset: number },
): Promise<Page<Token>> {
  return cutPage(await services.tokens.list(workspaceId), page);
}

export async function deleteToken(services: Services, workspaceId: string, tokenId: string): Promise<Outcome<null>> {
  switch (await services.tokens.delete(workspaceId, tokenId)) {
    case "deleted":
      return ok(null);
    case "not_found":
      return notFound("token");
    case "last_owner":
      return refused(
        "last_owner",
        "This is the last owner token; without it nobody could manage the workspace. Create another owner token first.",
      );
  }
}
