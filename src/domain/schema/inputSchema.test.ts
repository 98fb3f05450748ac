import { describe, expect, it } from "vitest";
import type { JsonValue } from "../json.ts";
import { checkInput, validateInputSchema } from "./inputSchema.ts";

function fits(schema: JsonValue, input: JsonValue): boolean {
  expect(validateInputSchema(schema, "input_schema")).toEqual([]);
  return checkInput(schema, input, "input").length === 0;
}

/** Keyword, schema, what fits and what does not. */
const KEYWORDS: readonly [string, JsonValue, readonly JsonValue[], readonly JsonValue[]][] = [
  ["true", true, [null, 1], []],
  ["false", false, [], [null, 1]],
  ["type", { type: "integer" }, [1, 1.0, -0], [1.5, "1", null, []]],
  ["types", { type: ["null", "object"] }, [null, {}], [[], "x", false]],
  ["enum", { enum: [1, { a: [1, 2] }] }, [1, { a: [1, 2] }], [2, { a: [2, 1] }, "1"]],
  ["const", { const: { a: 1, b: null } }, [{ b: null, a: 1 }], [{ a: 1 }, null]],
  ["minimum", { minimum: 1, maximum: 2 }, [1, 2, "x"], [0.9, 2.1]],
  ["exclusiveMinimum", { exclusiveMinimum: 1, exclusiveMaximum: 2 }, [1.5], [1, 2]],
  ["multipleOf", { multipleOf: 0.1 }, [0.3, 1, -4.2], [0.35]],
  ["minLength", { minLength: 2, maxLength: 3 }, ["ab", "🎉🎉🎉", 5], ["a", "abcd"]],
  ["pattern", { pattern: "^[a-z]+$" }, ["abc", 1], ["aB", ""]],
  ["format date-time", { format: "date-time" }, ["2030-01-31T09:00:00Z", 5], ["2030-02-30T09:00:00Z", "now"]],
  ["format email", { format: "email" }, ["a.b@example.com"], ["a@", "@b", "a b@c"]],
  ["format uuid", { format: "uuid" }, ["6b8f3a52-9f0e-4e0c-8d5b-1f2a3b4c5d6e"], ["6b8f"]],
  ["format of others", { format: "color" }, ["anything"], []],
  ["items", { items: { type: "number" } }, [[], [1, 2], {}], [[1, "2"]]],
  [
    "prefixItems",
    { prefixItems: [true, { type: "null" }], items: false },
    [[1], [1, null]],
    [
      [1, 2],
      [1, null, 3],
    ],
  ],
  ["minItems", { minItems: 1, maxItems: 2 }, [[1], [1, 2]], [[], [1, 2, 3]]],
  [
    "uniqueItems",
    { uniqueItems: true },
    [[1, "1", [1]]],
    [
      [
        { a: 1, b: 2 },
        { b: 2, a: 1 },
      ],
    ],
  ],
  ["contains", { contains: { const: 1 }, maxContains: 2 }, [[1], [0, 1, 1]], [[], [0], [1, 1, 1]]],
  ["minContains", { contains: { const: 1 }, minContains: 0 }, [[], [0]], []],
  ["required", { required: ["a"] }, [{ a: null }, []], [{}, { b: 1 }]],
  ["properties", { properties: { a: { type: "string" } } }, [{ a: "x" }, { b: 1 }], [{ a: 1 }]],
  ["prototype names", { required: ["toString"] }, [{ toString: 1 }], [{}]],
  ["additionalProperties", { properties: { a: true }, additionalProperties: false }, [{ a: 1 }], [{ b: 1 }]],
  [
    "patternProperties",
    { patternProperties: { "^x-": { type: "number" } }, additionalProperties: { type: "string" } },
    [{ "x-a": 1, b: "s" }],
    [{ "x-a": "s" }, { b: 1 }],
  ],
  ["propertyNames", { propertyNames: { maxLength: 2 } }, [{ ab: 1 }], [{ abc: 1 }]],
  ["minProperties", { minProperties: 1, maxProperties: 1 }, [{ a: 1 }], [{}, { a: 1, b: 2 }]],
  ["dependentRequired", { dependentRequired: { a: ["b"] } }, [{}, { a: 1, b: 1 }], [{ a: 1 }]],
  ["dependentSchemas", { dependentSchemas: { a: { maxProperties: 1 } } }, [{ a: 1 }, { b: 1, c: 1 }], [{ a: 1, b: 1 }]],
  ["dependencies", { dependencies: { a: ["b"], c: { required: ["d"] } } }, [{ a: 1, b: 1 }], [{ a: 1 }, { c: 1 }]],
  ["allOf", { allOf: [{ minimum: 1 }, { maximum: 2 }] }, [1], [0, 3]],
  ["anyOf", { anyOf: [{ type: "string" }, { minimum: 5 }] }, ["x", 5], [4]],
  ["oneOf", { oneOf: [{ minimum: 1 }, { maximum: 5 }] }, [0, 6], [3]],
  ["not", { not: { type: "string" } }, [1], ["x"]],
  ["if", { if: { type: "number" }, then: { minimum: 1 }, else: { type: "string" } }, [1, "x"], [0, null]],
  [
    "unevaluatedProperties",
    { allOf: [{ properties: { a: true } }], properties: { b: true }, unevaluatedProperties: false },
    [{ a: 1, b: 2 }],
    [{ c: 1 }],
  ],
  ["unevaluatedItems", { allOf: [{ prefixItems: [true] }], unevaluatedItems: false }, [[1]], [[1, 2]]],
  [
    "$ref to itself",
    { type: "object", properties: { child: { $ref: "#" } }, additionalProperties: false },
    [{ child: { child: {} } }],
    [{ child: { other: 1 } }],
  ],
  ["$ref to a part", { $defs: { "a/b": { type: "string" } }, items: { $ref: "#/$defs/a~1b" } }, [["x"]], [[1]]],
  ["siblings of $ref", { $defs: { s: { type: "string" } }, $ref: "#/$defs/s", minLength: 2 }, ["ab"], ["a", 5]],
];

