import { describe, expect, it } from "vitest";
import { makeRedactor } from "../secret/redact.ts";
import type { JudgedResponse } from "./response.ts";
import { evaluateRules, validateRules } from "./rules.ts";
import type { Assertion, ResponseMatcher, ResponseRules } from "./rules.ts";

const RESPONSE: JudgedResponse = {
  status: 200,
  headers: { "Content-Type": "application/json", "X-Count": "12" },
  body: JSON.stringify({
    ok: true,
    n: 3,
    name: "Ann",
    none: null,
    at: "2026-03-15",
    tags: ["a", "b"],
    rows: [{ id: 1 }, { id: 2 }],
  }),
  bodyTruncated: false,
};

function rules(part: Partial<ResponseRules>): ResponseRules {
  return { responseMatcher: null, assertions: [], ...part };
}

function judge(assertion: Assertion, response: Partial<JudgedResponse> = {}) {
  const [verdict] = evaluateRules(rules({ assertions: [assertion] }), { ...RESPONSE, ...response });
  if (verdict === undefined) throw new Error("no verdict");
  return verdict;
}

function match(responseMatcher: ResponseMatcher, response: Partial<JudgedResponse> = {}) {
  const [verdict] = evaluateRules(rules({ responseMatcher }), { ...RESPONSE, ...response });
  if (verdict === undefined) throw new Error("no verdict");
  return verdict;
}

describe("evaluateRules", () => {
  it.each<[boolean, Assertion]>([
    [true, { source: "status", operator: "eq", value: 200 }],
    [false, { source: "status", operator: "ne", value: 200 }],
    [true, { source: "status", operator: "lt", value: 300 }],
    [false, { source: "status", operator: "gte", value: 300 }],
    [true, { source: "header", name: "content-type", operator: "contains", value: "json" }],
    [true, { source: "header", name: "CONTENT-TYPE", operator: "exists" }],
    [true, { source: "header", name: "x-none", operator: "not_exists" }],
    [true, { source: "header", name: "x-none", operator: "ne", value: "a" }],
    [true, { source: "header", name: "x-none", operator: "not_contains", value: "a" }],
    [false, { source: "header", name: "x-none", operator: "eq", value: "a" }],
    [true, { source: "header", name: "x-count", operator: "gt", value: 5 }],
    [false, { source: "header", name: "content-type", operator: "gt", value: 5 }],
    [true, { source: "header", name: "x-count", operator: "matches", value: "^\\d+$" }],
    [true, { source: "body", operator: "contains", value: '"ok":true' }],
    [false, { source: "body", operator: "not_contains", value: "Ann" }],
    [true, { source: "body", operator: "exists" }],
    [true, { source: "body", operator: "matches", value: '"n":\\d' }],
    [true, { source: "json", path: "$.ok", operator: "eq", value: true }],
    [false, { source: "json", path: "$.ok", operator: "eq", value: "true" }],
    [true, { source: "json", path: "$.rows[0]", operator: "eq", value: { id: 1 } }],
    [true, { source: "json", path: "$.rows[*].id", operator: "eq", value: [1, 2] }],
    [true, { source: "json", path: "$.rows[*].id", operator: "contains", value: 2 }],
    [true, { source: "json", path: "$.rows[?@.id > 1].id", operator: "eq", value: 2 }],
    [true, { source: "json", path: "$.tags", operator: "contains", value: "b" }],
    [true, { source: "json", path: "$.tags", operator: "not_contains", value: "c" }],
    [true, { source: "json", path: "$.name", operator: "contains", value: "nn" }],
    [true, { source: "json", path: "$.none", operator: "exists" }],
    [true, { source: "json", path: "$.none", operator: "eq", value: null }],
    [false, { source: "json", path: "$.gone", operator: "eq", value: null }],
    [true, { source: "json", path: "$.gone", operator: "not_exists" }],
    [true, { source: "json", path: "$.gone", operator: "ne", value: 1 }],
    [true, { source: "json", path: "$.n", operator: "lte", value: 3 }],
    [true, { source: "json", path: "$.at", operator: "lt", value: "2026-04-01" }],
    [false, { source: "json", path: "$.ok", operator: "gt", value: 0 }],
    [true, { source: "json", path: "$.n", operator: "matches", value: "^3$" }],
    [false, { source: "json", path: "$.tags", operator: "matches", value: "a" }],
  ])("is %s for %j", (ok, assertion) => {
    expect(validateRules(rules({ assertions: [assertion] }), "request")).toEqual([]);
    expect(judge(assertion).ok).toBe(ok);
  });

  it.each<[boolean, ResponseMatcher]>([
    [true, { mode: "contains", value: "Ann" }],
    [false, { mode: "contains", value: "ann" }],
    [true, { mode: "contains", value: "ann", caseSensitive: false }],
    [true, { mode: "not_contains", value: "error" }],
    [false, { mode: "not_contains", value: "ok" }],
    [true, { mode: "regex", pattern: '"name":"[A-Z]' }],
    [true, { mode: "regex", pattern: '"NAME"', flags: "i" }],
    [true, { mode: "json", path: "$.ok" }],
    [true, { mode: "json", path: "$.ok", value: true }],
    [false, { mode: "json", path: "$.n", operator: "gt", value: 3 }],
  ])("is %s for the matcher %j", (ok, matcher) => {
    expect(validateRules(rules({ responseMatcher: matcher }), "request")).toEqual([]);
    expect(match(matcher).ok).toBe(ok);
  });

  it("names every rule, what it expected and what it got", () => {
    const verdicts = evaluateRules(
      rules({
        responseMatcher: { mode: "json", path: "$.n", value: 4 },
        assertions: [
          { source: "status", operator: "eq", value: 201 },
          { source: "json", path: "$.ok", operator: "exists" },
          { source: "header", name: "etag", operator: "eq", value: "x" },
        ],
      }),
      RESPONSE,
    );
    expect(verdicts).toEqual([
      { rule: "response_matcher", ok: false, expected: "json $.n eq 4", got: "3" },
      { rule: "assertions[0]", ok: false, expected: "status eq 201", got: "200" },
      { rule: "assertions[1]", ok: true, expected: "json $.ok exists", got: "true" },
      { rule: "assertions[2]", ok: false, expected: 'header etag eq "x"', got: "nothing" },
    ]);
  });

  it("fails JSON rules with the reason when there is no whole JSON to read", () => {
    const rule: Assertion = { source: "json", path: "$.gone", operator: "not_exists" };
    const got = (response: Partial<JudgedResponse>): [boolean, string] => {
      const verdict = judge(rule, response);
      return [verdict.ok, verdict.got];
    };
    expect(got({ body: '{"a":', bodyTruncated: true })).toEqual([
      false,
      "a body over 64 KB, cut off before its JSON ended",
    ]);
    expect(got({ body: "<html>" })).toEqual([false, "a body that is not JSON: <html>"]);
    expect(got({ body: " " })).toEqual([false, "an empty body instead of JSON"]);
    expect(got({ body: "[".repeat(30_000) + "]".repeat(30_000) })).toEqual([
      false,
      "JSON nested deeper than 100 levels",
    ]);
  });

  it("shows at most 200 characters, and marks a body that was cut off", () => {
    const verdict = match({ mode: "contains", value: "no" }, { body: "y".repeat(70_000), bodyTruncated: true });
    expect(verdict.got).toHaveLength(200);
    expect(verdict.got).toMatch(/^\(first 64 KB\) y+…$/);
  });

  it("masks secrets before it cuts, so that no half of one is shown", () => {
    const secret = "hunter2-hunter3";
    const body = `${"y".repeat(190)}${secret}`;
    const redact = makeRedactor([secret]);
    const [verdict] = evaluateRules(
      rules({ responseMatcher: { mode: "contains", value: "no" } }),
      { ...RESPONSE, body },
      redact,
    );
    expect(verdict?.got).not.toContain("hunter");
    expect(verdict?.got).toContain("[secret");
  });

  it("fails the rule at which the shared budget ends and says so", () => {
    const costly: Assertion = { source: "body", operator: "matches", value: "(a|b)*a(a|b){15}c" };
    const body =
      Array.from({ length: 60_000 }, (_, index) => ((index * index) % 7 < 3 ? "a" : "b")).join("") + "c".repeat(99);
    const verdicts = evaluateRules(
      rules({
        assertions: [
          { ...costly, value: "\\w{1,500}!" },
          { ...costly, value: "[ab]{300}b.{300}$" },
        ],
      }),
      { ...RESPONSE, body: `${body}!` },
    );
    expect(verdicts.map((verdict) => verdict.got).join()).toContain("too much work");
  });
});

