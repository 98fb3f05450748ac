/** Holds input against its schema, and says in plain words everything that does not fit. */

import { z } from "@hono/zod-openapi";
import type { Outcome } from "../app/errors.ts";
import { invalid } from "../app/errors.ts";
import type { FieldIssue } from "../domain/issue.ts";
import { ok } from "../domain/result.ts";
import { memberPath } from "../domain/template/fieldPath.ts";

export type Path = readonly PropertyKey[];

export interface ReadIssue extends FieldIssue {
  readonly at: Path;
}

export type Read<T> =
  { readonly ok: true; readonly value: T } | { readonly ok: false; readonly issues: readonly ReadIssue[] };

/** Names between which an unknown one is told apart; `,` cannot be in a field's name of ours. */
const SEPARATOR = ",";

/** Reads a value by its schema, or returns every complaint about it at once. */
export function read<Schema extends z.ZodType>(schema: Schema, value: unknown): Read<z.output<Schema>> {
  const parsed = schema.safeParse(value, { error: messageOf });
  if (parsed.success) return { ok: true, value: parsed.data };
  return { ok: false, issues: parsed.error.issues.flatMap(toReadIssues) };
}

export function readBody<Schema extends z.ZodType>(schema: Schema, body: unknown): Outcome<z.output<Schema>> {
  const result = read(schema, body);
  return result.ok ? ok(result.value) : invalid(result.issues.map(({ path, message }) => ({ path, message })));
}

/** Reads query parameters: texts, of which the schema says which are numbers and flags. */
export function readQuery<Schema extends z.ZodObject>(
  schema: Schema,
  query: URLSearchParams,
): Outcome<z.output<Schema>> {
  const given: Record<string, unknown> = {};
  const repeated: FieldIssue[] = [];
  for (const name of new Set(query.keys())) {
    const values = query.getAll(name);
    if (values.length > 1) repeated.push({ path: name, message: "is given more than once" });
    const member: unknown = Object.hasOwn(schema.shape, name) ? schema.shape[name] : undefined;
    given[name] = member instanceof z.ZodType ? fromText(member, values[0] ?? "") : values[0];
  }
  const result = read(schema, given);
  if (result.ok && repeated.length === 0) return ok(result.value);
  const issues = result.ok ? [] : result.issues.map(({ path, message }) => ({ path, message }));
  return invalid([...repeated, ...issues]);
}

function fromText(schema: z.ZodType, text: string): unknown {
  const inner = unwrap(schema);
  if (inner instanceof z.ZodNumber) return /^-?\d{1,15}$/.test(text) ? Number(text) : text;
  if (inner instanceof z.ZodBoolean) return text === "true" ? true : text === "false" ? false : text;
  // In a query "+" is a space; in a moment that was pasted unescaped it was the offset's sign.
  if (inner instanceof z.ZodISODateTime) return text.replace(/ (\d\d:\d\d)$/, "+$1");
  return text;
}

function unwrap(schema: unknown): unknown {
  if (schema instanceof z.ZodOptional || schema instanceof z.ZodNullable || schema instanceof z.ZodDefault) {
    return unwrap(schema.unwrap());
  }
  return schema;
}

/** JSON path of a field, as people write it: `request.headers["X-A"]`, `assertions[0].value`. */
export function jsonPath(path: Path): string {
  return path.reduce<string>((text, part) => {
    if (typeof part === "number") return `${text}[${part}]`;
    return text === "" ? String(part) : memberPath(text, String(part));
  }, "");
}

function toReadIssues(issue: z.core.$ZodIssue): ReadIssue[] {
  if (issue.code === "unrecognized_keys") {
    return issue.keys.map((key) => {
      const at = [...issue.path, key];
      return { at, path: jsonPath(at), message: unknownField(key, issue.message.split(SEPARATOR)) };
    });
  }
  const [closest] = issue.code === "invalid_union" ? issue.errors.toSorted(byCloseness) : [];
  if (closest !== undefined && depth(closest) > 0) {
    return closest.flatMap((inner) => toReadIssues({ ...inner, path: [...issue.path, ...inner.path] }));
  }
  return [{ at: issue.path, path: jsonPath(issue.path), message: issue.message }];
}

