/** Whether JSON that is meant as a JSON Schema is one, so that evaluating it later cannot go wrong. */

import type { FieldIssue } from "../issue.ts";
import type { JsonValue } from "../json.ts";
import { compileRegex } from "../response/regex.ts";
import { memberPath } from "../template/fieldPath.ts";
import { resolveReference } from "./schema.ts";

type Members = Readonly<Record<string, JsonValue>>;
type Check = (value: JsonValue, path: string) => FieldIssue[];

const TYPES: ReadonlySet<JsonValue> = new Set(["array", "boolean", "integer", "null", "number", "object", "string"]);
const DRAFTS = /^https?:\/\/json-schema\.org\/(?:draft\/2020-12|draft\/2019-09|draft-07)\/schema#?$/;

/** Every complaint, with the path of the keyword. */
export function checkSchema(root: JsonValue, base: string): FieldIssue[] {
  const visited = new Set<JsonValue>();

  const schema: Check = (value, path) => {
    if (typeof value === "boolean") return [];
    if (!isObject(value)) return [{ path, message: "must be a JSON Schema: an object, true or false" }];
    // References may lead in circles.
    if (visited.has(value)) return [];
    visited.add(value);
    return Object.entries(value).flatMap(([keyword, member]) => {
      const check = Object.hasOwn(keywords, keyword) ? keywords[keyword] : undefined;
      return check === undefined ? [] : check(member, `${path}.${keyword}`);
    });
  };

  const reference: Check = (value, path) => {
    if (typeof value !== "string") return [{ path, message: "must be text" }];
    if (value !== "#" && !value.startsWith("#/")) {
      return [{ path, message: 'must lead to a place in this schema, such as "#/$defs/name"; nothing is fetched' }];
    }
    const target = resolveReference(root, value);
    if (target === null) return [{ path, message: `leads nowhere: there is no schema at ${value}` }];
    // What a reference leads to is a schema, wherever it stands.
    return schema(target as JsonValue, path);
  };

  const schemas = listOf(schema, 1);
  const schemaMap = mapOf(schema);
  const keywords: Readonly<Record<string, Check>> = {
    $schema: (value, path) =>
      typeof value === "string" && DRAFTS.test(value)
        ? []
        : [{ path, message: "must be that of draft 2020-12, 2019-09 or 07; leave it out for 2020-12" }],
    $ref: reference,
    $dynamicRef: unsupported,
    $recursiveRef: unsupported,
    $id: (_, path) => (path === `${base}.$id` ? [] : unsupported(_, path)),
    $defs: schemaMap,
    definitions: schemaMap,
    type: (value, path) => {
      const types = [value].flat();
      if (types.length > 0 && types.every((type) => TYPES.has(type))) return [];
      return [{ path, message: `must be one or several of ${[...TYPES].join(", ")}` }];
    },
    enum: listOf(() => [], 0),
    minimum: finite,
    maximum: finite,
    exclusiveMinimum: finite,
    exclusiveMaximum: finite,
    multipleOf: (value, path) =>
      typeof value === "number" && value > 0 ? [] : [{ path, message: "must be a number above 0" }],
    minLength: count,
    maxLength: count,
    pattern,
    format: (value, path) => (typeof value === "string" ? [] : [{ path, message: "must be text" }]),
    allOf: schemas,
    anyOf: schemas,
    oneOf: schemas,
    not: schema,
    if: schema,
    then: schema,
    else: schema,
    minItems: count,
    maxItems: count,
    uniqueItems: (value, path) => (typeof value === "boolean" ? [] : [{ path, message: "must be true or false" }]),
    prefixItems: schemas,
    items: (value, path) => (Array.isArray(value) ? listOf(schema, 0)(value, path) : schema(value, path)),
    additionalItems: schema,
    contains: schema,
    minContains: count,
    maxContains: count,
    unevaluatedItems: schema,
    minProperties: count,
    maxProperties: count,
    required: names,
    properties: schemaMap,
    patternProperties: (value, path) => [
      ...schemaMap(value, path),
      ...(isObject(value) ? Object.keys(value).flatMap((name) => pattern(name, memberPath(path, name))) : []),
    ],
    additionalProperties: schema,
    propertyNames: schema,
    unevaluatedProperties: schema,
    dependentRequired: mapOf(names),
    dependentSchemas: schemaMap,
    dependencies: mapOf((value, path) => (Array.isArray(value) ? names(value, path) : schema(value, path))),
  };
  return schema(root, base);
}

function isObject(value: JsonValue): value is Members {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function unsupported(_: JsonValue, path: string): FieldIssue[] {
  return [{ path, message: 'is not supported; use "$ref" with a place in this schema, such as "#/$defs/name"' }];
}

function finite(value: JsonValue, path: string): FieldIssue[] {
  return typeof value === "number" ? [] : [{ path, message: "must be a number" }];
}

function count(value: JsonValue, path: string): FieldIssue[] {
  return Number.isInteger(value) && (value as number) >= 0 ? [] : [{ path, message: "must be a whole number from 0" }];
}

function pattern(value: JsonValue, path: string): FieldIssue[] {
  if (typeof value !== "string") return [{ path, message: "must be a pattern in RE2 syntax, as a string" }];
  const compiled = compileRegex(value);
  return compiled.ok ? [] : [{ path, message: compiled.error }];
}

function names(value: JsonValue, path: string): FieldIssue[] {
  const isList = Array.isArray(value) && value.every((name) => typeof name === "string");
  return isList ? [] : [{ path, message: "must be a list of names" }];
}

function listOf(check: Check, least: number): Check {
  return (value, path) => {
    if (!Array.isArray(value)) return [{ path, message: "must be a list" }];
    if (value.length < least) return [{ path, message: "must not be empty" }];
    return value.flatMap((item: JsonValue, index) => check(item, `${path}[${index}]`));
  };
}

function mapOf(check: Check): Check {
  return (value, path) => {
    if (!isObject(value)) return [{ path, message: "must be an object" }];
    return Object.entries(value).flatMap(([name, member]) => check(member, memberPath(path, name)));
  };
}
