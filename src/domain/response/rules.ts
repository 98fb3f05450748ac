/**
 * What a job expects of a response beyond its status: one matcher and up to 20 assertions.
 *
 * Names on the wire are these in snake_case: `case_sensitive` is the only one that differs.
 */

import type { FieldIssue } from "../issue.ts";
import type { JsonValue } from "../json.ts";
import type { Redactor } from "../secret/redact.ts";
import { compileJsonPath } from "./jsonPath.ts";
import { checkOperator, holds } from "./operators.ts";
import type { Subject } from "./operators.ts";
import { compileRegex } from "./regex.ts";
import { headerValue, lazyJson } from "./response.ts";
import type { JsonReader, JudgedResponse } from "./response.ts";
import { display } from "./text.ts";
import { WorkBudget } from "./workBudget.ts";

export const OPERATORS = [
  "eq",
  "ne",
  "gt",
  "gte",
  "lt",
  "lte",
  "contains",
  "not_contains",
  "exists",
  "not_exists",
  "matches",
] as const;
export type Operator = (typeof OPERATORS)[number];

export const ASSERTION_SOURCES = ["status", "header", "body", "json"] as const;
export type AssertionSource = (typeof ASSERTION_SOURCES)[number];

export type ResponseMatcher =
  | { readonly mode: "contains" | "not_contains"; readonly value: string; readonly caseSensitive?: boolean | undefined }
  /** RE2 syntax, found anywhere in the body; `flags` out of `i`, `m`, `s`. */
  | { readonly mode: "regex"; readonly pattern: string; readonly flags?: string | undefined }
  /** As an assertion on `json`; the operator defaults to `exists` when there is no `value`, else to `eq`. */
  | {
      readonly mode: "json";
      readonly path: string;
      readonly operator?: Operator | undefined;
      readonly value?: JsonValue | undefined;
    };

export interface Assertion {
  readonly source: AssertionSource;
  /** JSONPath (RFC 9535), for `json` only. */
  readonly path?: string | undefined;
  /** Header name in any case, for `header` only. */
  readonly name?: string | undefined;
  readonly operator: Operator;
  readonly value?: JsonValue | undefined;
}

export interface ResponseRules {
  readonly responseMatcher: ResponseMatcher | null;
  readonly assertions: readonly Assertion[];
}

export interface RuleVerdict {
  /** `response_matcher` or `assertions[0]`, as the rule stands in the request. */
  readonly rule: string;
  readonly ok: boolean;
  readonly expected: string;
  /** What the response had instead, or why that cannot be told; at most 200 characters. */
  readonly got: string;
}

/** Bounds what one response can cost; each rule reads up to 64 KB. */
export const MAX_ASSERTIONS = 20;
const MAX_TEXT_CHARS = 10_000;

/** Everything wrong with the rules of a request, at save time. `basePath` is where the request stands, such as `request`. */
export function validateRules(rules: ResponseRules, basePath: string): FieldIssue[] {
  const issues: FieldIssue[] = [];
  const matcherPath = `${basePath}.response_matcher`;
  if (rules.responseMatcher !== null) issues.push(...validateMatcher(rules.responseMatcher, matcherPath));
  if (rules.assertions.length > MAX_ASSERTIONS) {
    issues.push({ path: `${basePath}.assertions`, message: `may have at most ${MAX_ASSERTIONS} entries` });
  }
  for (const [index, assertion] of rules.assertions.entries()) {
    issues.push(...validateAssertion(assertion, `${basePath}.assertions[${index}]`));
  }
  return issues;
}

function validateMatcher(matcher: ResponseMatcher, path: string): FieldIssue[] {
  switch (matcher.mode) {
    case "contains":
    case "not_contains":
      if (matcher.value.length === 0) return [{ path: `${path}.value`, message: "must not be empty" }];
      if (matcher.value.length <= MAX_TEXT_CHARS) return [];
      return [{ path: `${path}.value`, message: `must be at most ${MAX_TEXT_CHARS} characters` }];
    case "regex": {
      const compiled = compileRegex(matcher.pattern, matcher.flags);
      return compiled.ok ? [] : [{ path: `${path}.pattern`, message: compiled.error }];
    }
    case "json":
      return validateAssertion(jsonMatcherAssertion(matcher), path);
  }
}

function validateAssertion(assertion: Assertion, path: string): FieldIssue[] {
  const issues: FieldIssue[] = [];
  if (assertion.source === "header") {
    if (!/^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,256}$/.test(assertion.name ?? "")) {
      issues.push({ path: `${path}.name`, message: "must be the name of a response header, such as content-type" });
    }
  } else if (assertion.name !== undefined) {
    issues.push({ path: `${path}.name`, message: 'is only for assertions with source "header"' });
  }
  if (assertion.source === "json") {
    const compiled = compileJsonPath(assertion.path ?? "");
    if (!compiled.ok) issues.push({ path: `${path}.path`, message: compiled.error });
  } else if (assertion.path !== undefined) {
    issues.push({ path: `${path}.path`, message: 'is only for assertions with source "json"' });
  }
  return [...issues, ...checkOperator(assertion, path)];
}

function jsonMatcherAssertion(matcher: Extract<ResponseMatcher, { mode: "json" }>): Assertion {
  const operator = matcher.operator ?? (matcher.value === undefined ? "exists" : "eq");
  return { source: "json", path: matcher.path, operator, value: matcher.value };
}

