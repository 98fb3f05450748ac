/** Reads a request's body: bounded, as UTF-8, as JSON. */

import type { JsonValue } from "../domain/json.ts";
import { err, ok } from "../domain/result.ts";
import type { Result } from "../domain/result.ts";
import type { HttpError } from "./errors.ts";
import { findJsonError } from "./jsonText.ts";

/** Of a request's body, as it arrives: the stream is counted, because `content-length` may be absent or wrong. */
export const BODY_BYTES_MOST = 256 * 1024;

function tooLarge(bytesMost: number): HttpError {
  return {
    code: "payload_too_large",
    message: `The body has more than ${bytesMost / 1024} KB, which is the most that is accepted.`,
  };
}

export async function readText(request: Request, bytesMost = BODY_BYTES_MOST): Promise<Result<string, HttpError>> {
  const bytes = await readBytes(request, bytesMost);
  if (!bytes.ok) return bytes;
  try {
    return ok(new TextDecoder("utf-8", { fatal: true, ignoreBOM: false }).decode(bytes.value));
  } catch {
    // The decoder's only error.
    return err({ code: "malformed_json", message: "The body is not UTF-8 text." });
  }
}

export async function readBytes(request: Request, bytesMost = BODY_BYTES_MOST): Promise<Result<Uint8Array, HttpError>> {
  const announced = request.headers.get("content-length");
  if (Number(announced ?? 0) > bytesMost) return err(tooLarge(bytesMost));
  if (announced === "0" || request.body === null) return ok(new Uint8Array());
  const reader = request.body.getReader();
  const chunks: Uint8Array[] = [];
  let size = 0;
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return ok(joined(chunks, size));
    size += value.byteLength;
    if (size > bytesMost) {
      await reader.cancel();
      return err(tooLarge(bytesMost));
    }
    chunks.push(value);
  }
}

function joined(chunks: readonly Uint8Array[], size: number): Uint8Array {
  const bytes = new Uint8Array(size);
  let at = 0;
  for (const chunk of chunks) {
    bytes.set(chunk, at);
    at += chunk.byteLength;
  }
  return bytes;
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
