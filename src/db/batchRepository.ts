/** Batches in D1: one row each, with its items as JSON. */

import { and, eq, sql } from "drizzle-orm";
import { drizzle } from "drizzle-orm/d1";
import type { BatchRepository } from "../app/ports/batches.ts";
import type { Batch, BatchItem } from "../domain/batch/batch.ts";
import { idFloor } from "../domain/ids.ts";
import type { StorageDeps } from "./calls.ts";
import { once, repeated } from "./calls.ts";
import { batches } from "./schema.ts";

/** What the history does not have (yet) has not ended, unless its job is gone. */
const COUNT_UNFINISHED = `
SELECT count(*) AS count FROM json_each(?1) AS item
CROSS JOIN jobs ON jobs.id = item.value ->> 'jobId' AND jobs.deleted_at IS NULL
LEFT JOIN executions ON executions.id = item.value ->> 'executionId'
WHERE coalesce(executions.status, '') NOT IN ('succeeded', 'failed', 'cancelled')`;

const PRUNE = `DELETE FROM batches WHERE id IN (SELECT id FROM batches WHERE id < ?1 ORDER BY id LIMIT ?2)`;

export function createBatchRepository(db: D1Database, deps: StorageDeps): BatchRepository {
  const orm = drizzle(db);
  return {
    /** Repeatable: a row of this id was put there by an earlier try, ids being unique by chance. */
    async insert(batch) {
      const byKey =
        batch.idempotencyKey === null
          ? sql`0`
          : and(
              eq(batches.workspaceId, batch.workspaceId),
              eq(batches.idempotencyKey, batch.idempotencyKey),
              sql`${batches.idempotencyKey} IS NOT NULL`,
            );
      const [, own, keyed] = await repeated(deps, "batches.insert", () =>
        orm.batch([
          orm.insert(batches).values(toRow(batch)).onConflictDoNothing(),
          orm.select().from(batches).where(eq(batches.id, batch.id)),
          orm.select().from(batches).where(byKey),
        ]),
      );
      const [stored] = [...own, ...keyed];
      if (stored === undefined) throw new Error("A batch was neither stored nor found by its key.");
      return toBatch(stored);
    },

    async find(workspaceId, batchId) {
      const [row] = await once("batches.find", () =>
        orm
          .select()
          .from(batches)
          .where(and(eq(batches.id, batchId), eq(batches.workspaceId, workspaceId))),
      );
      return row === undefined ? null : toBatch(row);
    },

    async replace(batch, expectedRev) {
      const { meta } = await once("batches.replace", () =>
        orm
          .update(batches)
          .set({ items: JSON.stringify(batch.items), updatedAt: batch.updatedAtMs, rev: expectedRev + 1 })
          .where(and(eq(batches.id, batch.id), eq(batches.rev, expectedRev))),
      );
      return meta.changes > 0;
    },

    async countUnfinished(batch) {
      const items = batch.items.filter(({ error }) => error === undefined);
      const row = await once("batches.count_unfinished", () =>
        db.prepare(COUNT_UNFINISHED).bind(JSON.stringify(items)).first<{ count: number }>(),
      );
      return row?.count ?? 0;
    },

    async prune(beforeMs, limit) {
      const { meta } = await repeated(deps, "batches.prune", () =>
        db.prepare(PRUNE).bind(idFloor("batch", beforeMs), limit).run(),
      );
      return meta.changes;
    },
  };
}

function toRow({ createdAtMs, updatedAtMs, items, ...rest }: Batch): typeof batches.$inferInsert {
  return { ...rest, createdAt: createdAtMs, updatedAt: updatedAtMs, items: JSON.stringify(items) };
}

function toBatch({ createdAt, updatedAt, items, ...rest }: typeof batches.$inferSelect): Batch {
  return { ...rest, createdAtMs: createdAt, updatedAtMs: updatedAt, items: JSON.parse(items) as BatchItem[] };
}
