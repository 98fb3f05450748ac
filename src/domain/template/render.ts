/**
 * Templates to values. Rendering is total and deterministic: what a path does not find is `null` (as text: nothing), and
 * the same scope always gives the same result, which is how an execution's values stay frozen across its retries.
 */

import type { JsonValue } from "../json.ts";
import type { Expression, Filter, Template } from "./template.ts";

/** What templates can see: each variable's value, plain or a tree to walk into. */
export type TemplateScope = Readonly<Record<string, JsonValue>>;

/** How literals and expressions become text; the identity by default. */
export interface TextRules {
  readonly literal?: (text: string) => string;
  readonly value?: (text: string, expression: Expression) => string;
}

/** A template as text: strings as they are, numbers and booleans as written, `null` as nothing, the rest as JSON. */
export function renderText(template: Template, scope: TemplateScope, rules: TextRules = {}): string {
  let text = "";
  for (const node of template) {
    if (node.kind === "literal") text += rules.literal?.(node.text) ?? node.text;
    else {
      const value = textOf(evaluate(node, scope));
      text += rules.value?.(value, node) ?? value;
    }
  }
  return text;
}

/** A template that is one expression and nothing else keeps the value's JSON type; any other one is text. */
export function renderValue(template: Template, scope: TemplateScope, rules: TextRules = {}): JsonValue {
  const [only] = template;
  if (template.length === 1 && only?.kind === "expression") return evaluate(only, scope);
  return renderText(template, scope, rules);
}

/** The value of one expression, its filters applied. */
export function evaluate(expression: Expression, scope: TemplateScope): JsonValue {
  let value: JsonValue = scope;
  for (const key of expression.path) value = child(value, key);
  return expression.filters.reduce((input, filter) => applyFilter(filter, input), value);
}

/** Own members only: `{{x.constructor}}` finds nothing. An object's key may look like a number (`.0`). */
function child(value: JsonValue, key: string | number): JsonValue {
  if (typeof value !== "object" || value === null) return null;
  if (Array.isArray(value) && typeof key !== "number") return null;
  if (!Object.hasOwn(value, key)) return null;
  return (value as Readonly<Record<string | number, JsonValue>>)[key] ?? null;
}

function textOf(value: JsonValue): string {
  if (typeof value === "string") return value;
  if (value === null) return "";
  return typeof value === "object" ? JSON.stringify(value) : String(value);
}

/**
 * | filter | result |
 * | --- | --- |
 * | json | the value as JSON text |
 * | length | characters of a string, elements of a list, keys of an object; else `null` |
 * | default: x | x in place of `null` and the empty string |
 * | upper, lower | the text in that case |
 * | url | the text percent-encoded (`encodeURIComponent`) |
 * | base64 | the text's UTF-8 bytes in standard base64 |
 * | date, date: "iso" | a time (ISO text, or epoch milliseconds) as ISO 8601 with milliseconds in UTC; else `null` |
 * | date: "date", "unix", "unix_ms" | the same as `2026-03-15`, as whole seconds, as milliseconds |
 */
function applyFilter(filter: Filter, value: JsonValue): JsonValue {
  switch (filter.name) {
    case "json":
      return JSON.stringify(value);
    case "length":
      if (typeof value === "string") return Array.from(value).length;
      return typeof value === "object" && value !== null ? Object.keys(value).length : null;
    case "default":
      return value === null || value === "" ? (filter.args[0] ?? null) : value;
    case "upper":
      return textOf(value).toUpperCase();
    case "lower":
      return textOf(value).toLowerCase();
    case "url":
      return percentEncode(textOf(value));
    case "base64":
      return btoa(Array.from(utf8(textOf(value)), byteChar).join(""));
    case "date":
      return dateOf(value, filter.args[0] ?? "iso");
  }
}

/** `encodeURIComponent` that does not throw on half of a surrogate pair. */
export function percentEncode(text: string): string {
  return encodeURIComponent(text.toWellFormed());
}

function utf8(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

function byteChar(byte: number): string {
  return String.fromCodePoint(byte);
}

function dateOf(value: JsonValue, format: JsonValue): JsonValue {
  const atMs = typeof value === "number" ? value : typeof value === "string" ? Date.parse(value) : Number.NaN;
  // The range of a JavaScript date; outside it toISOString throws.
  if (!(Math.abs(atMs) <= 8.64e15)) return null;
  if (format === "unix") return Math.floor(atMs / 1_000);
  if (format === "unix_ms") return atMs;
  const iso = new Date(atMs).toISOString();
  return format === "date" ? iso.slice(0, iso.indexOf("T")) : iso;
}
