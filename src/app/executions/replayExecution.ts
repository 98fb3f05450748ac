/** Runs the job of a finished execution once more, with the same input; the original stays as it is. */

import type { Execution, StartOptions } from "../../domain/execution/execution.ts";
import { isFinished } from "../../domain/execution/execution.ts";
import { ok } from "../../domain/result.ts";
import type { Outcome } from "../errors.ts";
import { refused } from "../errors.ts";
import type { Services } from "../services.ts";
import { getExecution } from "./getExecution.ts";
import { startExecution } from "./startExecution.ts";

export async function replayExecution(
  services: Services,
  workspaceId: string,
  executionId: string,
): Promise<Outcome<Execution>> {
  const original = await getExecution(services, workspaceId, executionId);
  if (!original.ok) return original;
  const { id, jobId, status, workflow, start } = original.value;
  if (!isFinished(status)) {
    return refused("not_finished", `This execution is ${status}; it can be replayed once it is finished.`, {
      details: { status },
    });
  }
  const started = await startExecution(services, workspaceId, jobId, {
    source: "replay",
    replayedFrom: id,
    ...(start === null ? {} : carriedOver(start)),
    ...(workflow === null ? {} : { input: workflow.input, triggerInput: workflow.triggerInput }),
  });
  return started.ok ? ok(started.value.execution) : started;
}

/** What the same work needs again; when and under which name the original was started is its own. */
function carriedOver({ input, maxAttempts, concurrencyKey }: StartOptions) {
  return {
    ...(input === null ? {} : { input }),
    ...(maxAttempts === null ? {} : { maxAttempts }),
    ...(concurrencyKey === null ? {} : { concurrencyKey }),
  };
}
