/** Secrets in D1: sealed values, and which jobs name them. */

import { and, asc, eq, sql } from "drizzle-orm";
import { drizzle } from "drizzle-orm/d1";
import type { SecretRepository } from "../app/ports.ts";
import type { Secret } from "../domain/secret/secret.ts";
import type { StorageDeps } from "./calls.ts";
import { ATTEMPT_READ_DEADLINE_MS, once, onceWithin, repeated } from "./calls.ts";
import { createRewrapStore } from "./rewrapStore.ts";
import { secrets } from "./schema.ts";

type SecretRow = typeof secrets.$inferSelect;

/** Jobs that name a secret and have something ahead of them; answered from the index alone. */
const USERS = `
FROM jobs INDEXED BY jobs_with_secrets, json_each(jobs.secret_names) AS used
WHERE jobs.workspace_id = ?1 AND jobs.secret_names IS NOT NULL AND jobs.state <> 'completed' AND jobs.deleted_at IS NULL`;

const LIST_USERS = `SELECT jobs.id AS job_id, used.value AS name ${USERS} ORDER BY jobs.id`;
const FIND_USERS = `SELECT jobs.id AS job_id, used.value AS name ${USERS} AND used.value = ?2 ORDER BY jobs.id`;
const DELETE = `DELETE FROM secrets WHERE workspace_id = ?1 AND name = ?2 AND (?3 OR NOT EXISTS (SELECT 1 ${USERS} AND used.value = ?2))`;

interface UserRow {
  readonly job_id: string;
  readonly name: string;
}

export function createSecretRepository(db: D1Database, deps: StorageDeps): SecretRepository {
  const orm = drizzle(db);
  return {
    ...createRewrapStore(db, deps, "secrets"),

    /** Repeatable: a row of this id was put there by an earlier try, ids being unique by chance. */
    async insert(secret, sealed) {
      const row = { ...toColumns(secret), envelope: sealed.envelope, kid: sealed.masterKeyId };
      const [, stored] = await repeated(deps, "secrets.insert", () =>
        orm.batch([
          orm.insert(secrets).values(row).onConflictDoNothing(),
          orm.select({ id: secrets.id }).from(secrets).where(eq(secrets.id, secret.id)),
        ]),
      );
      return stored.length > 0 ? "inserted" : "name_taken";
    },

    async find(workspaceId, name) {
      const [row] = await once("secrets.find", () => orm.select().from(secrets).where(named(workspaceId, name)));
      if (row === undefined) return null;
      const users = await once("secrets.find_users", () =>
        db.prepare(FIND_USERS).bind(workspaceId, name).all<UserRow>(),
      );
      return { secret: toSecret(row), usedBy: users.results.map((user) => user.job_id) };
    },

    async list(workspaceId) {
      const rows = await once("secrets.list", () =>
        orm.select().from(secrets).where(eq(secrets.workspaceId, workspaceId)).orderBy(asc(secrets.name)),
      );
      const users = await once("secrets.list_users", () => db.prepare(LIST_USERS).bind(workspaceId).all<UserRow>());
      const byName = Map.groupBy(users.results, (user) => user.name);
      return rows.map((row) => ({
        secret: toSecret(row),
        usedBy: (byName.get(row.name) ?? []).map((user) => user.job_id),
      }));
    },

    /** Made once: a repetition after a lost answer would count a revision that nobody asked for. */
    async replaceValue(workspaceId, name, sealed, nowMs) {
      const { meta } = await once("secrets.replace_value", () =>
        orm
          .update(secrets)
          .set({
            envelope: sealed.envelope,
            kid: sealed.masterKeyId,
            revision: sql`${secrets.revision} + 1`,
            updatedAt: nowMs,
          })
          .where(named(workspaceId, name)),
      );
      return meta.changes > 0;
    },

    async delete(workspaceId, name, force) {
      const { meta } = await once("secrets.delete", () =>
        db
          .prepare(DELETE)
          .bind(workspaceId, name, force ? 1 : 0)
          .run(),
      );
      return meta.changes > 0 ? "deleted" : "kept";
    },

    /** The names go as one parameter: D1 takes a hundred at most, and a body may hold more. */
    async readSealed(workspaceId, names) {
      const isNamed = sql`${secrets.name} IN (SELECT value FROM json_each(${JSON.stringify(names)}))`;
      return await onceWithin(deps, ATTEMPT_READ_DEADLINE_MS, "secrets.read", () =>
        orm
          .select({ id: secrets.id, name: secrets.name, revision: secrets.revision, envelope: secrets.envelope })
          .from(secrets)
          .where(and(eq(secrets.workspaceId, workspaceId), isNamed)),
      );
    },
  };
}

function named(workspaceId: string, name: string) {
  return and(eq(secrets.workspaceId, workspaceId), eq(secrets.name, name));
}

function toColumns({ createdAtMs, updatedAtMs, ...rest }: Secret): Omit<SecretRow, "envelope" | "kid"> {
  return { ...rest, createdAt: createdAtMs, updatedAt: updatedAtMs };
}

function toSecret({ id, workspaceId, name, environment, revision, createdAt, updatedAt }: SecretRow): Secret {
  return { id, workspaceId, name, environment, revision, createdAtMs: createdAt, updatedAtMs: updatedAt };
}
