/** A batch as it is shown: what it started, what it could not start, and whether all has ended. */

import type { BatchItemError, BatchStatus } from "../../domain/batch/batch.ts";
import { batchStatus, isSealed } from "../../domain/batch/batch.ts";
import { ok } from "../../domain/result.ts";
import type { Outcome } from "../errors.ts";
import { notFound } from "../errors.ts";
import type { Services } from "../services.ts";

export interface BatchView {
  readonly id: string;
  readonly status: BatchStatus;
  readonly createdAtMs: number;
  readonly updatedAtMs: number;
  readonly runCount: number;
  readonly idempotencyKey: string | null;
  /** Ids of executions in the order of their items. */
  readonly runs: readonly string[];
  readonly errors: readonly (BatchItemError & { readonly index: number; readonly task: string })[];
}

export async function viewBatch(services: Services, workspaceId: string, batchId: string): Promise<Outcome<BatchView>> {
  const batch = await services.batches.find(workspaceId, batchId);
  if (batch === null) return notFound("batch");
  const unfinished = isSealed(batch) ? await services.batches.countUnfinished(batch) : 0;
  return ok({
    id: batch.id,
    status: batchStatus(batch, unfinished),
    createdAtMs: batch.createdAtMs,
    updatedAtMs: batch.updatedAtMs,
    runCount: batch.runCount,
    idempotencyKey: batch.idempotencyKey,
    runs: batch.items.flatMap((item) => (item.error === undefined ? [item.executionId] : [])),
    errors: batch.items.flatMap(({ index, task, error }) => (error === undefined ? [] : [{ index, task, ...error }])),
  });
}
