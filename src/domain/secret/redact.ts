/**
 * Masks the secrets of an execution in whatever is stored, logged or shown of it.
 *
 * Guarantee: no text that leaves a redactor contains a secret in a form of {@link formsOf}. Limits: other encodings (hex,
 * gzip, one encoding within another) are not recognised, and a text must be redacted before it is cut, since half a
 * secret is no longer known as one.
 */

import type { JsonValue } from "../json.ts";
import { percentEncode } from "../template/render.ts";
import { headerText } from "./headerText.ts";

export const MASK = "[secret]";

export type Redactor = (text: string) => string;

/**
 * Of a body that was cut off by the size limit, the last characters may be the beginning of a secret: this many or more
 * are masked as well. Fewer tell nothing and would mask every text that ends like a secret begins.
 */
const MIN_CUT_CHARS = 4;
/** A shorter value's base64 without its ends has fewer than 4 characters, which stand in any text by chance. */
const MIN_ALIGNED_BYTES = 4;

/**
 * A redactor for these values. Every value of at least one character is masked, however short: a secret of one letter
 * makes a preview useless, and that is better than showing it. Overlapping secrets are masked as one.
 *
 * With `cutAtEnd` (the text was cut off by a limit) a beginning of a secret at the very end is masked too. One pass per
 * form, each linear in the text.
 */
export function makeRedactor(values: readonly string[]): (text: string, options?: { cutAtEnd: boolean }) => string {
  const forms = [...new Set(values.flatMap(formsOf))].map(toForm);
  if (forms.length === 0) return (text) => text;
  return (text, options) => {
    const ranges = forms.flatMap((form) => occurrences(text, form));
    if (options?.cutAtEnd === true) ranges.push(...cutOccurrence(text, forms));
    return ranges.length === 0 ? text : mask(text, ranges);
  };
}

/** A JSON value with every string, key, number and truth value redacted: a secret of digits may come back as a number. */
export function redactJson(value: JsonValue, redact: Redactor): JsonValue {
  if (typeof value === "string") return redact(value);
  if (typeof value === "number" || typeof value === "boolean") {
    const text = redact(String(value));
    return text === String(value) ? value : text;
  }
  if (value === null) return value;
  if (Array.isArray(value)) return value.map((item: JsonValue) => redactJson(item, redact));
  const entries = Object.entries(value as Readonly<Record<string, JsonValue>>);
  return Object.fromEntries(entries.map(([key, item]) => [redact(key), redactJson(item, redact)]));
}

/**
 * The ways in which a target or a library may write a value back: as it is; as our headers carry it; percent-encoded as
 * in `encodeURIComponent`, RFC 3986 and HTML forms, in upper and lower case; JSON-escaped once and twice, with and
 * without `\/` and `\u` for all beyond ASCII; in lower case, as host names are written back; in base64 and base64url,
 * padded or not, alone or anywhere within a longer base64 text (as in `Authorization: Basic`).
 */
