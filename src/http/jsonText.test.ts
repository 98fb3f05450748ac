import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { JSON_DEPTH_MOST, findJsonError } from "./jsonText.ts";

function parses(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

describe("findJsonError", () => {
  it.each([
    ["abc", 0, "a value"],
    ['{"a": x}', 6, "a value"],
    ['{"a":1,}', 7, "a field name in double quotes"],
    ['{"a":1', 6, '"," or "}"'],
    ["[1 2]", 3, '"," or "]"'],
    ['{"a" 1}', 5, '":"'],
    ['"abc', 4, 'a closing "'],
    ['"a\\x"', 2, "an escape that JSON knows"],
    ['"a\nb"', 2, "a control character to be escaped"],
    ["1 2", 2, "the end of the text"],
    ["01", 1, "the end of the text"],
    ["", 0, "a value"],
  ])("finds what is wrong in %j", (text, position, expected) => {
    expect(findJsonError(text)).toMatchObject({ position, expected });
  });

  it("counts lines and columns from 1", () => {
    expect(findJsonError('{\n  "a": 1,\n  b\n}')).toMatchObject({ line: 3, column: 3 });
  });

  it("refuses what is nested too deep, without a deep stack", () => {
    expect(findJsonError("[".repeat(JSON_DEPTH_MOST) + "]".repeat(JSON_DEPTH_MOST))).toBeNull();
    expect(findJsonError("[".repeat(200_000))).toMatchObject({ position: JSON_DEPTH_MOST });
  });

  it("agrees with JSON.parse on texts that were tampered with", () => {
    const edit = fc.tuple(fc.nat(), fc.constantFrom("", ",", '"', "}", "[", "\\", "1", "e", "-", "\n", "\u0001"));
    fc.assert(
      fc.property(fc.json({ maxDepth: 4 }), edit, (json, [at, piece]) => {
        const index = at % (json.length + 1);
        const text = json.slice(0, index) + piece + json.slice(index + (piece === "" ? 1 : 0));
        expect(findJsonError(text) === null).toBe(parses(text));
      }),
      { numRuns: 2_000 },
    );
  });
});
