import { describe, expect, it } from "vitest";
import type { Metadata } from "./labels.ts";
import type { MetadataOperation } from "./metadataOperation.ts";
import { applyOperations } from "./metadataOperation.ts";

const BEFORE = {
  stage: "two",
  count: 2,
  seen: ["a", "b", "a"],
  nested: { deep: { n: 1 }, list: [{ x: 1 }] },
} satisfies Metadata;

function after(...operations: MetadataOperation[]): Metadata {
  return applyOperations(BEFORE, operations);
}

describe("applyOperations", () => {
  it.each<[string, MetadataOperation, Metadata]>([
    ["sets a member", { type: "set", key: "stage", value: "three" }, { ...BEFORE, stage: "three" }],
    ["adds a member", { type: "set", key: "new", value: null }, { ...BEFORE, new: null }],
    ["takes a plain key as one name, dots and all", { type: "set", key: "a.b", value: 1 }, { ...BEFORE, "a.b": 1 }],
    ["deletes a member", { type: "delete", key: "stage" }, { count: 2, seen: BEFORE.seen, nested: BEFORE.nested }],
    ["leaves what is not there when it deletes", { type: "delete", key: "nothing" }, BEFORE],
    ["appends to a list", { type: "append", key: "seen", value: "c" }, { ...BEFORE, seen: ["a", "b", "a", "c"] }],
    ["begins a list with what it appends", { type: "append", key: "new", value: 1 }, { ...BEFORE, new: [1] }],
    ["makes a list of what was none", { type: "append", key: "stage", value: 1 }, { ...BEFORE, stage: ["two", 1] }],
    ["removes every equal element", { type: "remove", key: "seen", value: "a" }, { ...BEFORE, seen: ["b"] }],
    ["removes nothing from what is no list", { type: "remove", key: "stage", value: "two" }, BEFORE],
    ["removes nothing from what is not there", { type: "remove", key: "nothing", value: 1 }, BEFORE],
    ["increments a number", { type: "increment", key: "count", value: -3 }, { ...BEFORE, count: -1 }],
    ["counts from nothing", { type: "increment", key: "new", value: 5 }, { ...BEFORE, new: 5 }],
    ["does not increment text", { type: "increment", key: "stage", value: 1 }, BEFORE],
    ["replaces everything", { type: "update", value: { other: true } }, { other: true }],
  ])("%s", (_, operation, expected) => {
    expect(after(operation)).toEqual(expected);
  });

  it.each<[string, MetadataOperation, unknown]>([
    ["$.nested.deep.n", { type: "increment", key: "$.nested.deep.n", value: 1 }, { deep: { n: 2 }, list: [{ x: 1 }] }],
    [
      "a path that is not there",
      { type: "set", key: "$.nested.a.b", value: 1 },
      { deep: { n: 1 }, list: [{ x: 1 }], a: { b: 1 } },
    ],
    ["an element", { type: "set", key: "$.nested.list[0].x", value: 2 }, { deep: { n: 1 }, list: [{ x: 2 }] }],
    [
      "the place after the last",
      { type: "set", key: "$.nested.list[1]", value: 2 },
      { deep: { n: 1 }, list: [{ x: 1 }, 2] },
    ],
    ["a place far behind the last: nothing", { type: "set", key: "$.nested.list[9]", value: 2 }, BEFORE.nested],
    ["an element to delete", { type: "delete", key: "$.nested.list[0]" }, { deep: { n: 1 }, list: [] }],
    ["through a number: nothing", { type: "set", key: "$.nested.deep.n.x", value: 2 }, BEFORE.nested],
    ["a member of a list: nothing", { type: "set", key: "$.nested.list.x", value: 2 }, BEFORE.nested],
  ])("follows a path: %s", (_, operation, nested) => {
    expect(after(operation)).toEqual({ ...BEFORE, nested });
  });

  it("applies them in their order and leaves what it was given alone", () => {
    const frozen = Object.freeze({ n: 1 });
    const operations = [
      { type: "increment", key: "n", value: 1 },
      { type: "append", key: "log", value: "x" },
      { type: "increment", key: "n", value: 10 },
    ] as const;
    expect(applyOperations(frozen, operations)).toEqual({ n: 12, log: ["x"] });
  });

  it("keeps the order of members", () => {
    expect(Object.keys(after({ type: "set", key: "count", value: 9 }))).toEqual(["stage", "count", "seen", "nested"]);
  });

  it("takes a name that objects are born with for any other", () => {
    const metadata = applyOperations({}, [{ type: "set", key: "$.__proto__.polluted", value: 1 }]);
    expect(Object.getPrototypeOf(metadata)).toBe(Object.prototype);
    expect(JSON.stringify(metadata)).toBe('{"__proto__":{"polluted":1}}');
    expect(({} as Record<string, unknown>)["polluted"]).toBeUndefined();
    expect(applyOperations({}, [{ type: "increment", key: "toString", value: 1 }])).toEqual({ toString: 1 });
  });
});