function formsOf(value: string): string[] {
  if (value === "") return [];
  const percent = percentEncode(value);
  const strict = percent.replaceAll(/[!'()*]/g, (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`);
  // As the URL standard writes a special query back, and as HTML forms and URLSearchParams do.
  const query = percent.replaceAll("'", "%27");
  const form = strict.replaceAll("%20", "+").replaceAll("%2A", "*");
  const encoded = [percent, strict, query, form].flatMap((text) => [text, lowerEscapes(text)]);
  const json = JSON.stringify(value).slice(1, -1);
  const ascii = json.replaceAll(BEYOND_ASCII, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`);
  const escaped = [json, ascii, ascii.replaceAll(/\\u[0-9a-f]{4}/g, upperEscape)];
  const slashed = escaped.map((text) => text.replaceAll("/", "\\/"));
  // A JSON body that comes back as a string within JSON, as echo services answer.
  const twice = [...escaped, ...slashed].map((text) => JSON.stringify(text).slice(1, -1));
  const plain = [value, value.toLowerCase(), value.trim(), headerText(value)];
  const all = [...plain, ...encoded, ...escaped, ...slashed, ...twice, ...base64Forms(value)];
  return [...new Set(all)].filter((text) => text !== "");
}

const BEYOND_ASCII = new RegExp(String.raw`[^\x00-\x7f]`, "g");

function lowerEscapes(text: string): string {
  return text.replaceAll(/%[0-9A-F]{2}/g, (escape) => escape.toLowerCase());
}

function upperEscape(escape: string): string {
  return `\\u${escape.slice(2).toUpperCase()}`;
}

/**
 * A value alone, and the characters of each of the three alignments that depend on the value only: in a longer text the
 * first and last characters of a run share their bits with its neighbours.
 */
function base64Forms(value: string): string[] {
  const bytes = Array.from(new TextEncoder().encode(value), (byte) => String.fromCodePoint(byte)).join("");
  const padded = btoa(bytes);
  const forms = [padded, padded.replace(/=+$/, "")];
  if (bytes.length >= MIN_ALIGNED_BYTES) {
    for (const offset of [0, 1, 2]) {
      const first = Math.ceil((offset * 8) / 6);
      const end = Math.floor(((offset + bytes.length) * 8) / 6);
      forms.push(btoa("\0".repeat(offset) + bytes).slice(first, end));
    }
  }
  return forms.flatMap((text) => [text, text.replaceAll("+", "-").replaceAll("/", "_")]);
}

interface Form {
  readonly text: string;
  /** For each prefix, the length of the longest shorter prefix that is also its end (Knuth, Morris, Pratt). */
  readonly borders: Int32Array;
  /** The smallest shift at which the form overlaps itself; its length when it does not. */
  readonly period: number;
}

type Range = readonly [start: number, end: number];

function toForm(text: string): Form {
  const borders = new Int32Array(text.length);
  for (let at = 1, length = 0; at < text.length; at += 1) {
    length = extendPrefix(text, borders, length, text[at]);
    borders[at] = length;
  }
  return { text, borders, period: text.length - (borders[text.length - 1] ?? 0) };
}

/** The longest prefix of `form` that a text ends in, one character after it ended in a prefix of `length`. */
function extendPrefix(form: string, borders: Int32Array, length: number, char: string | undefined): number {
  let longest = length;
  while (longest > 0 && form[longest] !== char) longest = borders[longest - 1] ?? 0;
  return form[longest] === char ? longest + 1 : longest;
}

/**
 * All places of a form, overlapping ones joined. A run of overlapping occurrences is taken at once by its period, so that
 * `aaaa` in a megabyte of `a` is still linear.
 */
function occurrences(text: string, { text: form, period }: Form): Range[] {
  const ranges: Range[] = [];
  for (let start = text.indexOf(form); start !== -1;) {
    let end = start + form.length;
    if (period < form.length) while (end < text.length && text[end] === text[end - period]) end += 1;
    ranges.push([start, end]);
    start = text.indexOf(form, Math.max(start + 1, end - form.length + 1));
  }
  return ranges;
}

/** The longest end of the text that is the beginning of a form. */
function cutOccurrence(text: string, forms: readonly Form[]): Range[] {
  let longest = 0;
  for (const { text: form, borders } of forms) {
    let length = 0;
    for (let at = Math.max(0, text.length - form.length + 1); at < text.length; at += 1) {
      length = extendPrefix(form, borders, length, text[at]);
    }
    longest = Math.max(longest, length);
  }
  return longest < MIN_CUT_CHARS ? [] : [[text.length - longest, text.length]];
}

function mask(text: string, ranges: readonly Range[]): string {
  let masked = "";
  let at = 0;
  for (const [start, end] of ranges.toSorted(([a], [b]) => a - b)) {
    if (start > at || masked === "") masked += text.slice(at, start) + MASK;
    at = Math.max(at, end);
  }
  return masked + text.slice(at);
}
