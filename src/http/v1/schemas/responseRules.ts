/** Response rules on the wire, and their way into the domain and back. */

import { z } from "@hono/zod-openapi";
import type { JsonValue } from "../../../domain/json.ts";
import type { Assertion, ResponseMatcher } from "../../../domain/response/rules.ts";
import { ASSERTION_SOURCES, MAX_ASSERTIONS, OPERATORS } from "../../../domain/response/rules.ts";
import { anyJson, flag, list, object, oneOf, text } from "../../fields.ts";

/** Bounds the text of one rule; each is read again for every response. */
const RULE_TEXT_MOST = 10_000;

const ruleText = () => text(0, RULE_TEXT_MOST);

export const ResponseMatcherSchema = z
  .discriminatedUnion("mode", [
    object({ mode: z.enum(["contains", "not_contains"]), value: ruleText(), case_sensitive: flag().optional() }),
    object({ mode: z.literal("regex"), pattern: ruleText(), flags: text(0, 3).optional() }),
    object({
      mode: z.literal("json"),
      path: ruleText(),
      operator: oneOf(OPERATORS).optional(),
      value: anyJson().optional(),
    }),
  ])
  .openapi("ResponseMatcher", { description: "What the response's body must say, beyond a success status." });

export const AssertionSchema = object({
  source: oneOf(ASSERTION_SOURCES),
  path: ruleText().optional().openapi({ description: 'JSONPath (RFC 9535), for source "json".' }),
  name: ruleText().optional().openapi({ description: 'A header\'s name, for source "header".' }),
  operator: oneOf(OPERATORS),
  value: anyJson().optional(),
}).openapi("Assertion");

export const AssertionsSchema = list(AssertionSchema, MAX_ASSERTIONS, "assertions");

/** What came out of `JSON.parse` is JSON, though the schema says only that it is anything. */
function json(value: unknown): JsonValue {
  return value as JsonValue;
}

export function toResponseMatcher(wire: z.output<typeof ResponseMatcherSchema>): ResponseMatcher {
  switch (wire.mode) {
    case "contains":
    case "not_contains":
      return {
        mode: wire.mode,
        value: wire.value,
        ...(wire.case_sensitive === undefined ? {} : { caseSensitive: wire.case_sensitive }),
      };
    case "regex":
      return { mode: wire.mode, pattern: wire.pattern, ...(wire.flags === undefined ? {} : { flags: wire.flags }) };
    case "json":
      return {
        mode: wire.mode,
        path: wire.path,
        ...(wire.operator === undefined ? {} : { operator: wire.operator }),
        ...(wire.value === undefined ? {} : { value: json(wire.value) }),
      };
  }
}

export function fromResponseMatcher(matcher: ResponseMatcher): z.output<typeof ResponseMatcherSchema> {
  switch (matcher.mode) {
    case "contains":
    case "not_contains": {
      const { mode, value, caseSensitive } = matcher;
      return { mode, value, ...(caseSensitive === undefined ? {} : { case_sensitive: caseSensitive }) };
    }
    case "regex":
    case "json":
      return matcher;
  }
}

export function toAssertion(wire: z.output<typeof AssertionSchema>): Assertion {
  const { value, ...rest } = wire;
  return { ...rest, ...(value === undefined ? {} : { value: json(value) }) };
}
