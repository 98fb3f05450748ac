/** Wait tokens in D1. */

import type { WaitTokenFilter, WaitTokenRepository } from "../app/ports/waitTokens.ts";
import { idFloor } from "../domain/ids.ts";
import type { WaitToken, WaitTokenStatus } from "../domain/waitToken/waitToken.ts";
import type { StorageDeps } from "./calls.ts";
import { once, repeated } from "./calls.ts";
import { sliceClauses, toSlice } from "./sliceQuery.ts";
import type { SliceRequest } from "../app/ports/slice.ts";

/** Of one token: each answer to a creation with the same idempotency key carries a secret of its own. */
export const CALLBACK_SECRETS_MOST = 5;

const COLUMNS =
  "id, workspace_id, created_at, timeout_at, completed_at, idempotency_key, idempotency_until, tags, output";

/** A key whose time is over is free again. */
const RELEASE_KEY = `
UPDATE wait_tokens SET held_key = NULL
WHERE workspace_id = ?1 AND held_key = ?2 AND held_key IS NOT NULL AND idempotency_until <= ?3`;

const INSERT = `
INSERT INTO wait_tokens (${COLUMNS}, held_key, callback_hashes)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?6, json_array(?10)) ON CONFLICT DO NOTHING`;

/** Gives the token that has the key one more secret, unless it is the new token itself. */
const ADD_HASH = `
UPDATE wait_tokens SET callback_hashes = (
  SELECT json_group_array(value) FROM (
    SELECT ?4 AS value, -1 AS place UNION ALL SELECT value, key FROM json_each(callback_hashes) WHERE value <> ?4
    ORDER BY place LIMIT ${CALLBACK_SECRETS_MOST}
  )
) WHERE workspace_id = ?1 AND held_key = ?2 AND held_key IS NOT NULL AND id <> ?3`;

const FIND_KEYED = `SELECT ${COLUMNS} FROM wait_tokens WHERE workspace_id = ?1 AND held_key = ?2 AND held_key IS NOT NULL`;
const FIND = `SELECT ${COLUMNS}, callback_hashes FROM wait_tokens WHERE id = ?1`;

const COMPLETE = `
UPDATE wait_tokens SET completed_at = ?2, output = ?3
WHERE id = ?1 AND completed_at IS NULL AND (timeout_at IS NULL OR timeout_at > ?2)`;

const PRUNE = `
DELETE FROM wait_tokens WHERE id IN (
  SELECT id FROM wait_tokens WHERE id < ?1 AND (completed_at IS NOT NULL OR timeout_at <= ?2) ORDER BY id LIMIT ?3
)`;

interface WaitTokenRow {
  readonly id: string;
  readonly workspace_id: string;
  readonly created_at: number;
  readonly timeout_at: number | null;
  readonly completed_at: number | null;
  readonly idempotency_key: string | null;
  readonly idempotency_until: number | null;
  readonly tags: string;
  readonly output: string | null;
}

export function createWaitTokenRepository(db: D1Database, deps: StorageDeps): WaitTokenRepository {
  const find = async (tokenId: string) =>
    await once("wait_tokens.find", () =>
      db.prepare(FIND).bind(tokenId).first<WaitTokenRow & { callback_hashes: string }>(),
    );
  return {
    /** Repeatable: a row of this id was put there by an earlier try, ids being unique by chance. */
    async insert(token, callbackHash, nowMs) {
      const { id, workspaceId, idempotencyKey: key } = token;
      const row = toRow(token);
      const answers = await repeated(deps, "wait_tokens.insert", () =>
        db.batch<WaitTokenRow>([
          db.prepare(RELEASE_KEY).bind(workspaceId, key, nowMs),
          db
            .prepare(INSERT)
            .bind(
              row.id,
              row.workspace_id,
              row.created_at,
              row.timeout_at,
              row.completed_at,
              row.idempotency_key,
              row.idempotency_until,
              row.tags,
              row.output,
              callbackHash,
            ),
          db.prepare(ADD_HASH).bind(workspaceId, key, id, callbackHash),
          db.prepare(FIND_KEYED).bind(workspaceId, key),
        ]),
      );
      const keyed = answers.at(-1)?.results[0];
      return keyed === undefined ? token : toToken(keyed);
    },

    async find(workspaceId, tokenId) {
      const row = await find(tokenId);
      return row === null || row.workspace_id !== workspaceId ? null : toToken(row);
    },

    async list(workspaceId, filter, page, nowMs) {
      const { sql, params } = waitTokenListStatement(workspaceId, filter, page, nowMs);
      const { results } = await once("wait_tokens.list", () =>
        db
          .prepare(sql)
          .bind(...params)
          .all<WaitTokenRow>(),
      );
      return toSlice(results, page, toToken);
    },

    async complete(tokenId, output, nowMs) {
      await repeated(deps, "wait_tokens.complete", () => db.prepare(COMPLETE).bind(tokenId, nowMs, output).run());
    },

    async findForCallback(tokenId) {
      const row = await find(tokenId);
      return row === null ? null : { token: toToken(row), hashes: JSON.parse(row.callback_hashes) as string[] };
    },

    async prune(beforeMs, nowMs, limit) {
      const { meta } = await repeated(deps, "wait_tokens.prune", () =>
        db.prepare(PRUNE).bind(idFloor("waitpoint", beforeMs), nowMs, limit).run(),
      );
      return meta.changes;
    },
  };
}

