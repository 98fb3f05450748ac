/** The bounded copy of a response's headers: what judging, retries and history get to see. */

import { CUT_MARK } from "../domain/net/exchange.ts";

/** A flood of headers must not become a flood of history: so many, so long each, so long together. */
const MAX_HEADERS = 64;
const MAX_VALUE_CHARS = 1_024;
const MAX_TOTAL_CHARS = 8_192;

/** Kept first, whatever else is there: retries, judging and people need them. */
const IMPORTANT: readonly string[] = ["content-type", "content-length", "retry-after", "location", "date", "server"];

/** Lower-case names; repeated headers are joined by ", "; a long value is cut and ends in "…". */
export function boundedHeaders(headers: Headers): Record<string, string> {
  const kept = new Map<string, string>();
  let totalChars = 0;
  for (const [name, value] of inOrder(headers)) {
    const previous = kept.get(name);
    if (previous === undefined && kept.size === MAX_HEADERS) break;
    const joined = cut(previous === undefined ? value : `${previous}, ${value}`);
    const addedChars = joined.length - (previous?.length ?? -name.length);
    if (totalChars + addedChars > MAX_TOTAL_CHARS) break;
    kept.set(name, joined);
    totalChars += addedChars;
  }
  // fromEntries defines properties, so that a header named __proto__ is a header and no prototype.
  return Object.fromEntries(kept);
}

function* inOrder(headers: Headers): Iterable<[name: string, value: string]> {
  for (const name of IMPORTANT) {
    const value = headers.get(name);
    if (value !== null) yield [name, value];
  }
  for (const [name, value] of headers) {
    if (!IMPORTANT.includes(name)) yield [name, value];
  }
}

function cut(value: string): string {
  return value.length <= MAX_VALUE_CHARS ? value : value.slice(0, MAX_VALUE_CHARS - 1).toWellFormed() + CUT_MARK;
}
