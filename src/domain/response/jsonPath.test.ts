import { describe, expect, it } from "vitest";
import type { JsonValue } from "../json.ts";
import { compileJsonPath } from "./jsonPath.ts";
import { RULE_WORK_UNITS, WorkBudget } from "./workBudget.ts";

function select(path: string, value: JsonValue, budget = new WorkBudget()): readonly JsonValue[] | string {
  const compiled = compileJsonPath(path);
  if (!compiled.ok) return compiled.error;
  const found = compiled.value.select(value, budget);
  return found.ok ? found.value : found.error;
}

const STORE: JsonValue = {
  items: [
    { id: 1, name: "pen", price: 2.5, tags: ["a", "b"] },
    { id: 2, name: "ink", price: 8, tags: [] },
    { id: 3, name: "book\r", price: 12, tags: ["b"] },
  ],
  "odd key": null,
  limit: 5,
};

describe("compileJsonPath", () => {
  it.each([
    ["$.limit", [5]],
    ["$['odd key']", [null]],
    ["$.nothing", []],
    ["$.items[-1].id", [3]],
    ["$.items[0:2].id", [1, 2]],
    ["$.items[::-1].id", [3, 2, 1]],
    ["$..tags[*]", ["a", "b", "b"]],
    ["$.items[?@.price > $.limit].id", [2, 3]],
    ["$.items[?@.tags[?@ == 'b']].id", [1, 3]],
    ["$.items[?length(@.tags) == 2].id", [1]],
    ["$.items[?count(@.*) == 4 && value(@.id) == 2].id", [2]],
    ["$.items[?match(@.name, 'p.n')].id", [1]],
    ["$.items[?match(@.name, 'p')].id", []],
    ["$.items[?search(@.name, 'n')].id", [1, 2]],
    ["$.items[?match(@.name, 'book.')].id", []],
    ["$.items[?match(@.name, '[')].id", []],
    ["$.items[?match(@.name, @.id)].id", []],
    ["$.items[?@ == $.items[1]].id", [2]],
  ])("selects %s", (path, expected) => {
    expect(select(path, STORE)).toEqual(expected);
  });

  it("gives back the values themselves", () => {
    const found = select("$.items[0]", STORE);
    expect(found[0]).toBe((STORE as { items: JsonValue[] }).items[0]);
  });

  it.each(["", "items", "$.", "$[", "$.items[?@.id = 1]", "$.items[?nope(@)]", "$[?length(@.a, 1) > 1]"])(
    "refuses %j",
    (path) => {
      expect(select(path, STORE)).toContain("is not a JSONPath (RFC 9535)");
    },
  );

  it("refuses a path over 1,000 characters", () => {
    expect(select(`$.${"a".repeat(1_000)}`, STORE)).toContain("at most 1000 characters");
  });
});

describe("the bound on a path's work", () => {
  const wide = Array.from({ length: 20_000 }, (_, index) => index);
  const chain = Array.from({ length: 60 }).reduce<JsonValue>((inner) => [inner, inner === 1 ? 2 : 1], 1);

  it.each([
    ["$[?count($[*]) > 1]", wide],
    ["$[?@ != $[0] && @ != $]", [wide, ...wide]],
    ["$..*..*..*..*", chain],
    ["$..[?@..[?@..a]]", [wide, chain]],
    [`$[?${Array.from({ length: 80 }).fill("1==1").join("&&")}]`, wide],
    ["$.list[?length($.text) > 1]", { text: "x".repeat(30_000), list: wide }],
    ["$.list[?search($.text, '(x+x+)+y')]", { text: "x".repeat(30_000), list: wide }],
    ["$[?search(@.p, @.p)]", wide.slice(0, 2_000).map((n) => ({ p: `a${n}` }))],
  ] satisfies [string, JsonValue][])("ends %s", (path, value) => {
    expect(select(path, value)).toContain("too much work");
  });

  it("leaves everyday paths far from it, on 64 KB", () => {
    const rows = Array.from({ length: 800 }, (_, id) => ({ id, name: `row ${id}`, ok: id % 2 === 0, at: null }));
    for (const path of ["$.rows[?@.ok == true].id", "$..id", "$.rows[*].name", "$.rows[?search(@.name, '7$')]"]) {
      const budget = new WorkBudget();
      expect(select(path, { rows }, budget)).not.toContain("too much work");
      expect(budget.left).toBeGreaterThan(RULE_WORK_UNITS / 2);
    }
  });
});
