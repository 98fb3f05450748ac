/** A response as the rules see it, and its body as JSON, parsed once and only when a rule asks. */

import type { JsonValue } from "../json.ts";
import { err, ok } from "../result.ts";
import type { Result } from "../result.ts";
import { MAX_JSON_DEPTH } from "./jsonPath.ts";

export interface JudgedResponse {
  readonly status: number;
  /** Names in any case. */
  readonly headers: Readonly<Record<string, string>>;
  /** The first 64 KB, decoded as text. */
  readonly body: string;
  /** Whether the target sent more than was read. */
  readonly bodyTruncated: boolean;
}

/** The value of a header by its name in any case, or `null`. */
export function headerValue(response: JudgedResponse, name: string): string | null {
  const wanted = name.toLowerCase();
  for (const [key, value] of Object.entries(response.headers)) {
    if (key.toLowerCase() === wanted) return value;
  }
  return null;
}

export type JsonReader = () => Result<JsonValue, string>;

/** Parses the body at the first call; the error says what a person can do about it. */
export function lazyJson(response: JudgedResponse): JsonReader {
  let parsed: Result<JsonValue, string> | null = null;
  return () => (parsed ??= parseBody(response));
}

function parseBody(response: JudgedResponse): Result<JsonValue, string> {
  if (response.body.trim() === "") return err("an empty body instead of JSON");
  let value: JsonValue;
  try {
    value = JSON.parse(response.body) as JsonValue;
  } catch {
    if (response.bodyTruncated) return err("a body over 64 KB, cut off before its JSON ended");
    return err(`a body that is not JSON: ${response.body}`);
  }
  if (depthExceeds(value, MAX_JSON_DEPTH)) return err(`JSON nested deeper than ${MAX_JSON_DEPTH} levels`);
  return ok(value);
}

/** Level by level, without recursion: a target may answer 64 KB of `[`. */
function depthExceeds(value: JsonValue, limit: number): boolean {
  let level: JsonValue[] = [value];
  for (let depth = 0; level.length > 0; depth += 1) {
    if (depth > limit) return true;
    level = level.flatMap((item) => (typeof item === "object" && item !== null ? Object.values(item) : []));
  }
  return false;
}
