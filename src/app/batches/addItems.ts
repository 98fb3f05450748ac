/** Hands items of a batch in: each starts one execution, however often it is handed in. */

import type { NewLabels } from "../executions/labels.ts";
import type { StartRequest } from "../executions/startExecution.ts";
import type { BatchItemError } from "../../domain/batch/batch.ts";
import type { Outcome } from "../errors.ts";
import type { Services } from "../services.ts";

export interface GivenItem extends NewLabels {
  /** Its place in the batch, from 0. */
  readonly index: number;
  /** The task: a job's id or name. */
  readonly jobIdOrName: string;
  /** Without `batchId` and `executionId`, which are the batch's to give. */
  readonly request: Omit<StartRequest, "batchId" | "executionId">;
}

export interface AddedItems {
  readonly accepted: number;
  /** Items that were handed in before. */
  readonly deduplicated: number;
  /** Whether every announced item has arrived. */
  readonly sealed: boolean;
  readonly errors: readonly (BatchItemError & { readonly index: number; readonly task: string })[];
}

export async function addItems(
  _services: Services,
  _workspaceId: string,
  _batchId: string,
  _items: readonly GivenItem[],
): Promise<Outcome<AddedItems>> {
  throw new Error("Comes with the next commits.");
}
