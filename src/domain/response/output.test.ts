import { describe, expect, it } from "vitest";
import { makeRedactor } from "../secret/redact.ts";
import { evaluateOutput, validateOutput } from "./output.ts";
import type { JudgedResponse } from "./response.ts";

const RESPONSE: JudgedResponse = {
  status: 200,
  headers: {},
  body: JSON.stringify({ id: 7, rows: [{ x: 1 }, { x: 2 }], none: null, key: "hunter2" }),
  bodyTruncated: false,
};
const SCOPE = { execution_id: "exec_1", attempt: 2 };

describe("evaluateOutput", () => {
  it("gives one match as its value, several as a list, none as null", () => {
    const output = { id: "$.id", all: "$.rows[*].x", none: "$.gone", row: "$.rows[?@.x > 1]" };
    expect(evaluateOutput(output, RESPONSE, SCOPE)).toEqual({ id: 7, all: [1, 2], none: null, row: { x: 2 } });
  });

  it("renders templates, which keep their JSON type when they stand alone", () => {
    const output = { run: "run {{execution_id}}", attempt: "{{attempt}}" };
    expect(evaluateOutput(output, RESPONSE, SCOPE)).toEqual({ run: "run exec_1", attempt: 2 });
  });

  it("gives null for a path into a body that is not JSON", () => {
    expect(evaluateOutput({ id: "$.id" }, { ...RESPONSE, body: "<html>" }, SCOPE)).toEqual({ id: null });
  });

  it("masks secrets that the target echoes", () => {
    const redact = makeRedactor(["hunter2"]);
    expect(evaluateOutput({ whole: "$.key", in: "$" }, RESPONSE, SCOPE, redact)).toMatchObject({
      whole: "[secret]",
      in: { key: "[secret]" },
    });
  });
});

describe("validateOutput", () => {
  it("accepts paths and templates", () => {
    expect(validateOutput({ a: "$.a", b_2: "{{uuid}}", c: "text" }, "request.output")).toEqual([]);
  });

  it("names the field that is wrong", () => {
    const output = { a: "$.", b: "{{nope}}", "2c": "x", "d e": "x" };
    expect(validateOutput(output, "request.output").map((issue) => issue.path)).toEqual([
      "request.output.a",
      "request.output.b",
      'request.output["2c"]',
      'request.output["d e"]',
    ]);
  });
});
