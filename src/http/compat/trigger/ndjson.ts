/** JSON documents, one on each line. */

import type { FieldIssue } from "../../../domain/issue.ts";
import type { JsonValue } from "../../../domain/json.ts";
import { err, ok } from "../../../domain/result.ts";
import type { Result } from "../../../domain/result.ts";

/** Empty lines are passed over; the first line that is not JSON is what is wrong. */
export function readNdjson(bytes: Uint8Array): Result<readonly JsonValue[], FieldIssue> {
  const lines = new TextDecoder().decode(bytes).split("\n");
  const documents: JsonValue[] = [];
  for (const [index, line] of lines.entries()) {
    if (line.trim() === "") continue;
    try {
      documents.push(JSON.parse(line) as JsonValue);
    } catch {
      return err({ path: `line ${index + 1}`, message: "is not JSON; each line is one item of the batch" });
    }
  }
  return ok(documents);
}
