/** The cursor of the list of runs: base64 of `{"ts": <epoch ms>, "id": "run_…"}`, as in the seed's examples. */

import { timeOf } from "../../../domain/ids.ts";
import { fromRunId, toRunId } from "../ids.ts";

/** The place after an execution. `ts` is the time within its id, by which the list is ordered. */
export function encodeRunCursor(executionId: string): string {
  return btoa(JSON.stringify({ ts: timeOf(executionId), id: toRunId(executionId) }));
}

/** The execution's id; `null` for what this list never gave out: no base64, no such JSON, or an id of another time. */
export function decodeRunCursor(text: string): string | null {
  const decoded = decodeJson(text);
  if (typeof decoded !== "object" || decoded === null) return null;
  const { ts, id } = decoded as { ts?: unknown; id?: unknown };
  const executionId = typeof id === "string" ? fromRunId(id) : null;
  return executionId !== null && ts === timeOf(executionId) ? executionId : null;
}

function decodeJson(text: string): unknown {
  try {
    return JSON.parse(atob(text));
  } catch {
    // Whoever sent it did not get it from us; the caller says so.
    return null;
  }
}
