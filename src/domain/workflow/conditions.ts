/** Conditions: what `when`, `if` and a trigger's filter say, as data. No user code is executed anywhere. */

import type { ExecutionError } from "../execution/execution.ts";
import type { FieldIssue } from "../issue.ts";
import type { JsonValue } from "../json.ts";
import { holds } from "../response/operators.ts";
import { compileRegex } from "../response/regex.ts";
import { WorkBudget } from "../response/workBudget.ts";
import { err, ok, type Result } from "../result.ts";

/** Operators of the seed (LoopFour "Steps"). */
export const CONDITION_OPERATORS = [
  "eq",
  "ne",
  "gt",
  "gte",
  "lt",
  "lte",
  "contains",
  "startsWith",
  "endsWith",
  "exists",
  "isEmpty",
  "matches",
] as const;
export type ConditionOperator = (typeof CONDITION_OPERATORS)[number];

export interface Comparison {
  /** A template, or any JSON with templates in its strings. */
  readonly left: JsonValue;
  readonly operator: ConditionOperator;
  /** `null` for `exists` and `isEmpty`. */
  readonly right: JsonValue;
}

export type Condition =
  | Comparison
  | { readonly all: readonly Condition[] }
  | { readonly any: readonly Condition[] }
  | { readonly not: Condition };

/** Conditions within conditions. */
const CONDITION_DEPTH_MOST = 10;

/**
 * Whether a condition holds. What is missing reads as `null`.
 *
 * | operator | holds when |
 * | --- | --- |
 * | eq, ne | both are the same JSON, or are not |
 * | gt, gte, lt, lte | numbers, or strings (ISO times), are in that order; a numeric string counts as a number beside one |
 * | contains | a string has the text, or a list the element |
 * | startsWith, endsWith | a string begins or ends with the text |
 * | exists | the left is not `null` |
 * | isEmpty | the left is `null`, `""`, `[]` or `{}` |
 * | matches | the pattern (RE2) is found in a string, number or boolean |
 *
 * @param resolve turns templates into values.
 * @returns an error for a pattern that is not valid or takes too much work, and for values that cannot be resolved.
 */
export function evaluateCondition(
  condition: Condition,
  resolve: (value: JsonValue) => Result<JsonValue, ExecutionError>,
  budget: WorkBudget = new WorkBudget(),
): Result<boolean, ExecutionError> {
  if ("not" in condition) {
    const inner = evaluateCondition(condition.not, resolve, budget);
    return inner.ok ? ok(!inner.value) : inner;
  }
  if ("all" in condition || "any" in condition) {
    const isAll = "all" in condition;
    for (const each of isAll ? condition.all : condition.any) {
      const held = evaluateCondition(each, resolve, budget);
      if (!held.ok || held.value !== isAll) return held;
    }
    return ok(isAll);
  }
  const left = resolve(condition.left);
  if (!left.ok) return left;
  const right = resolve(condition.right);
  return right.ok ? compare(left.value, condition.operator, right.value, budget) : right;
}

function compare(
  left: JsonValue,
  operator: ConditionOperator,
  right: JsonValue,
  budget: WorkBudget,
): Result<boolean, ExecutionError> {
  switch (operator) {
    case "exists":
      return ok(left !== null);
    case "isEmpty":
      return ok(isEmpty(left));
    case "startsWith":
      return ok(typeof left === "string" && typeof right === "string" && left.startsWith(right));
    case "endsWith":
      return ok(typeof left === "string" && typeof right === "string" && left.endsWith(right));
    case "matches": {
      const compiled = typeof right === "string" ? compileRegex(right) : err("must be a string");
      if (!compiled.ok)
        return err({ code: "invalid_condition", message: `The pattern of a condition ${compiled.error}.` });
      break;
    }
    case "gt":
    case "gte":
    case "lt":
    case "lte":
      if (typeof left === "number" && typeof right === "string" && right.trim() !== "") {
        return compare(left, operator, Number(right), budget);
      }
  }
  const held = holds(operator, { present: true, value: left }, right, budget);
  if (held !== "too_costly") return ok(held);
  return err({ code: "invalid_condition", message: "The pattern of a condition takes too much work on this text." });
}

function isEmpty(value: JsonValue): boolean {
  if (value === null || value === "") return true;
  return typeof value === "object" && Object.keys(value).length === 0;
}

/** The values of a condition with where they stand, for templates to be looked for in. */
export function conditionValues(condition: Condition, path: string): { path: string; value: JsonValue }[] {
  if ("not" in condition) return conditionValues(condition.not, `${path}.not`);
  if ("all" in condition) return condition.all.flatMap((each, i) => conditionValues(each, `${path}.all[${i}]`));
  if ("any" in condition) return condition.any.flatMap((each, i) => conditionValues(each, `${path}.any[${i}]`));
  return [
    { path: `${path}.left`, value: condition.left },
    { path: `${path}.right`, value: condition.right },
  ];
}

/** What can be said against a condition before it is evaluated, templates aside. */
export function validateCondition(condition: Condition, path: string, depth = 1): FieldIssue[] {
  if (depth > CONDITION_DEPTH_MOST) return [{ path, message: `is nested deeper than ${CONDITION_DEPTH_MOST} levels` }];
  if ("not" in condition) return validateCondition(condition.not, `${path}.not`, depth + 1);
  if ("all" in condition || "any" in condition) {
    const [key, list] = "all" in condition ? (["all", condition.all] as const) : (["any", condition.any] as const);
    if (list.length === 0) return [{ path: `${path}.${key}`, message: "must have at least one condition" }];
    return list.flatMap((each, index) => validateCondition(each, `${path}.${key}[${index}]`, depth + 1));
  }
  if (condition.operator !== "matches") return [];
  if (typeof condition.right !== "string") {
    return [{ path: `${path}.right`, message: "must be a pattern in RE2 syntax, as a string" }];
  }
  if (condition.right.includes("{{")) return [];
  const compiled = compileRegex(condition.right);
  return compiled.ok ? [] : [{ path: `${path}.right`, message: compiled.error }];
}
