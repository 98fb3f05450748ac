/** Runs the job of a finished execution once more, with the same input; the original stays as it is. */

import { mergedInput } from "../../domain/engine/restart.ts";
import type { Execution, StartOptions } from "../../domain/execution/execution.ts";
import { isFinished } from "../../domain/execution/execution.ts";
import type { JsonValue } from "../../domain/json.ts";
import { ok } from "../../domain/result.ts";
import type { Outcome } from "../errors.ts";
import { refused } from "../errors.ts";
import type { Services } from "../services.ts";
import { getExecution } from "./getExecution.ts";
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
  const { id, jobId, status, workflow, start } = original.value;
  if (!isFinished(status)) {
    return refused("not_finished", `This execution is ${status}; it can be replayed once it is finished.`, {
      details: { status },
    });
  }
  const started = await startExecution(services, workspaceId, jobId, {
    source: "replay",
    replayedFrom: id,
    ...more,
    ...(start ? carriedOver(start) : {}),
    ...(workflow === null ? {} : { triggerInput: workflow.triggerInput }),
    ...inputOf(original.value, overrideInput),
  });
  return started.ok ? ok(started.value.execution) : started;
}

/** What the same work needs again; when and under which name the original was started is its own. */
function carriedOver({ maxAttempts, concurrencyKey }: StartOptions) {
  return {
    ...(maxAttempts === null ? {} : { maxAttempts }),
    ...(concurrencyKey === null ? {} : { concurrencyKey }),
  };
}

/** A plain job that was started with nothing is started with nothing again. */
function inputOf({ workflow, start }: Execution, override: JsonValue | undefined): { readonly input?: JsonValue } {
  if (workflow !== null) return { input: mergedInput(workflow.input, override) };
  const input = mergedInput(start?.input ?? null, override);
  return input === null ? {} : { input };
}
