/**
 * JSON Schema (draft 2020-12, and draft-07 where `$schema` says so): whether a value fits, and where it does not.
 *
 * Our own, because a schema is users' code: libraries run `pattern` on a backtracking engine (ADR 0011) and follow
 * whatever `allOf` and `$ref` multiply to. Here patterns are RE2 and every step is counted (ADR 0013). The schema was
 * checked by `checkSchema` before it was saved, so keywords have the types that they should have.
 */

import type { FieldIssue } from "../issue.ts";
import type { JsonValue } from "../json.ts";
import { jsonEqual } from "../response/operators.ts";
import { compileRegex } from "../response/regex.ts";
import type { WorkBudget } from "../response/workBudget.ts";
import { WorkExceeded } from "../response/workBudget.ts";
import { memberPath } from "../template/fieldPath.ts";
import { fitsFormat } from "./formats.ts";
import type { Schema, SchemaObject } from "./schema.ts";
import { isDraft7, resolveReference } from "./schema.ts";

/** Schemas applied within one another, references included; what goes deeper refers to itself without end. */
const DEPTH_MOST = 400;
/** What applying a schema costs beyond its keywords: about a microsecond in all. */
const EVALUATION_UNITS = 4;
/** Comparing two values costs about as much as looking at their nodes. */
const COMPARE_UNITS = 10;

/** Beyond these nobody reads on. */
const ISSUES_MOST = 20;

interface Evaluation {
  /** At most `ISSUES_MOST`; none where the value fits. */
  readonly issues: readonly FieldIssue[];
  /** What some keyword has looked at, for `unevaluatedProperties` and `unevaluatedItems`. */
  readonly members: ReadonlySet<string>;
  readonly items: ReadonlySet<number>;
}

/** Evaluates one schema at one place of the value. Throws {@link WorkExceeded} when the budget or the depth is used up. */
export class Evaluator {
  readonly #root: Schema;
  readonly #budget: WorkBudget;
  readonly #ignoresSiblings: boolean;

  constructor(root: Schema, budget: WorkBudget) {
    this.#root = root;
    this.#budget = budget;
    this.#ignoresSiblings = isDraft7(root);
  }

