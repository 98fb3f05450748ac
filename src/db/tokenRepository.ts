/** API tokens in D1, by the hash under which they are looked up. */

import { and, asc, eq, sql } from "drizzle-orm";
import { drizzle } from "drizzle-orm/d1";
import type { TokenRepository } from "../app/ports.ts";
import type { Role, Token } from "../domain/workspace/workspace.ts";
import type { StorageDeps } from "./calls.ts";
import { once, repeated } from "./calls.ts";
import { tokens } from "./schema.ts";

type TokenRow = typeof tokens.$inferSelect;

export function toTokenRow(token: Token): TokenRow {
  const { createdAtMs, ...rest } = token;
  return { ...rest, createdAt: createdAtMs };
}

function toToken(row: TokenRow): Token {
  const { createdAt, role, ...rest } = row;
  return { ...rest, role: role as Role, createdAtMs: createdAt };
}

export function createTokenRepository(db: D1Database, deps: StorageDeps): TokenRepository {
  const orm = drizzle(db);
  return {
    async insert(token) {
      await repeated(deps, "tokens.insert", () =>
        orm.insert(tokens).values(toTokenRow(token)).onConflictDoNothing({ target: tokens.id }),
      );
    },

    /** Oldest first. */
    async list(workspaceId) {
      const rows = await once("tokens.list", () =>
        orm.select().from(tokens).where(eq(tokens.workspaceId, workspaceId)).orderBy(asc(tokens.id)),
      );
      return rows.map(toToken);
    },

    /**
     * The last owner token of a workspace stays: nobody could make another. Whether it is the last is judged by the
     * statement that deletes it, so two deletions at once cannot both go through.
     */
    async delete(workspaceId, tokenId) {
      const isOfWorkspace = and(eq(tokens.id, tokenId), eq(tokens.workspaceId, workspaceId));
      const isExpendable = sql`(${tokens.role} <> 'owner' OR EXISTS (
        SELECT 1 FROM tokens AS other
        WHERE other.workspace_id = ${workspaceId} AND other.role = 'owner' AND other.id <> ${tokenId}
      ))`;
      const [deleted, left] = await once("tokens.delete", () =>
        orm.batch([
          orm.delete(tokens).where(and(isOfWorkspace, isExpendable)),
          orm.select({ id: tokens.id }).from(tokens).where(isOfWorkspace),
        ]),
      );
      if (deleted.meta.changes > 0) return "deleted";
      return left.length > 0 ? "last_owner" : "not_found";
    },

    async findByHash(hash) {
      const [row] = await once("tokens.find_by_hash", () => orm.select().from(tokens).where(eq(tokens.hash, hash)));
      return row === undefined ? null : toToken(row);
    },
  };
}
