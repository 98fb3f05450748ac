/** The operators of assertions: which values each accepts at save time, and when it holds. */

import type { FieldIssue } from "../issue.ts";
import type { JsonValue } from "../json.ts";
import { compileRegex } from "./regex.ts";
import type { Assertion, Operator } from "./rules.ts";
import type { WorkBudget } from "./workBudget.ts";

/** What an operator looks at; a header, body or JSON value may not be there at all. JSON's `null` is a value. */
export type Subject = { readonly present: true; readonly value: JsonValue } | { readonly present: false };

const ORDER = ["gt", "gte", "lt", "lte"] as const;
type OrderOperator = (typeof ORDER)[number];

function isOrder(operator: Operator): operator is OrderOperator {
  return (ORDER as readonly Operator[]).includes(operator);
}

/**
 * Whether operator and value fit the source, at save time:
 *
 * | source | operators | value |
 * | --- | --- | --- |
 * | status | eq ne gt gte lt lte | a number |
 * | header | all | a string; a number for gt … lte |
 * | body | eq ne contains not_contains matches exists not_exists | a string |
 * | json | all | any JSON for eq, ne, contains; a number or string for gt … lte; a pattern for matches |
 *
 * `exists` and `not_exists` take no value.
 */
export function checkOperator(assertion: Assertion, path: string): FieldIssue[] {
  const { source, operator, value } = assertion;
  const issue = (field: "operator" | "value", message: string): FieldIssue[] => [{ path: `${path}.${field}`, message }];
  if (source === "status" && operator !== "eq" && operator !== "ne" && !isOrder(operator)) {
    return issue("operator", 'must be one of eq, ne, gt, gte, lt, lte for source "status"');
  }
  if (source === "body" && isOrder(operator)) {
    return issue("operator", 'cannot order a whole body; use source "json" with a path');
  }
  if (operator === "exists" || operator === "not_exists") {
    return value === undefined ? [] : issue("value", `must be left out with ${operator}`);
  }
  if (value === undefined) return issue("value", `is required with ${operator}`);
  if (operator === "matches") {
    if (typeof value !== "string") return issue("value", "must be a pattern in RE2 syntax, as a string");
    const compiled = compileRegex(value);
    return compiled.ok ? [] : issue("value", compiled.error);
  }
  if (source === "status") return typeof value === "number" ? [] : issue("value", "must be a number, such as 200");
  if (isOrder(operator)) {
    if (typeof value === "number") return [];
    if (source === "json" && typeof value === "string") return [];
    return issue("value", source === "json" ? "must be a number or a string" : "must be a number");
  }
  if (source === "json" || typeof value === "string") return [];
  return issue("value", "must be a string");
}

/**
 * Whether the subject satisfies the operator. What is missing satisfies `ne`, `not_contains` and `not_exists` and nothing
 * else. Order compares numbers with numbers (a header's text is read as a number) and strings with strings by code unit,
 * which is right for ISO timestamps; anything else is not in order. `contains` looks for a substring, or for an equal
 * element in a list. `matches` looks anywhere in a string, number or boolean.
 */
export function holds(
  operator: Operator,
  subject: Subject,
  expected: JsonValue | undefined,
  budget: WorkBudget,
): boolean | "too_costly" {
  const value = expected ?? null;
  switch (operator) {
    case "exists":
      return subject.present;
    case "not_exists":
      return !subject.present;
    case "eq":
      return subject.present && jsonEqual(subject.value, value);
    case "ne":
      return !subject.present || !jsonEqual(subject.value, value);
    case "contains":
      return subject.present && contains(subject.value, value);
    case "not_contains":
      return !subject.present || !contains(subject.value, value);
    case "matches": {
      if (!subject.present || typeof value !== "string") return false;
      if (typeof subject.value === "object") return false;
      const compiled = compileRegex(value);
      if (!compiled.ok) return false;
      const verdict = compiled.value.test(String(subject.value), budget);
      return verdict === "too_costly" ? verdict : verdict === "match";
    }
    default:
      return subject.present && inOrder(operator, subject.value, value);
  }
}

function contains(actual: JsonValue, expected: JsonValue): boolean {
  if (typeof actual === "string") return typeof expected === "string" && actual.includes(expected);
  return Array.isArray(actual) && actual.some((item: JsonValue) => jsonEqual(item, expected));
}

function inOrder(operator: OrderOperator, actual: JsonValue, expected: JsonValue): boolean {
  const left = typeof actual === "string" && typeof expected === "number" ? numberIn(actual) : actual;
  if (typeof left !== typeof expected) return false;
  if (typeof left !== "number" && typeof left !== "string") return false;
  // Both are numbers or both are strings, which `<` orders as documented above.
  const right = expected as typeof left;
  switch (operator) {
    case "gt":
      return left > right;
    case "gte":
      return left >= right;
    case "lt":
      return left < right;
    case "lte":
      return left <= right;
  }
}

function numberIn(text: string): number | null {
  const value = Number(text);
  return text.trim() === "" || !Number.isFinite(value) ? null : value;
}

/** Deep equality of JSON values; the order of keys does not matter. */
export function jsonEqual(left: JsonValue, right: JsonValue): boolean {
  if (left === right) return true;
  if (typeof left !== "object" || typeof right !== "object" || left === null || right === null) return false;
  if (Array.isArray(left) || Array.isArray(right)) {
    if (!Array.isArray(left) || !Array.isArray(right) || left.length !== right.length) return false;
    return left.every((item: JsonValue, index) => jsonEqual(item, right[index] as JsonValue));
  }
  const a = left as Readonly<Record<string, JsonValue>>;
  const b = right as Readonly<Record<string, JsonValue>>;
  const keys = Object.keys(a);
  if (keys.length !== Object.keys(b).length) return false;
  return keys.every((key) => Object.hasOwn(b, key) && jsonEqual(a[key] as JsonValue, b[key] as JsonValue));
}
