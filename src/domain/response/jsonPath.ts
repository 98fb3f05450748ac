/** JSONPath (RFC 9535, whole) over a response's JSON, with counted work: filters and descents can be quadratic and worse. */

import { FunctionExpressionType, JSONPathEnvironment } from "json-p3";
import type { FilterFunction, JSONPathQuery } from "json-p3";
import type { JsonValue } from "../json.ts";
import { err, ok } from "../result.ts";
import type { Result } from "../result.ts";
import { compileRegex } from "./regex.ts";
import { WorkBudget, WorkExceeded } from "./workBudget.ts";

const MAX_JSON_PATH_CHARS = 1_000;
/** Nesting that is read; json-p3 recurses once per level, and no API answers deeper than this on purpose. */
export const MAX_JSON_DEPTH = 100;
const CACHE_ENTRIES = 100;
/** A path found in the response's own data could hold a new pattern at each node: compiling one is paid for. */
const REGEX_COMPILE_UNITS = 2_000;

export interface CompiledJsonPath {
  /** The values of all matching nodes, in document order; an error sentence when the search takes too much work. */
  select(value: JsonValue, budget: WorkBudget): Result<readonly JsonValue[], string>;
}

const cache = new Map<string, Result<CompiledJsonPath, string>>();

/** Parses a path such as `$.items[?@.ok == true].id`; the error is a sentence for the person who wrote it. */
export function compileJsonPath(path: string): Result<CompiledJsonPath, string> {
  const known = cache.get(path);
  if (known !== undefined) return known;
  if (path.length > MAX_JSON_PATH_CHARS) return err(`must be at most ${MAX_JSON_PATH_CHARS} characters`);
  const made = compile(path);
  if (cache.size >= CACHE_ENTRIES) cache.delete(cache.keys().next().value as string);
  cache.set(path, made);
  return made;
}

function compile(path: string): Result<CompiledJsonPath, string> {
  const meter = new Meter(path);
  let query: JSONPathQuery;
  try {
    query = meteredEnvironment(meter).compile(path);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    return err(`is not a JSONPath (RFC 9535), such as $.data.items[0].id: ${reason}`);
  }
  return ok({
    select(value, budget) {
      meter.budget = budget;
      try {
        const found: JsonValue[] = [];
        for (const node of query.lazyQuery(meter.view(value) as never)) found.push(at(value, node.location));
        return ok(found);
      } catch (error) {
        if (error instanceof WorkExceeded) return err("the path needs too much work on this response; make it simpler");
        throw error;
      }
    },
  });
}

/** The raw value at a location that json-p3 found in the metered view. */
function at(value: JsonValue, location: readonly (string | number)[]): JsonValue {
  let current: unknown = value;
  for (const step of location) current = (current as Record<string | number, unknown>)[step];
  return current as JsonValue;
}

/**
 * What a query costs is what it reads: `$..*..*` and nested filters read the same nodes again and again. json-p3 has no
 * limit of its own, so it is given a view of the JSON that spends units for each value read, more for long strings (for
 * `length` and comparisons) and for long paths (a filter of 100 comparisons runs them all at each node).
 */
class Meter {
  budget = new WorkBudget(0);
  readonly #unitsPerRead: number;

  constructor(path: string) {
    this.#unitsPerRead = 2 + (path.length >> 4);
  }

  #spendRead(value: unknown, depth: number): void {
    // json-p3 descends by nested generators and copies each node's location: a read costs more the deeper it is.
    this.budget.spend(this.#unitsPerRead + (depth >> 1) + (typeof value === "string" ? value.length >> 4 : 0));
  }

  view(value: unknown, depth = 1): unknown {
    if (typeof value !== "object" || value === null) return value;
    return new Proxy(value, {
      get: (target, key) => {
        const read: unknown = Reflect.get(target, key);
        if (typeof key === "symbol" || (key === "length" && Array.isArray(target))) return read;
        this.#spendRead(read, depth);
        return this.view(read, depth + 1);
      },
      ownKeys: (target) => {
        const keys = Reflect.ownKeys(target);
        this.budget.spend(keys.length * this.#unitsPerRead);
        return keys;
      },
      // The true descriptor of a plain JSON value; what it shows is only asked for existence and enumeration.
      getOwnPropertyDescriptor: (target, key) => Reflect.getOwnPropertyDescriptor(target, key),
    });
  }
}

function meteredEnvironment(meter: Meter): JSONPathEnvironment {
  const environment = new JSONPathEnvironment({ maxRecursionDepth: MAX_JSON_DEPTH + 10 });
  environment.functionRegister.set("match", regexFunction(meter, true));
  environment.functionRegister.set("search", regexFunction(meter, false));
  return environment;
}

/**
 * `match` (whole string) and `search` (anywhere) of RFC 9535 section 2.4.6, on our bounded engine instead of json-p3's
 * native `RegExp`, which can be made to backtrack for ever. A pattern that is not valid is no match, as the RFC has it;
 * what RE2 knows beyond I-Regexp (RFC 9485), such as `\d`, is allowed.
 */
function regexFunction(meter: Meter, whole: boolean): FilterFunction {
  return {
    argTypes: [FunctionExpressionType.ValueType, FunctionExpressionType.ValueType],
    returnType: FunctionExpressionType.LogicalType,
    call(text: unknown, pattern: unknown): boolean {
      if (typeof text !== "string" || typeof pattern !== "string") return false;
      const re2 = iRegexpToRe2(pattern);
      if (lastPattern.get(meter) !== re2) {
        meter.budget.spend(REGEX_COMPILE_UNITS);
        lastPattern.set(meter, re2);
      }
      const compiled = compileRegex(whole ? `^(?:${re2})$` : re2);
      if (!compiled.ok) return false;
      const verdict = compiled.value.test(text, meter.budget);
      if (verdict === "too_costly") throw new WorkExceeded();
      return verdict === "match";
    },
  };
}

/** A literal pattern is compiled once per path; only changing ones pay again. */
const lastPattern = new WeakMap<Meter, string>();

/** In I-Regexp `.` excludes both line ends; in RE2 only `\n`. */
function iRegexpToRe2(pattern: string): string {
  return pattern.replaceAll(/\\.|\[(?:\\.|[^\]\\])*\]|\./gs, (part) => (part === "." ? "[^\\n\\r]" : part));
}