/** Ids from the index that has every filter's column, then the rows of one page. */
function waitTokenListStatement(workspaceId: string, filter: WaitTokenFilter, page: SliceRequest, nowMs: number) {
  const where: string[] = ["workspace_id = ?"];
  const params: (string | number)[] = [workspaceId];
  const add = (condition: string, ...values: (string | number)[]) => {
    where.push(condition);
    params.push(...values);
  };
  const { statuses, idempotencyKey, tags, createdFromMs, createdToMs } = filter;
  // The floor of a time is shorter than any id, so it equals none.
  if (createdFromMs !== null) add("id > ?", idFloor("waitpoint", createdFromMs));
  if (createdToMs !== null) add("id < ?", idFloor("waitpoint", createdToMs));
  if (statuses.length > 0) {
    add(`(${statuses.map((status) => STATUS_CONDITIONS[status]).join(" OR ")})`);
    params.push(...statuses.flatMap((status) => (status === "COMPLETED" ? [] : [nowMs])));
  }
  if (idempotencyKey !== null) add("idempotency_key = ?", idempotencyKey);
  if (tags.length > 0) {
    const isWanted = "value IN (SELECT value FROM json_each(?))";
    add(`EXISTS (SELECT 1 FROM json_each(wait_tokens.tags) WHERE ${isWanted})`, JSON.stringify(tags));
  }
  const slice = sliceClauses(page);
  const ids = `SELECT id FROM wait_tokens INDEXED BY wait_tokens_listed
  WHERE ${where.join(" AND ")} ${slice.where} ORDER BY id ${slice.order} LIMIT ?`;
  return {
    sql: `SELECT ${COLUMNS} FROM wait_tokens WHERE id IN (${ids}) ORDER BY id DESC`,
    params: [...params, ...slice.params, page.limit + 1],
  };
}

const STATUS_CONDITIONS: Readonly<Record<WaitTokenStatus, string>> = {
  WAITING: "(completed_at IS NULL AND (timeout_at IS NULL OR timeout_at > ?))",
  TIMED_OUT: "(completed_at IS NULL AND timeout_at <= ?)",
  COMPLETED: "completed_at IS NOT NULL",
};

function toRow(token: WaitToken): WaitTokenRow {
  return {
    id: token.id,
    workspace_id: token.workspaceId,
    created_at: token.createdAtMs,
    timeout_at: token.timeoutAtMs,
    completed_at: token.completedAtMs,
    idempotency_key: token.idempotencyKey,
    idempotency_until: token.idempotencyUntilMs,
    tags: JSON.stringify(token.tags),
    output: token.output,
  };
}

function toToken(row: WaitTokenRow): WaitToken {
  return {
    id: row.id,
    workspaceId: row.workspace_id,
    createdAtMs: row.created_at,
    timeoutAtMs: row.timeout_at,
    completedAtMs: row.completed_at,
    idempotencyKey: row.idempotency_key,
    idempotencyUntilMs: row.idempotency_until,
    tags: JSON.parse(row.tags) as string[],
    output: row.output,
  };
}
