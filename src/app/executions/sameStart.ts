/** What an execution was started with, for a start that is to do the same work again. */

import { mergedInput } from "../../domain/engine/restart.ts";
import type { Execution } from "../../domain/execution/execution.ts";
import type { JsonValue } from "../../domain/json.ts";
import type { StartRequest } from "./startExecution.ts";

/**
 * The original's input, what came with its webhook, its attempts and its concurrency key. When it was due, how long it
 * could wait and under which name it was started is its own. `overrideInput` is laid over the input, member by member
 * where both are objects.
 */
export function sameStart(
  { workflow, start }: Pick<Execution, "workflow" | "start">,
  overrideInput?: JsonValue,
): Pick<StartRequest, "input" | "triggerInput" | "maxAttempts" | "concurrencyKey"> {
  const input = mergedInput(workflow === null ? (start?.input ?? null) : workflow.input, overrideInput);
  return {
    ...(start?.maxAttempts == null ? {} : { maxAttempts: start.maxAttempts }),
    ...(start?.concurrencyKey == null ? {} : { concurrencyKey: start.concurrencyKey }),
    ...(workflow === null ? {} : { triggerInput: workflow.triggerInput }),
    // A plain job that was started with nothing is started with nothing again.
    ...(workflow === null && input === null ? {} : { input }),
  };
}
