/** What a rotation of the master key reads and writes: the same for every table that holds envelopes. */

import type { RewrapStore, SealedFor } from "../app/ports.ts";
import { signingKeyIdentity } from "../domain/signing/signingKey.ts";
import { tokenIdentity, webhookSecretIdentity } from "../domain/trigger/triggerToken.ts";
import type { StorageDeps } from "./calls.ts";
import { once, repeated } from "./calls.ts";

interface EnvelopeRow {
  readonly id: string;
  readonly workspace_id: string;
  readonly name: string;
  readonly kid: string;
  readonly envelope: string;
}

/** The key of each table, the name of what is sealed in it, and whose it is. */
const TABLES = {
  secrets: { key: "id", name: "name", ownerOf: ({ workspace_id: workspaceId, name }) => ({ workspaceId, name }) },
  signing_keys: {
    key: "id",
    name: "id",
    ownerOf: ({ workspace_id: workspaceId, id }) => signingKeyIdentity({ workspaceId, id }),
  },
  webhook_secrets: {
    key: "id",
    name: "id",
    ownerOf: ({ workspace_id: workspaceId, id }) => webhookSecretIdentity({ workspaceId, id }),
  },
  trigger_tokens: {
    key: "hash",
    name: "hash",
    ownerOf: ({ workspace_id: workspaceId, id: hash }) => tokenIdentity({ workspaceId, hash }),
  },
} as const satisfies Record<string, { key: string; name: string; ownerOf(row: EnvelopeRow): SealedFor }>;

/** Walks the table by its key: it is read whole, but only when the operator rotates. */
export function createRewrapStore(db: D1Database, deps: StorageDeps, table: keyof typeof TABLES): RewrapStore {
  const { key, name, ownerOf } = TABLES[table];
  return {
    async listNotUnder(masterKeyId, afterId, limit) {
      const sql = `SELECT ${key} AS id, workspace_id, ${name} AS name, kid, envelope FROM ${table}
        WHERE ${key} > ?1 AND kid <> ?2 ORDER BY ${key} LIMIT ?3`;
      const { results } = await once(`${table}.list_not_under`, () =>
        db
          .prepare(sql)
          .bind(afterId ?? "", masterKeyId, limit)
          .all<EnvelopeRow>(),
      );
      return results.map((row) => ({
        id: row.id,
        owner: ownerOf(row),
        sealed: { envelope: row.envelope, masterKeyId: row.kid },
      }));
    },

    async rewrap(changes) {
      if (changes.length === 0) return;
      const statement = db.prepare(`UPDATE ${table} SET envelope = ?1, kid = ?2 WHERE ${key} = ?3 AND envelope = ?4`);
      await repeated(deps, `${table}.rewrap`, () =>
        db.batch(changes.map(({ id, from, to }) => statement.bind(to.envelope, to.masterKeyId, id, from.envelope))),
      );
    },

    async countNotUnder(masterKeyId) {
      const sql = `SELECT count(*) AS count FROM ${table} WHERE kid <> ?1`;
      const row = await once(`${table}.count_not_under`, () =>
        db.prepare(sql).bind(masterKeyId).first<{ count: number }>(),
      );
      return row?.count ?? 0;
    },
  };
}