/**
 * Judges every rule, passed and failed alike, in their order; an execution mismatches when any verdict is not `ok`.
 *
 * `redact` masks secrets in what is shown. It must be given here and not be applied to the verdicts: `got` is cut to 200
 * characters, and the first half of a secret is no longer recognised as one.
 *
 * All rules of one response share one budget of work (`RULE_WORK_UNITS`), so twenty costly patterns take no longer than
 * one. The rule at which it ends fails and says so.
 */
export function evaluateRules(
  rules: ResponseRules,
  response: JudgedResponse,
  redact: Redactor = (text) => text,
): RuleVerdict[] {
  const budget = new WorkBudget();
  const json = lazyJson(response);
  // Many rules show the same body, which is redacted once.
  const shown = new Map<string, string>();
  const show = (text: string): string => {
    const known = shown.get(text) ?? display(redact(text));
    shown.set(text, known);
    return known;
  };
  const judge = (rule: string, { ok, expected, got }: Outcome): RuleVerdict => {
    return { rule, ok, expected: show(expected), got: show(got) };
  };
  const verdicts: RuleVerdict[] = [];
  if (rules.responseMatcher !== null) {
    verdicts.push(judge("response_matcher", evaluateMatcher(rules.responseMatcher, response, json, budget)));
  }
  for (const [index, assertion] of rules.assertions.entries()) {
    verdicts.push(judge(`assertions[${index}]`, evaluateAssertion(assertion, response, json, budget)));
  }
  return verdicts;
}

interface Outcome {
  readonly ok: boolean;
  readonly expected: string;
  readonly got: string;
}

function evaluateMatcher(
  matcher: ResponseMatcher,
  response: JudgedResponse,
  json: JsonReader,
  budget: WorkBudget,
): Outcome {
  switch (matcher.mode) {
    case "contains":
    case "not_contains": {
      const fold = (text: string): string => (matcher.caseSensitive === false ? text.toLowerCase() : text);
      const found = fold(response.body).includes(fold(matcher.value));
      return {
        ok: found === (matcher.mode === "contains"),
        expected: `body ${matcher.mode} ${JSON.stringify(matcher.value)}`,
        got: bodyText(response),
      };
    }
    case "regex": {
      const expected = `body matches /${matcher.pattern}/${matcher.flags ?? ""}`;
      const compiled = compileRegex(matcher.pattern, matcher.flags);
      if (!compiled.ok) return { ok: false, expected, got: `the pattern ${compiled.error}` };
      const verdict = compiled.value.test(response.body, budget);
      if (verdict === "too_costly") return { ok: false, expected, got: TOO_COSTLY };
      return { ok: verdict === "match", expected, got: bodyText(response) };
    }
    case "json":
      return evaluateAssertion(jsonMatcherAssertion(matcher), response, json, budget);
  }
}

const TOO_COSTLY = "the pattern needs too much work on this response; make it simpler or anchor it";

function evaluateAssertion(
  assertion: Assertion,
  response: JudgedResponse,
  json: JsonReader,
  budget: WorkBudget,
): Outcome {
  const expected = describeAssertion(assertion);
  const subject = readSubject(assertion, response, json, budget);
  if (!subject.ok) return { ok: false, expected, got: subject.error };
  const verdict = holds(assertion.operator, subject.value, assertion.value, budget);
  if (verdict === "too_costly") return { ok: false, expected, got: TOO_COSTLY };
  const shown = subject.value.present ? subject.value.value : undefined;
  const got = shown === undefined ? "nothing" : typeof shown === "string" ? shown : JSON.stringify(shown);
  return { ok: verdict, expected, got: assertion.source === "body" ? bodyText(response) : got };
}

type Read = { readonly ok: true; readonly value: Subject } | { readonly ok: false; readonly error: string };

function readSubject(assertion: Assertion, response: JudgedResponse, json: JsonReader, budget: WorkBudget): Read {
  switch (assertion.source) {
    case "status":
      return { ok: true, value: { present: true, value: response.status } };
    case "body":
      return { ok: true, value: response.body === "" ? { present: false } : { present: true, value: response.body } };
    case "header": {
      const value = headerValue(response, assertion.name ?? "");
      return { ok: true, value: value === null ? { present: false } : { present: true, value } };
    }
    case "json": {
      const path = compileJsonPath(assertion.path ?? "");
      if (!path.ok) return { ok: false, error: `the path ${path.error}` };
      const parsed = json();
      if (!parsed.ok) return parsed;
      const found = path.value.select(parsed.value, budget);
      if (!found.ok) return found;
      // One match is its value, several are their list, as in `output`.
      const [first] = found.value;
      if (first === undefined) return { ok: true, value: { present: false } };
      return { ok: true, value: { present: true, value: found.value.length === 1 ? first : found.value } };
    }
  }
}

function describeAssertion(assertion: Assertion): string {
  const subject = [assertion.source, assertion.name ?? assertion.path].filter((part) => part !== undefined).join(" ");
  const value = assertion.value === undefined ? "" : ` ${JSON.stringify(assertion.value)}`;
  return `${subject} ${assertion.operator}${value}`;
}

function bodyText(response: JudgedResponse): string {
  if (response.body === "") return "an empty body";
  return response.bodyTruncated ? `(first 64 KB) ${response.body}` : response.body;
}
