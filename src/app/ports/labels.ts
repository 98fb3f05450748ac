/** What use cases need to keep labels of executions. */

import type { Labels } from "../../domain/execution/labels.ts";

/** Labels as they are stored: `rev` is the lock of a change. */
export type StoredLabels = Labels & { readonly rev: number };

export interface LabelOwner {
  readonly executionId: string;
  readonly jobId: string;
}

export interface LabelRepository {
  /** Of those that have any. */
  find(workspaceId: string, executionIds: readonly string[]): Promise<ReadonlyMap<string, StoredLabels>>;
  /** Writes labels of executions that have none; those that have some keep them. Repeatable. */
  insert(
    workspaceId: string,
    entries: readonly { readonly owner: LabelOwner; readonly labels: Labels }[],
  ): Promise<void>;
  /**
   * Replaces labels if they are still of the revision that was read (`null`: there were none); says whether they were.
   */
  replace(workspaceId: string, owner: LabelOwner, labels: Labels, expectedRev: number | null): Promise<boolean>;
}