const DRAFT_7 = "http://json-schema.org/draft-07/schema#";

describe("checkInput", () => {
  it.each(KEYWORDS)("judges by %s", (_, schema, good, bad) => {
    for (const input of good) expect([input, fits(schema, input)]).toEqual([input, true]);
    for (const input of bad) expect([input, fits(schema, input)]).toEqual([input, false]);
  });

  it("reads tuples and lone references as draft-07 has them where $schema says so", () => {
    const tuple = { $schema: DRAFT_7, items: [{ type: "string" }], additionalItems: false };
    expect([["a"], ["a", 1], [1]].map((input) => fits(tuple, input))).toEqual([true, false, false]);
    const lone = {
      $schema: DRAFT_7,
      definitions: { s: true },
      properties: { a: { $ref: "#/definitions/s", type: "null" } },
    };
    expect(fits(lone, { a: 1 })).toBe(true);
  });

  it("says where the input does not fit, and what would", () => {
    const schema = {
      type: "object",
      required: ["order"],
      properties: {
        order: { properties: { lines: { items: { required: ["sku"], properties: { n: { minimum: 1 } } } } } },
      },
    };
    expect(checkInput(schema, {}, "input")).toEqual([{ path: "input.order", message: "is required" }]);
    expect(checkInput(schema, { order: { lines: [{ sku: 1 }, { n: 0 }] } }, "input")).toEqual([
      { path: "input.order.lines[1].sku", message: "is required" },
      { path: "input.order.lines[1].n", message: "must be at least 1" },
    ]);
    expect(checkInput({ type: "array" }, "x", "input")).toEqual([{ path: "input", message: "must be a list" }]);
  });

  it("takes anything where there is no schema", () => {
    expect(checkInput(null, { any: [1] }, "input")).toEqual([]);
  });

  const doubling = Object.fromEntries(
    Array.from({ length: 60 }, (_, i) => [
      `d${i}`,
      { allOf: [{ $ref: `#/$defs/d${i + 1}` }, { $ref: `#/$defs/d${i + 1}` }] },
    ]),
  );
  it.each([
    ["references that lead in a circle", { $ref: "#" }, 1],
    ["references that multiply", { $defs: { ...doubling, d60: true }, $ref: "#/$defs/d0" }, 1],
    [
      "costly patterns",
      { items: { pattern: "(a|b)*a(a|b){15}" } },
      Array.from({ length: 20_000 }, (_, i) => `${i}ab`.repeat(3)),
    ],
  ])("gives up on %s", (_, schema, input) => {
    expect(validateInputSchema(schema as JsonValue, "input_schema")).toEqual([]);
    expect(checkInput(schema as JsonValue, input as JsonValue, "input")).toEqual([
      { path: "input", message: expect.stringContaining("takes too much work") },
    ]);
  });

  it("has work enough for the largest input", () => {
    const input = Array.from({ length: 25_000 }, (_, id) => ({ id }));
    const schema = {
      uniqueItems: true,
      items: { type: "object", required: ["id"], properties: { id: { type: "integer" } } },
    };
    expect(checkInput(schema, input, "input")).toEqual([]);
  });
});

describe("validateInputSchema", () => {
  it.each([
    [5, "input_schema"],
    [{ type: "strin" }, "input_schema.type"],
    [{ properties: { a: { minimum: "1" } } }, "input_schema.properties.a.minimum"],
    [{ items: [true, 5] }, "input_schema.items[1]"],
    [{ required: "a" }, "input_schema.required"],
    [{ allOf: [] }, "input_schema.allOf"],
    [{ pattern: "(?=a)" }, "input_schema.pattern"],
    [{ patternProperties: { "(": true } }, 'input_schema.patternProperties["("]'],
    [{ $ref: "https://example.com/schema.json" }, "input_schema.$ref"],
    [{ $ref: "#/$defs/none" }, "input_schema.$ref"],
    [{ $ref: "#/x", x: { type: 1 } }, "input_schema.$ref.type"],
    [{ $dynamicRef: "#a" }, "input_schema.$dynamicRef"],
    [{ $schema: "http://json-schema.org/draft-04/schema#" }, "input_schema.$schema"],
    [{ items: { $id: "https://example.com/x" } }, "input_schema.items.$id"],
    [{ description: "x".repeat(65_536) }, "input_schema"],
  ])("refuses %j", (schema, path) => {
    expect(validateInputSchema(schema as JsonValue, "input_schema").map((issue) => issue.path)).toEqual([path]);
  });

  it("takes what is a note for people", () => {
    const schema = { $schema: "https://json-schema.org/draft/2020-12/schema", title: "Order", "x-any": { type: 5 } };
    expect(validateInputSchema(schema, "input_schema")).toEqual([]);
  });
});
