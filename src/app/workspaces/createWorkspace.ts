/** Opens a workspace with its first owner token; only the operator may. */

import { newId } from "../../domain/ids.ts";
import { ok } from "../../domain/result.ts";
import type { Workspace } from "../../domain/workspace/workspace.ts";
import type { Outcome } from "../errors.ts";
import { refused } from "../errors.ts";
import type { Services } from "../services.ts";
import { newToken } from "../tokens/newToken.ts";
import type { NewToken } from "../tokens/newToken.ts";

const TAKEN = "This owner_token is in use already; bring another one, or leave it out to get one.";

/** `ownerToken` is the text of a token that the operator brings, or `null` to have one drawn. */
export async function createWorkspace(
  services: Services,
  details: { readonly name: string; readonly ownerToken: string | null },
): Promise<Outcome<{ readonly workspace: Workspace; readonly owner: NewToken }>> {
  const nowMs = services.clock.now();
  const workspace: Workspace = {
    id: newId("wks", nowMs, services.random),
    name: details.name,
    createdAtMs: nowMs,
  };
  const owner = await newToken(services, {
    workspaceId: workspace.id,
    name: "owner",
    role: "owner",
    ...(details.ownerToken === null ? {} : { secret: details.ownerToken }),
  });
  // The operator's own token must stay what it is: one that opens no workspace.
  const isTaken =
    details.ownerToken !== null &&
    (details.ownerToken === services.adminToken || (await services.tokens.findByHash(owner.token.hash)) !== null);
  if (isTaken) return refused("token_taken", TAKEN);
  await services.workspaces.insert(workspace, owner.token);
  return ok({ workspace, owner });
}
