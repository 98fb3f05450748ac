import { describe, expect, it } from "vitest";
import { flag, list, moment, object, oneOf, optional, text, wholeNumber } from "./fields.ts";
import { jsonPath, readBody, readQuery } from "./readInput.ts";

const Schema = object({
  name: text(1, 5),
  count: optional(wholeNumber(1, 10)),
  kind: oneOf(["a", "b"]).optional(),
  at: moment().optional(),
  inner: object({ timeout_seconds: wholeNumber(1, 300) }).optional(),
  items: list(wholeNumber(1, 3), 2, "numbers").optional(),
});

function messages(body: unknown): Record<string, string> {
  const read = readBody(Schema, body);
  if (read.ok || read.error.code !== "invalid_request") return {};
  return Object.fromEntries(read.error.issues.map(({ path, message }) => [path, message]));
}

describe("readBody", () => {
  it("names every field at fault and what it accepts", () => {
    expect(messages({ count: 11, kind: "c", at: "tomorrow", inner: {}, items: [1, 9] })).toEqual({
      name: "is required: text of 1 to 5 characters",
      count: "must be a whole number from 1 to 10",
      kind: 'must be one of "a", "b"',
      at: "must be a moment in ISO 8601 with its offset from UTC, such as 2030-01-31T09:00:00Z",
      "inner.timeout_seconds": "is required: a whole number from 1 to 300",
      "items[1]": "must be a whole number from 1 to 3",
    });
  });

  it.each([
    ["nmae", "name"],
    ["Name", "name"],
    ["itmes", "items"],
  ])("asks whether %s was meant to be %s", (given, meant) => {
    expect(messages({ name: "x", [given]: 1 })[given]).toBe(`is not known; did you mean "${meant}"?`);
  });

  it("finds the name that was cut short", () => {
    expect(messages({ name: "x", inner: { timeout: 1, timeout_seconds: 2 } })["inner.timeout"]).toBe(
      'is not known; did you mean "timeout_seconds"?',
    );
  });

  it("lists what is known when nothing is close", () => {
    expect(messages({ name: "x", zzzz: 1 }).zzzz).toBe(
      "is not known; accepted are name, count, kind, at, inner, items",
    );
  });

  it.each([[[]], ["text"], [null], [3]])("refuses %j as a body", (body) => {
    expect(messages(body)).toEqual({ "": "must be a JSON object" });
  });
});

describe("readQuery", () => {
  const Query = object({ limit: wholeNumber(1, 100).optional(), dry: flag().optional(), from: moment().optional() });

  function query(text: string) {
    return readQuery(Query, new URLSearchParams(text));
  }

  it("reads numbers, flags and moments", () => {
    expect(query("limit=10&dry=true&from=2030-01-01T00:00:00%2B02:00")).toEqual({
      ok: true,
      value: { limit: 10, dry: true, from: "2030-01-01T00:00:00+02:00" },
    });
  });

  it("reads a moment whose plus sign was not escaped", () => {
    expect(query("from=2030-01-01T00:00:00+02:00")).toMatchObject({ value: { from: "2030-01-01T00:00:00+02:00" } });
  });

  it.each([
    "limit=0",
    "limit=101",
    "limit=ten",
    "limit=",
    "limit=1.5",
    "limit=1&limit=2",
    "dry=yes",
    "limi=1",
    "from=x",
  ])("refuses %s by the parameter's name", (text) => {
    const read = query(text);
    expect(!read.ok && read.error).toMatchObject({ issues: [{ path: text.slice(0, text.indexOf("=")) }] });
  });
});

describe("jsonPath", () => {
  it("writes paths as people do", () => {
    expect(jsonPath(["request", "headers", "X-A", 0, "a b"])).toBe('request.headers["X-A"][0]["a b"]');
    expect(jsonPath([])).toBe("");
  });
});
