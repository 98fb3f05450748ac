/** What use cases need to keep batches. */

import type { Batch } from "../../domain/batch/batch.ts";

export interface BatchRepository {
  /** The batch itself, or the one that has its idempotency key. */
  insert(batch: Batch): Promise<Batch>;
  find(workspaceId: string, batchId: string): Promise<Batch | null>;
  /** Replaces the items if the batch is still of `expectedRev`; says whether it was. */
  replace(batch: Batch, expectedRev: number): Promise<boolean>;
  /** How many of the batch's executions have not ended; one whose job is deleted counts as ended. */
  countUnfinished(batch: Batch): Promise<number>;
  /** Removes up to `limit` batches that were created before `beforeMs`; returns how many. */
  prune(beforeMs: number, limit: number): Promise<number>;
}
