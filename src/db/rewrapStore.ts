/** What a rotation of the master key reads and writes: the same for every table that holds envelopes. */

import type { RewrapStore, SealedFor } from "../app/ports.ts";
import { signingKeyIdentity } from "../domain/signing/signingKey.ts";
import type { StorageDeps } from "./calls.ts";
import { once, repeated } from "./calls.ts";

interface EnvelopeRow {
  readonly id: string;
  readonly workspace_id: string;
  readonly name: string | null;
  readonly kid: string;
  readonly envelope: string;
}

/** Where the name of what is sealed stands; a signing key has none but its id. */
const NAME = { secrets: "name", signing_keys: "NULL" } as const;

/** Walks the table by its key: it is read whole, but only when the operator rotates. */
export function createRewrapStore(db: D1Database, deps: StorageDeps, table: keyof typeof NAME): RewrapStore {
  return {
    async listNotUnder(masterKeyId, afterId, limit) {
      const sql = `SELECT id, workspace_id, ${NAME[table]} AS name, kid, envelope FROM ${table}
        WHERE id > ?1 AND kid <> ?2 ORDER BY id LIMIT ?3`;
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
      const statement = db.prepare(`UPDATE ${table} SET envelope = ?1, kid = ?2 WHERE id = ?3 AND envelope = ?4`);
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

function ownerOf(row: EnvelopeRow): SealedFor {
  const { id, workspace_id: workspaceId, name } = row;
  return name === null ? signingKeyIdentity({ id, workspaceId }) : { workspaceId, name };
}
