/**
 * The syntax of templates: text with `{{ path | filter: argument }}` in it, parsed once into literals and expressions.
 *
 * - A path is a variable and then any of `.name`, `.0`, `[0]`, `["any key"]`: `{{steps.fetch.output.items[0].id}}`.
 * - Filters follow after `|`, arguments after `:`, separated by commas: `{{ name | default: "none" | upper }}`. Arguments
 *   are JSON scalars; strings may also stand in single quotes.
 * - A backslash before `{{` makes it text: `\{{` is a literal `{{`. Two backslashes are one literal backslash before an
 *   expression (`\\{{x}}`), and so on in pairs. Backslashes anywhere else are plain text, and so is a `}}` alone.
 */

import { err, ok } from "../result.ts";
import type { Result } from "../result.ts";

export const FILTER_NAMES = ["json", "length", "default", "upper", "lower", "url", "base64", "date"] as const;
export type FilterName = (typeof FILTER_NAMES)[number];

export type FilterArgument = string | number | boolean | null;

export interface Filter {
  readonly name: FilterName;
  readonly args: readonly FilterArgument[];
}

export interface Expression {
  readonly kind: "expression";
  /** What stands between the braces, trimmed, for messages. */
  readonly source: string;
  /** The variable first, then keys and indexes. */
  readonly path: readonly [string, ...(string | number)[]];
  readonly filters: readonly Filter[];
}

export interface Literal {
  readonly kind: "literal";
  readonly text: string;
}

export type TemplateNode = Literal | Expression;
export type Template = readonly TemplateNode[];

/** Parses a text; a text without `{{` is one literal. The error is a sentence for the person who wrote it. */
export function parseTemplate(text: string): Result<Template, string> {
  const nodes: TemplateNode[] = [];
  let literal = "";
  let at = 0;
  while (at < text.length) {
    const open = text.indexOf("{{", at);
    if (open === -1) break;
    let slashes = 0;
    while (open - slashes > at && text[open - slashes - 1] === "\\") slashes += 1;
    literal += text.slice(at, open - slashes) + "\\".repeat(slashes >> 1);
    if (slashes % 2 === 1) {
      literal += "{{";
      at = open + 2;
      continue;
    }
    const close = closingBraces(text, open + 2);
    if (close === -1) return err("has a {{ without its }}; write \\{{ for the text {{");
    const expression = parseExpression(text.slice(open + 2, close).trim());
    if (!expression.ok) return expression;
    if (literal !== "") nodes.push({ kind: "literal", text: literal });
    literal = "";
    nodes.push(expression.value);
    at = close + 2;
  }
  literal += text.slice(at);
  if (literal !== "") nodes.push({ kind: "literal", text: literal });
  return ok(nodes);
}

/** Position of the `}}` that ends an expression, past any inside quotes; -1 when there is none. */
function closingBraces(text: string, from: number): number {
  const token = /"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|\}\}|\{\{/gsy;
  for (let at = from; at < text.length; at += 1) {
    token.lastIndex = at;
    const found = token.exec(text)?.[0];
    if (found === "}}") return at;
    if (found === "{{") return -1;
    if (found !== undefined) at += found.length - 1;
  }
  return -1;
}

const ROOT = /^[A-Za-z_][A-Za-z0-9_-]*/;
const STEP =
  /^(?:\.([A-Za-z_][A-Za-z0-9_-]*)|\.(\d{1,9})|\[\s*(\d{1,9})\s*\]|\[\s*("(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')\s*\])/s;
const FILTER = /^\s*\|\s*([a-z0-9_]+)\s*/;
const ARGUMENT = /^\s*("(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|-?\d+(?:\.\d+)?|true|false|null)\s*/s;

function parseExpression(source: string): Result<Expression, string> {
  const refuse = (reason: string): Result<Expression, string> => err(`has {{${source}}}, ${reason}`);
  const root = ROOT.exec(source)?.[0];
  if (root === undefined) return refuse("which is not the name of a variable, such as {{execution_id}}");
  const path: [string, ...(string | number)[]] = [root];
  const filters: Filter[] = [];
  let rest = source.slice(root.length);
  for (let step = STEP.exec(rest); step !== null; step = STEP.exec(rest)) {
    const [all, name, dotted, index, quoted] = step;
    if (quoted === undefined) path.push(name ?? Number(dotted ?? index));
    else {
      const key = unquote(quoted);
      if (key === null) return refuse("whose quoted key is not a valid string");
      path.push(key);
    }
    rest = rest.slice(all.length);
  }
  for (let found = FILTER.exec(rest); found !== null; found = FILTER.exec(rest)) {
    const [all, name] = found;
    if (!isFilterName(name)) return refuse(`whose filter must be one of ${FILTER_NAMES.join(", ")}`);
    rest = rest.slice(all.length);
    const args: FilterArgument[] = [];
    while (rest.startsWith(args.length === 0 ? ":" : ",")) {
      const argument = ARGUMENT.exec(rest.slice(1));
      const value = argument === null ? undefined : scalar(argument[1] as string);
      if (argument === null || value === undefined) {
        return refuse(`whose argument of ${name} must be a quoted string, a number, true, false or null`);
      }
      args.push(value);
      rest = rest.slice(1 + argument[0].length);
    }
    const problem = checkArguments(name, args);
    if (problem !== null) return refuse(problem);
    filters.push({ name, args });
  }
  if (rest.trim() !== "") return refuse(`which cannot be read from "${rest.trim()}" on`);
  return ok({ kind: "expression", source, path, filters });
}

function isFilterName(name: string | undefined): name is FilterName {
  return (FILTER_NAMES as readonly (string | undefined)[]).includes(name);
}

const DATE_FORMATS = ["iso", "date", "unix", "unix_ms"] as const;

function checkArguments(name: FilterName, args: readonly FilterArgument[]): string | null {
  if (name === "default") return args.length === 1 ? null : 'whose default needs one argument, as in default: "none"';
  if (name === "date" && args.length === 1) {
    const known = (DATE_FORMATS as readonly FilterArgument[]).includes(args[0] as FilterArgument);
    return known ? null : `whose date format must be one of ${DATE_FORMATS.map((format) => `"${format}"`).join(", ")}`;
  }
  return args.length === 0 ? null : `whose ${name} takes ${name === "date" ? "at most one argument" : "no argument"}`;
}

function scalar(token: string): FilterArgument | undefined {
  if (token.startsWith('"') || token.startsWith("'")) return unquote(token) ?? undefined;
  return JSON.parse(token.replace(/^(-?)0+(?=\d)/, "$1")) as FilterArgument;
}

/** A JSON string, or one in single quotes with the same escapes; `null` when an escape is not valid. */
function unquote(quoted: string): string | null {
  const inner = quoted.slice(1, -1);
  const json = quoted.startsWith("'") ? inner.replaceAll(/\\'|"/g, (part) => (part === '"' ? '\\"' : "'")) : inner;
  try {
    return JSON.parse(`"${json}"`) as string;
  } catch {
    return null;
  }
}
