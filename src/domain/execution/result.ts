/** What an execution was given and what it came to, whether it is one request or many steps. */

import type { JsonValue } from "../json.ts";
import type { Execution } from "./execution.ts";

/** What it was started with: its input, or what came with the webhook; `null` for nothing. */
export function inputOf({ workflow, start }: Pick<Execution, "workflow" | "start">): JsonValue {
  return workflow === null ? (start?.input ?? null) : (workflow.input ?? workflow.triggerInput);
}

/**
 * What it gave: of a job with steps its final output; of a plain job the mapped output, or else the body of the last
 * answer, as JSON where it is whole JSON. `null` unless it succeeded.
 */
export function resultOf({
  status,
  workflow,
  output,
  attempts,
}: Pick<Execution, "status" | "workflow" | "output" | "attempts">): JsonValue {
  if (status !== "succeeded") return null;
  if (workflow !== null) return workflow.finalOutput;
  return output ?? parsed(attempts.at(-1)?.bodyPreview ?? null);
}

function parsed(text: string | null): JsonValue {
  if (text === null || text === "") return null;
  try {
    return JSON.parse(text) as JsonValue;
  } catch {
    // Not every answer is JSON, and a long one was cut.
    return text;
  }
}