  evaluate(schema: Schema, value: JsonValue, path: string, depth = 1): Evaluation {
    this.#budget.spend(EVALUATION_UNITS);
    if (depth > DEPTH_MOST) throw new WorkExceeded();
    const found = new Found(this.#budget);
    if (typeof schema === "boolean") {
      if (!schema) found.issue(path, "is not accepted here");
      return found;
    }
    this.#budget.spend(Object.keys(schema).length);
    const apply = (inner: Schema, part: JsonValue = value, at = path) => this.evaluate(inner, part, at, depth + 1);
    if (typeof schema.$ref === "string") {
      const target = resolveReference(this.#root, schema.$ref);
      if (target !== null) found.merge(apply(target));
      if (this.#ignoresSiblings) return found;
    }
    this.#scalar(schema, value, path, found);
    this.#applicators(schema, apply, path, found);
    if (Array.isArray(value)) this.#list(schema, value as readonly JsonValue[], path, apply, found);
    else if (typeof value === "object" && value !== null) {
      this.#object(schema, value as Readonly<Record<string, JsonValue>>, path, apply, found);
    }
    return found;
  }

  #scalar(schema: SchemaObject, value: JsonValue, path: string, found: Found): void {
    if (schema.type !== undefined && ![schema.type].flat().some((type) => isOfType(value, type))) {
      found.issue(path, `must be ${[schema.type].flat().map(typeName).join(" or ")}`);
    }
    if (schema.enum !== undefined && !schema.enum.some((option) => this.#same(option, value))) {
      found.issue(path, `must be one of ${shown(schema.enum)}`);
    }
    if (schema.const !== undefined && !this.#same(schema.const, value)) {
      found.issue(path, `must be ${shown([schema.const])}`);
    }
    if (typeof value === "number") number(schema, value, path, found);
    if (typeof value === "string") this.#text(schema, value, path, found);
  }

  #text(schema: SchemaObject, value: string, path: string, found: Found): void {
    const { minLength, maxLength, pattern, format } = schema;
    if (minLength !== undefined || maxLength !== undefined) {
      this.#budget.spend(value.length >> 4);
      const length = [...value].length;
      if (minLength !== undefined && length < minLength)
        found.issue(path, `must have at least ${minLength} characters`);
      if (maxLength !== undefined && length > maxLength) found.issue(path, `must have at most ${maxLength} characters`);
    }
    if (pattern !== undefined && !this.#matches(pattern, value)) found.issue(path, `must match ${shown([pattern])}`);
    if (format !== undefined && !fitsFormat(format, value)) found.issue(path, `must be of format ${format}`);
  }

  #applicators(schema: SchemaObject, apply: Apply, path: string, found: Found): void {
    for (const inner of schema.allOf ?? []) found.merge(apply(inner));
    if (schema.anyOf !== undefined) {
      const fitting = schema.anyOf.map((inner) => apply(inner)).filter(fits);
      for (const each of fitting) found.merge(each);
      if (fitting.length === 0) found.issue(path, "fits none of the forms in anyOf");
    }
    if (schema.oneOf !== undefined) {
      const fitting = schema.oneOf.map((inner) => apply(inner)).filter(fits);
      if (fitting.length === 1) for (const each of fitting) found.merge(each);
      else found.issue(path, `must fit exactly one of the forms in oneOf, and fits ${fitting.length}`);
    }
    if (schema.not !== undefined && fits(apply(schema.not))) found.issue(path, "must not fit the schema in not");
    if (schema.if !== undefined) {
      const condition = apply(schema.if);
      if (fits(condition)) found.merge(condition);
      const branch = fits(condition) ? schema.then : schema.else;
      if (branch !== undefined) found.merge(apply(branch));
    }
  }

  #list(schema: SchemaObject, value: readonly JsonValue[], path: string, apply: Apply, found: Found): void {
    const { minItems, maxItems, contains } = schema;
    if (minItems !== undefined && value.length < minItems) found.issue(path, `must have at least ${minItems} items`);
    if (maxItems !== undefined && value.length > maxItems) found.issue(path, `must have at most ${maxItems} items`);
    if (schema.uniqueItems === true && this.#hasEqual(value)) found.issue(path, "must not have two equal items");
    // Draft-07 writes `prefixItems` as a list in `items`, and `items` as `additionalItems`.
    const isTuple = Array.isArray(schema.items);
    const prefix = (isTuple ? schema.items : schema.prefixItems) as readonly Schema[] | undefined;
    const rest = isTuple ? schema.additionalItems : (schema.items as Schema | undefined);
    for (const [index, item] of value.entries()) {
      const inner = prefix?.[index] ?? rest;
      if (inner === undefined) continue;
      found.addItem(index);
      found.adopt(apply(inner, item, `${path}[${index}]`));
    }
    if (contains !== undefined) {
      const fitting = [...value.entries()].filter(([index, item]) => fits(apply(contains, item, `${path}[${index}]`)));
      for (const [index] of fitting) found.addItem(index);
      const { minContains = 1, maxContains = value.length } = schema;
      if (fitting.length < minContains) found.issue(path, `must have at least ${minContains} items that fit contains`);
      if (fitting.length > maxContains) found.issue(path, `must have at most ${maxContains} items that fit contains`);
    }
    if (schema.unevaluatedItems === undefined) return;
    for (const [index, item] of value.entries()) {
      if (!found.items.has(index)) found.adopt(apply(schema.unevaluatedItems, item, `${path}[${index}]`));
      found.addItem(index);
    }
  }

  #object(
    schema: SchemaObject,
    value: Readonly<Record<string, JsonValue>>,
    path: string,
    apply: Apply,
    found: Found,
  ): void {
    const names = Object.keys(value);
    this.#budget.spend(names.length);
    const { minProperties, maxProperties, propertyNames } = schema;
    if (minProperties !== undefined && names.length < minProperties) {
      found.issue(path, `must have at least ${minProperties} members`);
    }
    if (maxProperties !== undefined && names.length > maxProperties) {
      found.issue(path, `must have at most ${maxProperties} members`);
    }
    for (const name of schema.required ?? []) {
      if (!Object.hasOwn(value, name)) found.issue(memberPath(path, name), "is required");
    }
    for (const name of names) {
      this.#member(schema, name, value[name] as JsonValue, memberPath(path, name), apply, found);
      if (propertyNames !== undefined && !fits(apply(propertyNames, name, path))) {
        found.issue(memberPath(path, name), "has a name that propertyNames does not accept");
      }
    }
    this.#dependencies(schema, value, path, apply, found);
    if (schema.unevaluatedProperties === undefined) return;
    for (const name of names) {
      if (!found.members.has(name)) {
        found.adopt(apply(schema.unevaluatedProperties, value[name] as JsonValue, memberPath(path, name)));
      }
      found.addMember(name);
    }
  }

  #member(schema: SchemaObject, name: string, value: JsonValue, path: string, apply: Apply, found: Found): void {
    const { properties = {}, patternProperties = {}, additionalProperties } = schema;
    const own = Object.hasOwn(properties, name) ? [properties[name] as Schema] : [];
    const byPattern = Object.entries(patternProperties).filter(([pattern]) => this.#matches(pattern, name));
    const inner = [...own, ...byPattern.map(([, each]) => each)];
    const applied = inner.length === 0 && additionalProperties !== undefined ? [additionalProperties] : inner;
    for (const each of applied) found.adopt(apply(each, value, path));
    if (applied.length > 0) found.addMember(name);
  }

  #dependencies(
    schema: SchemaObject,
    value: Readonly<Record<string, JsonValue>>,
    path: string,
    apply: Apply,
    found: Found,
  ): void {
    const needs = (name: string, others: readonly string[]): void => {
      for (const other of others) {
        if (!Object.hasOwn(value, other)) found.issue(memberPath(path, other), `is required beside ${name}`);
      }
    };
    const present = <T>(map: Readonly<Record<string, T>> = {}) =>
      Object.entries(map).filter(([name]) => Object.hasOwn(value, name));
    for (const [name, others] of present(schema.dependentRequired)) needs(name, others);
    for (const [, inner] of present(schema.dependentSchemas)) found.merge(apply(inner));
    for (const [name, dependency] of present(schema.dependencies)) {
      if (Array.isArray(dependency)) needs(name, dependency as readonly string[]);
      else found.merge(apply(dependency as Schema));
    }
  }