describe("validateRules", () => {
  it.each<[string, Assertion]>([
    ["request.assertions[0].operator", { source: "status", operator: "contains", value: "2" }],
    ["request.assertions[0].value", { source: "status", operator: "eq", value: "200" }],
    ["request.assertions[0].value", { source: "status", operator: "eq" }],
    ["request.assertions[0].name", { source: "header", operator: "exists" }],
    ["request.assertions[0].name", { source: "header", name: "a b", operator: "exists" }],
    ["request.assertions[0].name", { source: "body", name: "x", operator: "exists" }],
    ["request.assertions[0].value", { source: "header", name: "x", operator: "gt", value: "5" }],
    ["request.assertions[0].value", { source: "header", name: "x", operator: "eq", value: 5 }],
    ["request.assertions[0].value", { source: "body", operator: "exists", value: 1 }],
    ["request.assertions[0].operator", { source: "body", operator: "gt", value: 1 }],
    ["request.assertions[0].value", { source: "body", operator: "matches", value: "(?=a)" }],
    ["request.assertions[0].path", { source: "json", operator: "exists" }],
    ["request.assertions[0].path", { source: "json", path: "$[", operator: "exists" }],
    ["request.assertions[0].path", { source: "status", path: "$", operator: "eq", value: 1 }],
    ["request.assertions[0].value", { source: "json", path: "$", operator: "gt", value: true }],
    ["request.assertions[0].value", { source: "json", path: "$", operator: "matches", value: 1 }],
  ])("complains at %s about %j", (path, assertion) => {
    const issues = validateRules(rules({ assertions: [assertion] }), "request");
    expect(issues.map((issue) => issue.path)).toEqual([path]);
  });

  it.each<[string, ResponseMatcher]>([
    ["request.response_matcher.value", { mode: "contains", value: "" }],
    ["request.response_matcher.pattern", { mode: "regex", pattern: "(" }],
    ["request.response_matcher.path", { mode: "json", path: "n" }],
    ["request.response_matcher.value", { mode: "json", path: "$.n", operator: "gt" }],
  ])("complains at %s about %j", (path, responseMatcher) => {
    const issues = validateRules(rules({ responseMatcher }), "request");
    expect(issues.map((issue) => issue.path)).toEqual([path]);
  });

  it("allows at most 20 assertions", () => {
    const assertions = Array.from({ length: 21 }, (): Assertion => ({ source: "status", operator: "eq", value: 200 }));
    expect(validateRules(rules({ assertions }), "request").map((issue) => issue.path)).toEqual(["request.assertions"]);
  });
});
