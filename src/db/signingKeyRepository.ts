/** Signing keys in D1, sealed. */

import { and, desc, eq, gt, isNull, or, lte } from "drizzle-orm";
import { drizzle } from "drizzle-orm/d1";
import type { SigningKeyRepository } from "../app/ports.ts";
import type { SigningKey } from "../domain/signing/signingKey.ts";
import { VALID_KEYS_MOST } from "../domain/signing/signingKey.ts";
import type { StorageDeps } from "./calls.ts";
import { ATTEMPT_READ_DEADLINE_MS, once, onceWithin, repeated } from "./calls.ts";
import { createRewrapStore } from "./rewrapStore.ts";
import { signingKeys } from "./schema.ts";

type SigningKeyRow = typeof signingKeys.$inferSelect;

/** Not inserted when as many keys as are allowed would still be valid; without an overlap (?7) none would. */
const INSERT = `
INSERT INTO signing_keys (id, workspace_id, created_at, expires_at, kid, envelope)
SELECT ?1, ?2, ?3, NULL, ?4, ?5
WHERE ?7 <= ?3 OR (
  SELECT count(*) FROM signing_keys
  WHERE workspace_id = ?2 AND id <> ?1 AND (expires_at IS NULL OR expires_at > ?3)
) < ?6
ON CONFLICT (id) DO NOTHING`;

/** Only once the new key is there: the workspace is never left without one. */
const EXPIRE_OLDER = `
UPDATE signing_keys SET expires_at = min(coalesce(expires_at, ?3), ?3)
WHERE workspace_id = ?2 AND id <> ?1 AND EXISTS (SELECT 1 FROM signing_keys WHERE id = ?1)`;

const DELETE_EXPIRED = `DELETE FROM signing_keys WHERE workspace_id = ?1 AND expires_at <= ?2`;

const IS_STORED = `SELECT 1 FROM signing_keys WHERE id = ?1`;

export function createSigningKeyRepository(db: D1Database, deps: StorageDeps): SigningKeyRepository {
  const orm = drizzle(db);
  return {
    ...createRewrapStore(db, deps, "signing_keys"),

    async list(workspaceId, nowMs) {
      const rows = await once("signing_keys.list", () => validKeys(orm, workspaceId, nowMs));
      return rows.map(toSigningKey);
    },

    /** One transaction and repeatable: of two rotations at once the later one lets the earlier one's key expire. */
    async rotate(key, sealed, overlapUntilMs) {
      const { id, workspaceId, createdAtMs } = key;
      const answers = await repeated(deps, "signing_keys.rotate", () =>
        db.batch([
          db
            .prepare(INSERT)
            .bind(id, workspaceId, createdAtMs, sealed.masterKeyId, sealed.envelope, VALID_KEYS_MOST, overlapUntilMs),
          db.prepare(EXPIRE_OLDER).bind(id, workspaceId, overlapUntilMs),
          db.prepare(DELETE_EXPIRED).bind(workspaceId, createdAtMs),
          db.prepare(IS_STORED).bind(id),
        ]),
      );
      return (answers[3]?.results.length ?? 0) > 0 ? "rotated" : "full";
    },

    async readSealed(workspaceId, nowMs) {
      const rows = await onceWithin(deps, ATTEMPT_READ_DEADLINE_MS, "signing_keys.read", () =>
        validKeys(orm, workspaceId, nowMs),
      );
      return rows.map((row) => ({ ...toSigningKey(row), envelope: row.envelope }));
    },

    async deleteExpired(nowMs) {
      await repeated(deps, "signing_keys.delete_expired", () =>
        orm.delete(signingKeys).where(lte(signingKeys.expiresAt, nowMs)),
      );
    },
  };
}

/** The order of ids is the order of creation; a workspace has at most a handful. */
function validKeys(orm: ReturnType<typeof drizzle>, workspaceId: string, nowMs: number) {
  return orm
    .select()
    .from(signingKeys)
    .where(
      and(
        eq(signingKeys.workspaceId, workspaceId),
        or(isNull(signingKeys.expiresAt), gt(signingKeys.expiresAt, nowMs)),
      ),
    )
    .orderBy(desc(signingKeys.id));
}

function toSigningKey({ id, workspaceId, createdAt, expiresAt }: SigningKeyRow): SigningKey {
  return { id, workspaceId, createdAtMs: createdAt, expiresAtMs: expiresAt };
}