  /** A pattern that takes too much work ends the evaluation, as it would at the next step. */
  #matches(pattern: string, text: string): boolean {
    const compiled = compileRegex(pattern);
    if (!compiled.ok) return false;
    const verdict = compiled.value.test(text, this.#budget);
    if (verdict === "too_costly") throw new WorkExceeded();
    return verdict === "match";
  }

  #same(one: JsonValue, other: JsonValue): boolean {
    this.#budget.spend(typeof one === "object" && one !== null ? COMPARE_UNITS + nodes(one) : 1);
    return jsonEqual(one, other);
  }

  #hasEqual(list: readonly JsonValue[]): boolean {
    const texts = list.map((item) => {
      this.#budget.spend(nodes(item));
      return canonical(item);
    });
    return new Set(texts).size < texts.length;
  }
}

type Apply = (schema: Schema, value?: JsonValue, path?: string) => Evaluation;

function fits(evaluation: Evaluation): boolean {
  return evaluation.issues.length === 0;
}

const NONE: ReadonlySet<never> = new Set();

/** Most schemas find nothing wrong and look at no members, so what would hold them is made when it is needed. */
class Found implements Evaluation {
  issues: FieldIssue[] = [];
  #members: Set<string> | null = null;
  #items: Set<number> | null = null;
  readonly #budget: WorkBudget;

