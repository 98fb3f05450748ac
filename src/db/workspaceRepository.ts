/** Workspaces in D1. */

import { eq } from "drizzle-orm";
import { drizzle } from "drizzle-orm/d1";
import type { WorkspaceRepository } from "../app/ports.ts";
import type { StorageDeps } from "./calls.ts";
import { once, repeated } from "./calls.ts";
import { tokens, workspaces } from "./schema.ts";
import { toTokenRow } from "./tokenRepository.ts";

export function createWorkspaceRepository(db: D1Database, deps: StorageDeps): WorkspaceRepository {
  const orm = drizzle(db);
  return {
    /** A workspace never exists without its owner's token: both in one transaction. */
    async insert(workspace, ownerToken) {
      const row = { id: workspace.id, name: workspace.name, createdAt: workspace.createdAtMs };
      await repeated(deps, "workspaces.insert", () =>
        orm.batch([
          orm.insert(workspaces).values(row).onConflictDoNothing({ target: workspaces.id }),
          orm.insert(tokens).values(toTokenRow(ownerToken)).onConflictDoNothing({ target: tokens.id }),
        ]),
      );
    },

    async find(workspaceId) {
      const [row] = await once("workspaces.find", () =>
        orm.select().from(workspaces).where(eq(workspaces.id, workspaceId)),
      );
      return row === undefined ? null : { id: row.id, name: row.name, createdAtMs: row.createdAt };
    },
  };
}
