import { describe, expect, it } from "vitest";
import type { JsonValue } from "../json.ts";
import { ok } from "../result.ts";
import { type Condition, type ConditionOperator, evaluateCondition } from "./conditions.ts";

function holds(condition: Condition): boolean | string {
  const held = evaluateCondition(condition, (value) => ok(value));
  return held.ok ? held.value : held.error.code;
}

describe("evaluateCondition", () => {
  it.each<[JsonValue, ConditionOperator, JsonValue, boolean | string]>([
    [1, "eq", 1, true],
    [{ a: [1] }, "eq", { a: [1] }, true],
    ["1", "eq", 1, false],
    [null, "ne", 1, true],
    [2, "gt", 1, true],
    ["2", "gte", 2, true],
    [2, "lt", "10", true],
    ["2026-01-01", "lte", "2026-01-02", true],
    [null, "lt", 1, false],
    ["abc", "contains", "b", true],
    [[1, { a: 1 }], "contains", { a: 1 }, true],
    ["abc", "startsWith", "ab", true],
    ["abc", "endsWith", "bc", true],
    [1, "startsWith", "1", false],
    [0, "exists", null, true],
    [null, "exists", null, false],
    ["", "isEmpty", null, true],
    [[], "isEmpty", null, true],
    [{}, "isEmpty", null, true],
    [0, "isEmpty", null, false],
    ["order-17", "matches", "^order-\\d+$", true],
    ["x", "matches", "(", "invalid_condition"],
  ])("%j %s %j is %s", (left, operator, right, expected) => {
    expect(holds({ left, operator, right })).toBe(expected);
  });

  it("combines them", () => {
    const yes: Condition = { left: 1, operator: "eq", right: 1 };
    const no: Condition = { not: yes };
    expect(holds({ all: [yes, { any: [no, yes] }] })).toBe(true);
    expect(holds({ all: [yes, no] })).toBe(false);
    expect(holds({ any: [no, no] })).toBe(false);
  });

  it("does not look at what cannot change the answer", () => {
    const broken: Condition = { left: "x", operator: "matches", right: "(" };
    expect(holds({ any: [{ left: 1, operator: "eq", right: 1 }, broken] })).toBe(true);
  });
});
