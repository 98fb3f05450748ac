/** What strangers post to a public link (a callback, a webhook, a form), read as a JSON value that templates can use. */

import type { JsonValue } from "../../domain/json.ts";

/** A body as it arrived, at most 256 KB. */
export interface InboundBody {
  readonly bytes: Uint8Array;
  /** The header as it was sent; `null` without one. */
  readonly contentType: string | null;
}

/** Deeper JSON stays text: every later walk over the value would pay for it with its stack. */
const DEPTH_MOST = 64;

const JSON_TYPE = /^(application|text)\/([\w.-]+\+)?json$/;

/**
 * Never fails, because whoever sends cannot be asked to send something else; in the order in which it is tried:
 *
 * - nothing: `null`;
 * - `application/json`, `…+json`, or no content type: the value; text when it is no JSON;
 * - `application/x-www-form-urlencoded`: an object, with a list where a name is repeated. A body that is a JSON object or
 *   list is read as that, since `curl -d` calls everything a form;
 * - `multipart/form-data`: the same; of a file its `filename`, `content_type` and `size`;
 * - anything else: text, or `{"base64": …}` when it is no text.
 */
export async function parseInboundBody(body: InboundBody): Promise<JsonValue> {
  if (body.bytes.byteLength === 0) return null;
  const type = mediaTypeOf(body.contentType);
  if (type === "multipart/form-data") {
    const form = await readMultipart(body);
    if (form !== null) return form;
  }
  const text = decode(body);
  if (text === null) return { base64: toBase64(body.bytes) };
  const isForm = type === "application/x-www-form-urlencoded";
  const mayBeJson = isForm ? /^\s*[[{]/.test(text) : type === null || JSON_TYPE.test(type);
  const json = mayBeJson ? parseJson(text) : null;
  if (json !== null) return json.value;
  return isForm ? fromPairs([...new URLSearchParams(text)]) : text;
}

/** `Application/JSON; charset=utf-8` → `application/json`. */
export function mediaTypeOf(contentType: string | null): string | null {
  const type = (contentType ?? "").split(";", 1)[0]?.trim().toLowerCase() ?? "";
  return type === "" ? null : type;
}

/** Wrapped, because `null` is a value too. */
function parseJson(text: string): { readonly value: JsonValue } | null {
  try {
    const value = JSON.parse(text) as JsonValue;
    return isUsable(value, 0) ? { value } : null;
  } catch {
    // Whatever it is called, it is text.
    return null;
  }
}

/** `__proto__` as a name is lost or misread by many a library; such a body is an attack, and kept as evidence. */
function isUsable(value: JsonValue, depth: number): boolean {
  if (typeof value !== "object" || value === null) return true;
  if (depth === DEPTH_MOST || Object.hasOwn(value, "__proto__")) return false;
  return Object.values(value).every((item: JsonValue) => isUsable(item, depth + 1));
}

/** By the charset that it names, else as UTF-8; `null` for what is no text. */
function decode({ bytes, contentType }: InboundBody): string | null {
  const charset = /;\s*charset\s*=\s*"?([\w:.-]+)/i.exec(contentType ?? "")?.[1] ?? "utf-8";
  for (const label of new Set([charset, "utf-8"])) {
    try {
      return new TextDecoder(label, { fatal: true, ignoreBOM: false }).decode(bytes);
    } catch {
      // An unknown charset, or bytes that are no text in it.
    }
  }
  return null;
}

async function readMultipart({ bytes, contentType }: InboundBody): Promise<JsonValue | null> {
  try {
    const form = await new Response(bytes, { headers: { "content-type": contentType ?? "" } }).formData();
    const pairs: [string, JsonValue][] = [];
    form.forEach((value, name) => {
      pairs.push([
        name,
        typeof value === "string" ? value : { filename: value.name, content_type: value.type, size: value.size },
      ]);
    });
    return fromPairs(pairs);
  } catch {
    // No boundary, or not what the boundary promises: kept as text.
    return null;
  }
}

function fromPairs(pairs: readonly (readonly [string, JsonValue])[]): JsonValue {
  const values = new Map<string, JsonValue[]>();
  for (const [name, value] of pairs) {
    if (name === "__proto__") continue;
    const given = values.get(name);
    if (given === undefined) values.set(name, [value]);
    else given.push(value);
  }
  return Object.fromEntries([...values].map(([name, given]) => [name, given.length > 1 ? given : (given[0] ?? null)]));
}

/** In parts, because a call takes only so many arguments. */
function toBase64(bytes: Uint8Array): string {
  const PART = 8_192;
  let binary = "";
  for (let start = 0; start < bytes.length; start += PART) {
    binary += String.fromCharCode(...bytes.subarray(start, start + PART));
  }
  return btoa(binary);
}
