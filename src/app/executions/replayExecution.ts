/** Runs the job of a finished execution once more, with the same input; the original stays as it is. */

import type { Execution } from "../../domain/execution/execution.ts";
import { isFinished } from "../../domain/execution/execution.ts";
import type { Outcome } from "../errors.ts";
import { refused } from "../errors.ts";
import { triggerJob } from "../jobs/triggerJob.ts";
import type { Services } from "../services.ts";
import { getExecution } from "./getExecution.ts";

export async function replayExecution(
  services: Services,
  workspaceId: string,
  executionId: string,
): Promise<Outcome<Execution>> {
  const original = await getExecution(services, workspaceId, executionId);
  if (!original.ok) return original;
  const { id, jobId, status, workflow } = original.value;
  if (!isFinished(status)) {
    return refused("not_finished", `This execution is ${status}; it can be replayed once it is finished.`, {
      details: { status },
    });
  }
  return await triggerJob(services, jobId, {
    workspaceId,
    source: "replay",
    replayedFrom: id,
    ...(workflow === null ? {} : { input: workflow.input, triggerInput: workflow.triggerInput }),
  });
}
