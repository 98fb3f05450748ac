/** Conditions: what `when`, `if` and a trigger's filter say, as data. No user code is executed anywhere. */

import type { JsonValue } from "../json.ts";

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