  constructor(budget: WorkBudget) {
    this.#budget = budget;
  }

  get members(): ReadonlySet<string> {
    return this.#members ?? NONE;
  }

  get items(): ReadonlySet<number> {
    return this.#items ?? NONE;
  }

  issue(path: string, message: string): void {
    if (this.issues.length < ISSUES_MOST) this.issues.push({ path, message });
  }

  addMember(name: string): void {
    (this.#members ??= new Set()).add(name);
  }

  addItem(index: number): void {
    (this.#items ??= new Set()).add(index);
  }

  /** Takes over the issues of a schema that was applied to a part of the value. */
  adopt({ issues }: Evaluation): void {
    for (const { path, message } of issues) this.issue(path, message);
  }

  /** Takes over everything about a schema that was applied to the same value. */
  merge(other: Evaluation): void {
    this.adopt(other);
    this.#budget.spend(other.members.size + other.items.size);
    for (const name of other.members) this.addMember(name);
    for (const index of other.items) this.addItem(index);
  }
}

function number(schema: SchemaObject, value: number, path: string, found: Found): void {
  const { minimum, maximum, exclusiveMinimum, exclusiveMaximum, multipleOf } = schema;
  if (minimum !== undefined && value < minimum) found.issue(path, `must be at least ${minimum}`);
  if (maximum !== undefined && value > maximum) found.issue(path, `must be at most ${maximum}`);
  if (exclusiveMinimum !== undefined && value <= exclusiveMinimum) {
    found.issue(path, `must be more than ${exclusiveMinimum}`);
  }
  if (exclusiveMaximum !== undefined && value >= exclusiveMaximum) {
    found.issue(path, `must be less than ${exclusiveMaximum}`);
  }
  if (multipleOf !== undefined && !isMultiple(value, multipleOf))
    found.issue(path, `must be a multiple of ${multipleOf}`);
}

/** Within what a double can tell: 0.3 is a multiple of 0.1, though not exactly. */
function isMultiple(value: number, of: number): boolean {
  const quotient = value / of;
  return Math.abs(quotient - Math.round(quotient)) <= Number.EPSILON * 4 * Math.max(1, Math.abs(quotient));
}

function isOfType(value: JsonValue, type: string): boolean {
  switch (type) {
    case "null":
      return value === null;
    case "array":
      return Array.isArray(value);
    case "object":
      return typeof value === "object" && value !== null && !Array.isArray(value);
    case "integer":
      return Number.isInteger(value);
    default:
      return typeof value === type;
  }
}

const TYPE_NAMES: Readonly<Record<string, string>> = {
  array: "a list",
  boolean: "true or false",
  integer: "a whole number",
  number: "a number",
  object: "an object",
  string: "text",
};

function typeName(type: string): string {
  return TYPE_NAMES[type] ?? type;
}

/** Enough of a value to recognise it by. */
function shown(values: readonly JsonValue[]): string {
  const text = values.map((value) => JSON.stringify(value)).join(", ");
  return text.length > 200 ? `${text.slice(0, 200)}…` : text;
}

function nodes(value: JsonValue): number {
  if (typeof value === "string") return 1 + (value.length >> 4);
  if (typeof value !== "object" || value === null) return 1;
  return Object.values(value as Readonly<Record<string, JsonValue>>).reduce<number>(
    (sum, each) => sum + nodes(each),
    1,
  );
}

/** The same text for equal values, whatever the order of their members. */
function canonical(value: JsonValue): string {
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  if (Array.isArray(value)) return `[${value.map((item: JsonValue) => canonical(item)).join(",")}]`;
  const members = Object.entries(value as Readonly<Record<string, JsonValue>>).toSorted(([a], [b]) => (a < b ? -1 : 1));
  return `{${members.map(([name, member]) => `${JSON.stringify(name)}:${canonical(member)}`).join(",")}}`;
}
