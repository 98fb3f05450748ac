import { describe, expect, it } from "vitest";
import { read } from "../../readInput.ts";
import { ConditionSchema, fromCondition, toCondition } from "./conditions.ts";

function issuesOf(value: unknown): string[] {
  const result = read(ConditionSchema, value);
  return result.ok ? [] : result.issues.map(({ path, message }) => `${path}: ${message}`);
}

describe("ConditionSchema", () => {
  it.each([
    { left: "{{input.a}}", operator: "eq", right: null },
    { left: null, operator: "exists" },
    { all: [{ left: 1, operator: "gt", right: 0 }, { not: { any: [{ left: "", operator: "isEmpty" }] } }] },
  ])("accepts %j", (value) => {
    expect(issuesOf(value)).toEqual([]);
  });

  it.each([
    [{ operator: "eq", right: 1 }, ["left: is required: any JSON"]],
    [{ left: 1, operator: "eq" }, ["right: is required for operator eq: any JSON"]],
    [{ left: 1, operator: "exists", right: 1 }, ["right: is not for operator exists, which looks at left"]],
    [{ all: 5 }, ["all: must be a list of at most 100 conditions"]],
    [
      { left: 1, operator: "eq", rigth: 1 },
      ['rigth: is not known; did you mean "right"?', "right: is required for operator eq: any JSON"],
    ],
    [5, [": must be a condition: {left, operator, right}, {all: […]}, {any: […]} or {not: …}"]],
  ])("says what is wrong with %j", (value, issues) => {
    expect(issuesOf(value)).toEqual(issues);
  });

  it("names the place of what is wrong within others", () => {
    const [issue] = issuesOf({ any: [{ not: { all: [{ left: 1, operator: "like", right: 1 }] } }] });
    expect(issue).toMatch(/^any\[0\]\.not\.all\[0\]\.operator: must be one of "eq"/);
  });
});

describe("toCondition and fromCondition", () => {
  it("give back what was written", () => {
    const wire = {
      all: [
        { left: "{{item.total}}", operator: "gte" as const, right: 10 },
        { not: { left: [], operator: "isEmpty" as const } },
      ],
    };
    expect(fromCondition(toCondition(wire))).toEqual(wire);
    expect(toCondition({ left: 1, operator: "exists" })).toEqual({ left: 1, operator: "exists", right: null });
  });
});
