/** Announces a batch: how many items will come. */

import type { Batch } from "../../domain/batch/batch.ts";
import { BATCH_ITEMS_MOST } from "../../domain/batch/batch.ts";
import { newId } from "../../domain/ids.ts";
import { ok } from "../../domain/result.ts";
import type { Outcome } from "../errors.ts";
import { invalid } from "../errors.ts";
import type { Services } from "../services.ts";

export interface NewBatch {
  /** 1 to `BATCH_ITEMS_MOST`. */
  readonly runCount: number;
  readonly idempotencyKey?: string;
}

export interface CreatedBatch {
  readonly id: string;
  readonly runCount: number;
  /** Whether the idempotency key led to a batch that was there already. */
  readonly isCached: boolean;
}

export async function createBatch(
  services: Services,
  workspaceId: string,
  { runCount, idempotencyKey }: NewBatch,
): Promise<Outcome<CreatedBatch>> {
  if (!Number.isInteger(runCount) || runCount < 1 || runCount > BATCH_ITEMS_MOST) {
    return invalid([{ path: "runCount", message: `must be a whole number from 1 to ${BATCH_ITEMS_MOST}` }]);
  }
  const nowMs = services.clock.now();
  const wanted: Batch = {
    id: newId("batch", nowMs, services.random),
    workspaceId,
    runCount,
    idempotencyKey: idempotencyKey ?? null,
    createdAtMs: nowMs,
    updatedAtMs: nowMs,
    items: [],
    rev: 1,
  };
  const batch = await services.batches.insert(wanted);
  return ok({ id: batch.id, runCount: batch.runCount, isCached: batch.id !== wanted.id });
}
