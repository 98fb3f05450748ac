/** The cursor of the list of runs: base64 of `{"ts": <epoch ms>, "id": "run_…"}`, as both of the seed's examples hold. */

import { executionIdFloor } from "../../../domain/ids.ts";
import { fromRunId, toRunId } from "../ids.ts";

/** The place after an execution. `ts` is its due time, by which the list is ordered, as its id is. */
export function encodeRunCursor(execution: { readonly id: string; readonly scheduledForMs: number }): string {
  return btoa(JSON.stringify({ ts: execution.scheduledForMs, id: toRunId(execution.id) }));
}

/** The execution's id; `null` for what this list never gave out: no base64, no such JSON, or an id of another time. */
export function decodeRunCursor(text: string): string | null {
  const decoded = decodeJson(text);
  if (typeof decoded !== "object" || decoded === null) return null;
  const { ts, id } = decoded as { ts?: unknown; id?: unknown };
  if (typeof ts !== "number" || !Number.isSafeInteger(ts) || typeof id !== "string") return null;
  const executionId = fromRunId(id);
  return executionId?.startsWith(executionIdFloor(ts)) === true ? executionId : null;
}

function decodeJson(text: string): unknown {
  try {
    return JSON.parse(atob(text));
  } catch {
    // Whoever sent it did not get it from us; the caller says so.
    return null;
  }
}
