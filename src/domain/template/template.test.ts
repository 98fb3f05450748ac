import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { renderText, renderValue } from "./render.ts";
import type { TemplateScope } from "./render.ts";
import { parseTemplate } from "./template.ts";
import type { Template } from "./template.ts";

const SCOPE: TemplateScope = {
  name: "Ann",
  n: 7,
  none: null,
  list: [1, 2, 3],
  steps: { "fetch-it": { output: { items: [{ x: "é/ ?" }], "odd key": true, "0": "zero" } } },
  at: "2026-03-15T10:00:00.5Z",
};

function parse(text: string): Template {
  const template = parseTemplate(text);
  if (!template.ok) throw new Error(template.error);
  return template.value;
}

const text = (source: string): string => renderText(parse(source), SCOPE);
const value = (source: string): unknown => renderValue(parse(source), SCOPE);

describe("templates", () => {
  it("replaces variables, with and without spaces", () => {
    expect(text("Hi {{name}}, {{ n }}!{{\tname\n}}")).toBe("Hi Ann, 7!Ann");
  });

  it("writes numbers as they are, null as nothing and the rest as JSON", () => {
    expect(text("{{n}}|{{none}}|{{list}}|{{missing.deep[3]}}")).toBe("7||[1,2,3]|");
  });

  it("walks paths by name, index and quoted key", () => {
    expect(text("{{steps.fetch-it.output.items[0].x}}")).toBe("é/ ?");
    expect(text("{{steps.fetch-it.output.items.0.x}}")).toBe("é/ ?");
    expect(value("{{ steps[\"fetch-it\"].output['odd key'] }}")).toBe(true);
    expect(value("{{steps.fetch-it.output.0}}")).toBe("zero");
  });

  it("finds own members only", () => {
    expect(value("{{name.constructor}}")).toBeNull();
    expect(value("{{steps.__proto__}}")).toBeNull();
    expect(value("{{list.length}}")).toBeNull();
  });

  it("keeps the JSON type of a value that is the whole template", () => {
    expect(value("{{n}}")).toBe(7);
    expect(value("{{list}}")).toEqual([1, 2, 3]);
    expect(value(" {{n}}")).toBe(" 7");
  });

  it("takes a backslash before braces as an escape, and pairs of them as backslashes", () => {
    expect(text(String.raw`\{{name}}`)).toBe("{{name}}");
    expect(text(String.raw`\\{{name}}`)).toBe(String.raw`\Ann`);
    expect(text(String.raw`\\\{{name}}`)).toBe(String.raw`\{{name}}`);
    expect(text(String.raw`a\b {x} }} \n`)).toBe(String.raw`a\b {x} }} \n`);
  });

  it.each([
    ["{{ list | json }}", "[1,2,3]"],
    ["{{ list | length }}", 3],
    ["{{ name | length }}", 3],
    ["{{ n | length }}", null],
    ['{{ none | default: "nobody" }}', "nobody"],
    ["{{ none | default: 'it''s' }}", null],
    ["{{ none | default: 'it\\'s \"x\" }}' }}", 'it\'s "x" }}'],
    ["{{ missing | default: -1.5 }}", -1.5],
    ["{{ name | upper | lower | default: true }}", "ann"],
    ["{{ steps.fetch-it.output.items[0].x | url }}", "%C3%A9%2F%20%3F"],
    ["{{ steps.fetch-it.output.items[0].x | base64 }}", "w6kvID8="],
    ["{{ at | date }}", "2026-03-15T10:00:00.500Z"],
    ['{{ at | date: "date" }}', "2026-03-15"],
    ['{{ at | date: "unix" }}', 1_773_568_800],
    ["{{ name | date }}", null],
  ])("renders %s", (source, expected) => {
    const template = parseTemplate(source);
    expect(template.ok ? renderValue(template.value, SCOPE) : null).toEqual(expected);
  });

  it.each([
    ["{{name", "without its }}"],
    ["{{na{{me}}", "without its }}"],
    ["{{}}", "not the name of a variable"],
    ["{{1}}", "not the name of a variable"],
    ["{{#if x}}", "not the name of a variable"],
    ["{{name | shout}}", "filter must be one of"],
    ["{{name | upper: 1}}", "takes no argument"],
    ["{{name | default}}", "needs one argument"],
    ["{{name | date: 'rfc'}}", "date format"],
    ["{{name + 1}}", "cannot be read"],
    ["{{name..x}}", "cannot be read"],
  ])("refuses %s", (source, reason) => {
    const template = parseTemplate(source);
    expect(template.ok ? "parsed" : template.error).toContain(reason);
  });

  it("leaves any text without braces as it is, and never throws on any text", () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom("{", "}", "\\", "a", '"', "|", ".", " ") }), (source) => {
        const template = parseTemplate(source);
        if (!source.includes("{{")) expect(template.ok && renderText(template.value, {})).toBe(source);
      }),
    );
  });

  it("gives back any text whose braces are escaped", () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom("{", "}", "\\", "a") }), (source) => {
        const escaped = source.replaceAll(/(\\*)\{\{/g, (_, slashes: string) => `${slashes}${slashes}\\{{`);
        expect(text(escaped)).toBe(source);
      }),
    );
  });
});
