/** Payloads as Trigger.dev's clients pack them. */

import type { JsonValue } from "../../../domain/json.ts";
import { err, ok } from "../../../domain/result.ts";
import type { Result } from "../../../domain/result.ts";

/**
 * What a task is started with; `undefined` when nothing was sent.
 *
 * The SDK writes `application/super+json`: `{"json": …, "meta": …}` as a text, where `meta` says which values were dates,
 * sets and the like. What a job is handed is JSON, so the values of `json` are taken as they are: a date is its ISO text.
 * Any other type means the value itself, also where it is a text.
 */
export function readPayload(
  payload: JsonValue | undefined,
  type: string | undefined,
): Result<JsonValue | undefined, string> {
  if (payload === undefined) return ok(undefined);
  if (type === "application/store") {
    return err(
      "is a reference to a stored file, and files are not stored here: send the payload itself, of at most 128 KB",
    );
  }
  if (type !== "application/super+json" || typeof payload !== "string") return ok(payload);
  const packet = parsedJson(payload);
  if (typeof packet === "object" && packet !== null && !Array.isArray(packet) && "json" in packet) {
    return ok((packet as Readonly<Record<string, JsonValue>>)["json"]);
  }
  return err('is not a packet of type application/super+json, such as "{\\"json\\":{\\"a\\":1}}"');
}

/** `undefined` for what is no JSON. */
export function parsedJson(text: string): JsonValue | undefined {
  try {
    return JSON.parse(text) as JsonValue;
  } catch {
    // The caller says what would have been right.
    return undefined;
  }
}
