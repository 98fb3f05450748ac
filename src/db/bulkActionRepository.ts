/** Bulk actions in D1: where each stands, and what it has done. */

import type { BulkActionRepository } from "../app/ports/bulkActions.ts";
import type { BulkAction, BulkActionStatus, BulkActionType, BulkTarget } from "../domain/bulkAction/bulkAction.ts";
import { idFloor } from "../domain/ids.ts";
import type { StorageDeps } from "./calls.ts";
import { once, repeated } from "./calls.ts";
import { DELETE_MOST } from "./executionRepository.ts";
import { sliceClauses, toSlice } from "./sliceQuery.ts";

const INSERT = `
INSERT INTO bulk_actions
  (id, workspace_id, action, name, status, total, success, failure, position, rev, lease_until, created_at, updated_at,
  completed_at, target)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, 0, 0, NULL, 1, 0, ?7, ?7, NULL, ?8) ON CONFLICT DO NOTHING`;

/** Whoever gets the row back has it until the lease ends: a doubled message finds nothing to do. */
const CLAIM = `
UPDATE bulk_actions SET rev = rev + 1, lease_until = ?3, updated_at = ?2
WHERE id = ?1 AND status = 'PENDING' AND lease_until <= ?2 RETURNING *`;

/** `rev` fences off a worker whose lease ended. An abort leaves it alone, so that a slice that was under way counts. */
const ADVANCE = `
UPDATE bulk_actions SET rev = rev + 1, lease_until = 0, updated_at = ?3, position = ?4, success = success + ?5,
  failure = failure + ?6, status = CASE WHEN status = 'PENDING' AND ?7 THEN 'COMPLETED' ELSE status END,
  completed_at = CASE WHEN status = 'PENDING' AND ?7 THEN ?3 ELSE completed_at END
WHERE id = ?1 AND rev = ?2`;

const INSERT_RUNS = `
INSERT INTO bulk_action_runs (bulk_action_id, execution_id)
SELECT ?1, value FROM json_each(?3) WHERE EXISTS (SELECT 1 FROM bulk_actions WHERE id = ?1 AND rev = ?2 + 1)
ON CONFLICT DO NOTHING`;

const ABORT = `
UPDATE bulk_actions SET status = 'ABORTED', completed_at = ?3, updated_at = ?3
WHERE id = ?1 AND workspace_id = ?2 AND status = 'PENDING'`;

const LIST_STALLED = `
SELECT id FROM bulk_actions INDEXED BY bulk_actions_pending WHERE status = 'PENDING' AND updated_at < ?1
ORDER BY id LIMIT ?2`;

const PRUNED = "SELECT id FROM bulk_actions WHERE id < ?1 AND status <> 'PENDING' ORDER BY id LIMIT ?2";
const PRUNE_RUNS = `
DELETE FROM bulk_action_runs WHERE (bulk_action_id, execution_id) IN (
  SELECT bulk_action_id, execution_id FROM bulk_action_runs WHERE bulk_action_id IN (${PRUNED}) LIMIT ${DELETE_MOST}
)`;
const PRUNE = `
DELETE FROM bulk_actions WHERE id IN (${PRUNED})
AND NOT EXISTS (SELECT 1 FROM bulk_action_runs WHERE bulk_action_id = bulk_actions.id)`;

interface BulkActionRow {
  readonly id: string;
  readonly workspace_id: string;
  readonly action: string;
  readonly name: string | null;
  readonly status: string;
  readonly total: number;
  readonly success: number;
  readonly failure: number;
  readonly position: string | null;
  readonly rev: number;
  readonly created_at: number;
  readonly completed_at: number | null;
  readonly target: string;
}

export function createBulkActionRepository(db: D1Database, deps: StorageDeps): BulkActionRepository {
  return {
    /** Repeatable, ids being unique by chance. */
    async insert({ id, workspaceId, action, name, status, counts, createdAtMs, target }) {
      await repeated(deps, "bulk_actions.insert", () =>
        db
          .prepare(INSERT)
          .bind(id, workspaceId, action, name, status, counts.total, createdAtMs, JSON.stringify(target))
          .run(),
      );
    },

    async find(workspaceId, id) {
      const row = await once("bulk_actions.find", () =>
        db
          .prepare("SELECT * FROM bulk_actions WHERE id = ?1 AND workspace_id = ?2")
          .bind(id, workspaceId)
          .first<BulkActionRow>(),
      );
      return row === null ? null : toBulkAction(row);
    },

    async list(workspaceId, page) {
      const slice = sliceClauses(page);
      const sql = `SELECT * FROM bulk_actions WHERE id IN (
  SELECT id FROM bulk_actions INDEXED BY bulk_actions_by_workspace WHERE workspace_id = ? ${slice.where}
  ORDER BY id ${slice.order} LIMIT ?
) ORDER BY id DESC`;
      const { results } = await once("bulk_actions.list", () =>
        db
          .prepare(sql)
          .bind(workspaceId, ...slice.params, page.limit + 1)
          .all<BulkActionRow>(),
      );
      return toSlice(results, page, toBulkAction);
    },

    /** Made once: a repetition after a lost answer would find the action claimed. Its lease ends by itself. */
    async claim(id, nowMs, leaseUntilMs) {
      const row = await once("bulk_actions.claim", () =>
        db.prepare(CLAIM).bind(id, nowMs, leaseUntilMs).first<BulkActionRow>(),
      );
      return row === null ? null : { action: toBulkAction(row), progress: { position: row.position, rev: row.rev } };
    },

    async advance(id, claimedRev, { position, success, failure, executionIds, isLast, nowMs }) {
      const [written] = await once("bulk_actions.advance", () =>
        db.batch([
          db.prepare(ADVANCE).bind(id, claimedRev, nowMs, position, success, failure, isLast ? 1 : 0),
          db.prepare(INSERT_RUNS).bind(id, claimedRev, JSON.stringify(executionIds)),
        ]),
      );
      return (written?.meta.changes ?? 0) > 0;
    },

    async abort(workspaceId, id, nowMs) {
      const { meta } = await once("bulk_actions.abort", () => db.prepare(ABORT).bind(id, workspaceId, nowMs).run());
      return meta.changes > 0;
    },

    async listStalled(beforeMs, limit) {
      const { results } = await once("bulk_actions.list_stalled", () =>
        db.prepare(LIST_STALLED).bind(beforeMs, limit).all<{ id: string }>(),
      );
      return results.map(({ id }) => id);
    },

    async prune(beforeMs, limit) {
      const floor = idFloor("bulk", beforeMs);
      const answers = await repeated(deps, "bulk_actions.prune", () =>
        db.batch([db.prepare(PRUNE_RUNS).bind(floor, limit), db.prepare(PRUNE).bind(floor, limit)]),
      );
      return answers.at(-1)?.meta.changes ?? 0;
    },
  };
}

function toBulkAction(row: BulkActionRow): BulkAction {
  return {
    id: row.id,
    workspaceId: row.workspace_id,
    action: row.action as BulkActionType,
    name: row.name,
    status: row.status as BulkActionStatus,
    target: JSON.parse(row.target) as BulkTarget,
    counts: { total: row.total, success: row.success, failure: row.failure },
    createdAtMs: row.created_at,
    completedAtMs: row.completed_at,
  };
}
