/** Runs the job of a finished execution once more, with the same input; the original stays as it is. */

import type { Execution } from "../../domain/execution/execution.ts";
import { isFinished } from "../../domain/execution/execution.ts";
import type { JsonValue } from "../../domain/json.ts";
import { ok } from "../../domain/result.ts";
import type { Outcome } from "../errors.ts";
import { refused } from "../errors.ts";
import type { Services } from "../services.ts";
import { getExecution } from "./getExecution.ts";
import { sameStart } from "./sameStart.ts";
import type { StartRequest } from "./startExecution.ts";
import { startExecution } from "./startExecution.ts";

export interface ReplayOptions extends Pick<StartRequest, "executionId" | "rememberIdMs" | "bulkActionId"> {
  /** Laid over the original's input, member by member where both are objects. */
  readonly overrideInput?: JsonValue | undefined;
}

export async function replayExecution(
  services: Services,
  workspaceId: string,
  executionId: string,
  { overrideInput, ...more }: ReplayOptions = {},
): Promise<Outcome<Execution>> {
  const original = await getExecution(services, workspaceId, executionId);
  if (!original.ok) return original;
  const { id, jobId, status } = original.value;
  if (!isFinished(status)) {
    return refused("not_finished", `This execution is ${status}; it can be replayed once it is finished.`, {
      details: { status },
    });
  }
  const started = await startExecution(services, workspaceId, jobId, {
    source: "replay",
    replayedFrom: id,
    ...more,
    ...sameStart(original.value, overrideInput),
  });
  return started.ok ? ok(started.value.execution) : started;
}
