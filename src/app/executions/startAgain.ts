/** Starts the job of an execution, finished or not, once more: as it was started, but for what is asked to be different. */

import type { Outcome } from "../errors.ts";
import type { Services } from "../services.ts";
import { getExecution } from "./getExecution.ts";
import type { NewLabels } from "./labels.ts";
import { labelsOf } from "./labels.ts";
import { sameStart } from "./sameStart.ts";
import type { Started, StartRequest } from "./startExecution.ts";
import { startLabelled } from "./startLabelled.ts";

/**
 * The new execution has the original's input, attempts, concurrency key and labels, each unless another is given. When the
 * original was due, how long it could wait and its idempotency key are its own.
 */
export async function startAgain(
  services: Services,
  workspaceId: string,
  executionId: string,
  changes: Omit<StartRequest, "executionId" | "replayedFrom">,
  labels: Partial<NewLabels>,
): Promise<Outcome<Started>> {
  const original = await getExecution(services, workspaceId, executionId);
  if (!original.ok) return original;
  const { id, jobId } = original.value;
  const before = (await labelsOf(services, workspaceId, [id])).get(id);
  const request = { ...sameStart(original.value), ...changes, replayedFrom: id };
  return await startLabelled(services, workspaceId, jobId, request, {
    tags: before?.tags ?? [],
    metadata: before?.metadata ?? null,
    ...labels,
  });
}
