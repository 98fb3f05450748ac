/** Starts an execution together with its tags and metadata. */

import { requestedExecutionId } from "../../domain/ids.ts";
import { ok } from "../../domain/result.ts";
import type { Outcome } from "../errors.ts";
import type { Services } from "../services.ts";
import type { NewLabels } from "./labels.ts";
import { checkLabels, hasLabels, setLabels } from "./labels.ts";
import type { Started, StartRequest } from "./startExecution.ts";
import { startExecution } from "./startExecution.ts";

/**
 * Labels that may not be stored keep the execution from starting. They are written before the start, so that nothing that has
 * started lacks them; but with an idempotency key after it, because only then it is known which execution they belong to. A
 * fault in between is made good by the same call again: labels that are there stay.
 */
export async function startLabelled(
  services: Services,
  workspaceId: string,
  jobId: string,
  request: Omit<StartRequest, "executionId">,
  given: NewLabels,
): Promise<Outcome<Started>> {
  const labels = checkLabels(given);
  if (!labels.ok) return labels;
  if (!hasLabels(labels.value)) return await startExecution(services, workspaceId, jobId, request);
  if (request.idempotency !== undefined) {
    const started = await startExecution(services, workspaceId, jobId, request);
    if (!started.ok) return started;
    const owner = { executionId: started.value.execution.id, jobId };
    const written = await setLabels(services, workspaceId, owner, labels.value);
    return written.ok ? ok(started.value) : written;
  }
  const nowMs = services.clock.now();
  const dueMs = Math.max(nowMs, request.delayUntilMs ?? nowMs);
  const executionId = requestedExecutionId(jobId, dueMs, services.random);
  const written = await setLabels(services, workspaceId, { executionId, jobId }, labels.value);
  if (!written.ok) return written;
  return await startExecution(services, workspaceId, jobId, { ...request, executionId });
}
