/** Batches: executions that are announced together and handed in as a list, item by item. */

/** Items of one batch (seed: Trigger.dev). */
export const BATCH_ITEMS_MOST = 1_000;

const BATCH_STATUSES = ["PENDING", "PROCESSING", "COMPLETED", "PARTIAL_FAILED"] as const;
export type BatchStatus = (typeof BATCH_STATUSES)[number];

/** Why an item started nothing. */
export interface BatchItemError {
  readonly code: string;
  readonly message: string;
}

/** What became of one item. */
export type BatchItem = {
  readonly index: number;
  /** As its sender named the task. */
  readonly task: string;
} & (
  | {
      readonly jobId: string;
      /** Fixed before the start, so that a repeated upload starts nothing twice. */
      readonly executionId: string;
      /** The due time, which is the time within the id. */
      readonly dueMs: number;
      /** `false` until the start was answered. */
      readonly started: boolean;
      readonly error?: undefined;
    }
  | { readonly error: BatchItemError }
);

export interface Batch {
  /** `batch_…`. */
  readonly id: string;
  readonly workspaceId: string;
  /** As many items as were announced. */
  readonly runCount: number;
  readonly idempotencyKey: string | null;
  readonly createdAtMs: number;
  readonly updatedAtMs: number;
  /** In the order of their indexes. */
  readonly items: readonly BatchItem[];
  /** Rises with every change: the lock of an update. */
  readonly rev: number;
}

/** Whether every announced item has arrived. */
export function isSealed(batch: Pick<Batch, "items" | "runCount">): boolean {
  return batch.items.length >= batch.runCount;
}

/** `unfinished` is how many of its executions have not ended. */
export function batchStatus(batch: Pick<Batch, "items" | "runCount">, unfinished: number): BatchStatus {
  if (!isSealed(batch)) return "PENDING";
  if (unfinished > 0) return "PROCESSING";
  return batch.items.some((item) => item.error !== undefined) ? "PARTIAL_FAILED" : "COMPLETED";
}
