/** Reads a request's body: bounded, as UTF-8, as JSON. */

import type { JsonValue } from "../domain/json.ts";
import { err, ok } from "../domain/result.ts";
import type { Result } from "../domain/result.ts";
import type { HttpError } from "./errors.ts";
import { findJsonError } from "./jsonText.ts";

/** Of a request's body, as it arrives: the stream is counted, because `content-length` may be absent or wrong. */
export const BODY_BYTES_MOST = 256 * 1024;

const TOO_LARGE: HttpError = {
  code: "payload_too_large",
  message: `The body has more than ${BODY_BYTES_MOST / 1024} KB, which is the most that is accepted.`,
};

export async function readText(request: Request): Promise<Result<string, HttpError>> {
  if (Number(request.headers.get("content-length") ?? 0) > BODY_BYTES_MOST) return err(TOO_LARGE);
  if (request.body === null) return ok("");
  const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: false });
  const reader = request.body.getReader();
  let text = "";
  let bytes = 0;
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return ok(text + decoder.decode());
      bytes += value.byteLength;
      if (bytes > BODY_BYTES_MOST) {
        await reader.cancel();
        return err(TOO_LARGE);
      }
      text += decoder.decode(value, { stream: true });
    }
  } catch (fault) {
    // The decoder's only error; what the stream itself throws is the platform's business.
    if (!(fault instanceof TypeError)) throw fault;
    return err({ code: "malformed_json", message: `The body is not UTF-8 text (near byte ${bytes}).` });
  }
}

/** The JSON in a body. The content type is not looked at: whatever a client calls it, only JSON is understood. */
export function parseJson(text: string): Result<JsonValue, HttpError> {
  if (text.trim() === "") {
    return err({ code: "malformed_json", message: "The body is empty; send a JSON object." });
  }
  const wrong = findJsonError(text);
  if (wrong !== null) {
    const found = text[wrong.position];
    const instead = found === undefined ? "the body ends there" : `${JSON.stringify(found)} stands there`;
    return err({
      code: "malformed_json",
      message:
        `The body is not valid JSON at position ${wrong.position} (line ${wrong.line}, column ${wrong.column}): ` +
        `expected ${wrong.expected}, but ${instead}.`,
    });
  }
  const value = JSON.parse(text) as JsonValue;
  return hasPrototypeKey(value)
    ? err({ code: "malformed_json", message: 'The body has a field named "__proto__", which is not accepted.' })
    : ok(value);
}

/** Many a library loses or misreads this one name; a field that vanishes unseen is worse than one refused. */
function hasPrototypeKey(value: JsonValue): boolean {
  if (typeof value !== "object" || value === null) return false;
  return Object.hasOwn(value, "__proto__") || Object.values(value).some(hasPrototypeKey);
}

/** One text for all spellings of the same JSON: keys in order, no space. */
export function canonicalJson(value: JsonValue): string {
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  if (Array.isArray(value)) return `[${value.map((item: JsonValue) => canonicalJson(item)).join(",")}]`;
  const members = Object.entries(value as Readonly<Record<string, JsonValue>>)
    .toSorted(([one], [other]) => (one < other ? -1 : 1))
    .map(([key, item]) => `${JSON.stringify(key)}:${canonicalJson(item)}`);
  return `{${members.join(",")}}`;
}