/** Of several forms the one that knows the most of what was sent was meant, and of those the one that got furthest. */
function byCloseness(one: readonly z.core.$ZodIssue[], other: readonly z.core.$ZodIssue[]): number {
  return unknownNames(one) - unknownNames(other) || depth(other) - depth(one);
}

function unknownNames(issues: readonly z.core.$ZodIssue[]): number {
  return issues.reduce((sum, issue) => sum + (issue.code === "unrecognized_keys" ? issue.keys.length : 0), 0);
}

function depth(issues: readonly z.core.$ZodIssue[]): number {
  return Math.max(0, ...issues.map((issue) => issue.path.length));
}

/** Messages for what `fields.ts` does not word itself. Unknown fields get the known ones, for `unknownField` to use. */
function messageOf(issue: z.core.$ZodRawIssue): string {
  switch (issue.code) {
    case "unrecognized_keys":
      return issue.inst instanceof z.ZodObject ? Object.keys(issue.inst.shape).join(SEPARATOR) : "";
    case "invalid_type":
      return issue.input === undefined ? `is required: ${nameOf(issue.expected)}` : `must be ${nameOf(issue.expected)}`;
    case "invalid_value":
      return `must be ${issue.values.map((value: unknown) => JSON.stringify(value)).join(" or ")}`;
    case "invalid_union":
      return Array.isArray(issue.options)
        ? `must be one of ${issue.options.map((option: unknown) => JSON.stringify(option)).join(", ")}`
        : "has none of the accepted forms";
    default:
      return "is not accepted";
  }
}

function nameOf(expected: unknown): string {
  switch (expected) {
    case "object":
    case "record":
      return "a JSON object";
    case "array":
      return "a list";
    case "string":
      return "text";
    case "boolean":
      return "true or false";
    case "int":
      return "a whole number";
    default:
      return `a ${String(expected)}`;
  }
}

function unknownField(name: string, known: readonly string[]): string {
  const meant = known.filter((candidate) => isClose(name, candidate)).toSorted();
  const [first] = meant;
  if (first !== undefined) return `is not known; did you mean ${JSON.stringify(first)}?`;
  const names = known.filter((candidate) => candidate !== "");
  return names.length === 0
    ? "is not known; nothing is accepted here"
    : `is not known; accepted are ${names.join(", ")}`;
}

/** The same but for case and separators, or at most two slips of the keyboard in a name long enough to tell. */
function isClose(name: string, candidate: string): boolean {
  const [one, other] = [name, candidate].map((text) => text.toLowerCase().replaceAll(/[^a-z0-9]/g, "")) as [
    string,
    string,
  ];
  if (one === "" || other === "") return false;
  return editDistance(one.slice(0, 64), other) <= (other.length >= 4 ? 2 : 1) || isUnitLessForm(one, other);
}

/** `timeout` for `timeout_seconds`, `every_minutes` for `every_n_minutes`. */
function isUnitLessForm(one: string, other: string): boolean {
  return one.length >= 4 && (other.startsWith(one) || one.startsWith(other)) && other.length >= 4;
}

/** Levenshtein's distance. */
function editDistance(one: string, other: string): number {
  let row = Array.from({ length: other.length + 1 }, (_, index) => index);
  for (const [i, character] of [...one].entries()) {
    const next = [i + 1];
    for (const [j, candidate] of [...other].entries()) {
      const substituted = (row[j] ?? 0) + (character === candidate ? 0 : 1);
      next.push(Math.min(substituted, (row[j + 1] ?? 0) + 1, (next[j] ?? 0) + 1));
    }
    row = next;
  }
  return row.at(-1) ?? 0;
}
