/** Conditions on the wire (`when`, `if`, a trigger's `filter`), and their way into the domain and back. */

import { z } from "@hono/zod-openapi";
import type { JsonValue } from "../../../domain/json.ts";
import type { Condition, ConditionOperator } from "../../../domain/workflow/conditions.ts";
import { CONDITION_OPERATORS } from "../../../domain/workflow/conditions.ts";
import { anyJson, list, object, oneOf, requiredJson } from "../../fields.ts";

/** More than a person reads; the bound on a definition as a whole is that of a body. */
const CONDITIONS_MOST = 100;

/** Operators that look at the left alone. */
const UNARY: ReadonlySet<ConditionOperator> = new Set(["exists", "isEmpty"]);

export type ConditionWire =
  | { left: unknown; operator: ConditionOperator; right?: unknown }
  | { all: ConditionWire[] }
  | { any: ConditionWire[] }
  | { not: ConditionWire };

const comparison = object({
  left: requiredJson().openapi({ description: "A template, or JSON with templates.", example: "{{input.total}}" }),
  operator: oneOf(CONDITION_OPERATORS),
  right: anyJson().optional().openapi({ description: "As `left`; not for `exists` and `isEmpty`.", example: 100 }),
}).superRefine(({ operator, right }, context) => {
  const isUnary = UNARY.has(operator);
  if (!isUnary && right === undefined) {
    context.addIssue({ code: "custom", path: ["right"], message: `is required for operator ${operator}: any JSON` });
  }
  if (isUnary && right !== undefined && right !== null) {
    context.addIssue({
      code: "custom",
      path: ["right"],
      message: `is not for operator ${operator}, which looks at left`,
    });
  }
});

const conditions = (): z.ZodType<ConditionWire[]> =>
  list(
    z.lazy(() => ConditionSchema),
    CONDITIONS_MOST,
    "conditions",
  );

export const ConditionSchema: z.ZodType<ConditionWire> = z
  .union(
    [
      comparison,
      object({ all: conditions() }),
      object({ any: conditions() }),
      object({ not: z.lazy(() => ConditionSchema) }),
    ],
    { error: "must be a condition: {left, operator, right}, {all: […]}, {any: […]} or {not: …}" },
  )
  .openapi("Condition", {
    description: "What is missing reads as `null`. `all` and `any` hold lists of conditions, `not` holds one.",
  });

export function toCondition(wire: ConditionWire): Condition {
  if ("all" in wire) return { all: wire.all.map(toCondition) };
  if ("any" in wire) return { any: wire.any.map(toCondition) };
  if ("not" in wire) return { not: toCondition(wire.not) };
  const { left, operator, right = null } = wire;
  // What came out of `JSON.parse` is JSON, though the schema says only that it is anything.
  return { left: left as JsonValue, operator, right: right as JsonValue };
}

export function fromCondition(condition: Condition): ConditionWire {
  if ("all" in condition) return { all: condition.all.map(fromCondition) };
  if ("any" in condition) return { any: condition.any.map(fromCondition) };
  if ("not" in condition) return { not: fromCondition(condition.not) };
  const { left, operator, right } = condition;
  return UNARY.has(operator) ? { left, operator } : { left, operator, right };
}
