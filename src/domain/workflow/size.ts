/** How large a value is as JSON, found without writing it: values share parts, and their text may be far larger than they are. */

import type { JsonValue } from "../json.ts";

/** What one execution may keep: half of what a row of the actor or of D1 can hold (facts 3.1). */
export const STATE_BYTES_MOST = 1_000_000;

/**
 * Bytes of the value's JSON in UTF-8, never too few for text that is well formed; counting stops above `mostBytes`.
 */
export function jsonBytes(value: JsonValue, mostBytes: number): number {
  if (typeof value === "string") return textBytes(value, mostBytes) + 2;
  if (typeof value !== "object" || value === null) return String(value).length;
  let bytes = 2;
  if (Array.isArray(value)) {
    for (const item of value) {
      if (bytes > mostBytes) return bytes;
      bytes += jsonBytes(item as JsonValue, mostBytes - bytes) + 1;
    }
    return bytes;
  }
  for (const [key, item] of Object.entries(value as Readonly<Record<string, JsonValue>>)) {
    if (bytes > mostBytes) return bytes;
    bytes += textBytes(key, mostBytes) + 4 + jsonBytes(item, mostBytes - bytes);
  }
  return bytes;
}

function textBytes(text: string, mostBytes: number): number {
  // Every character is at least a byte, so a text this long need not be looked at.
  if (text.length > mostBytes) return text.length;
  let bytes = text.length;
  for (let index = 0; index < text.length; index += 1) {
    const code = text.charCodeAt(index);
    if (code < 0x20) bytes += 5;
    else if (code === 0x22 || code === 0x5c) bytes += 1;
    else if (code > 0x7ff) bytes += 2;
    else if (code > 0x7f) bytes += 1;
  }
  return bytes;
}
