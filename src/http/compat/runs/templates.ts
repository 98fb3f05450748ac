/**
 * Templates of the Runs API in our words, and ours in its.
 *
 * | there | here |
 * | --- | --- |
 * | `{{input.x}}` of a webhook's workflow | `{{trigger.body.x}}` |
 * | `{{run.id}}`, `{{run.startedAt}}` | `{{execution_id}}`, `{{timestamp}}` |
 * | `{{secrets.NAME}}` | `secret://name` |
 * | `{{steps.ID.output.FIELD}}`, `{{steps.ID.FIELD}}` | as `stepFields.ts` has it |
 * | `{{steps.LOOP.output.currentItem}}`, `.currentIndex` within the loop | `{{item}}`, `{{index}}` |
 *
 * Everything else is the same in both.
 */

import type { JsonValue } from "../../../domain/json.ts";
import { err, ok } from "../../../domain/result.ts";
import type { Result } from "../../../domain/result.ts";
import { isSecretName, SECRET_SCHEME } from "../../../domain/secret/reference.ts";
import type { Expression, Template, TemplateNode } from "../../../domain/template/template.ts";
import { parseTemplate } from "../../../domain/template/template.ts";
import type { StepType } from "../../../domain/workflow/definition.ts";
import { OUR_FIELDS, STEP_FIELDS } from "./stepFields.ts";
import { writeTemplate } from "./templateText.ts";

type Path = Expression["path"];

/** Where a template stands. */
export interface TemplateContext {
  /** Whether a webhook starts the workflow, so that its input is the body that came. */
  readonly isWebhook: boolean;
  readonly types: ReadonlyMap<string, StepType>;
  /** The loops around it, outermost first. */
  readonly loops: readonly Loop[];
}

export interface Loop {
  readonly id: string;
  /** What its steps call the element, where they do so by a name of their own. */
  readonly alias: string | null;
}

/**
 * The text in our words. The error is what is wrong with it, to follow the name of its field. A text that does not parse
 * is left as it is, for the judge of the whole definition to say so.
 */
export function toOurTemplate(text: string, context: TemplateContext): Result<string, string> {
  if (!text.includes("{{")) return ok(text);
  const template = parseTemplate(text);
  if (!template.ok) return ok(text);
  const nodes: TemplateNode[] = [];
  for (const node of template.value) {
    const next = node.kind === "literal" ? ok(node) : toOurs(node, context);
    if (!next.ok) return err(`has {{${node.kind === "literal" ? "" : node.source}}}, ${next.error}`);
    if (isUnendedSecret(nodes.at(-1), next.value)) {
      return err("must have a space, a quote or another sign that no name has after {{secrets.…}}");
    }
    nodes.push(next.value);
  }
  return ok(writeTemplate(joined(nodes)));
}

/** A reference to a secret goes on for as long as what follows could belong to its name. */
function isUnendedSecret(before: TemplateNode | undefined, next: TemplateNode): boolean {
  if (before?.kind !== "literal" || !REFERENCE_AT_END.test(before.text)) return false;
  return next.kind === "expression" || /^[A-Za-z0-9._-]/.test(next.text);
}

const REFERENCE_AT_END = /^secret:\/\/[a-z0-9._-]+$/;

/** Two literals in a row are one, or they would not be written as they are read. */
function joined(nodes: readonly TemplateNode[]): Template {
  const done: TemplateNode[] = [];
  for (const node of nodes) {
    const last = done.at(-1);
    if (last?.kind !== "literal" || node.kind !== "literal") done.push(node);
    else done[done.length - 1] = { kind: "literal", text: last.text + node.text };
  }
  return done;
}

function toOurs(expression: Expression, context: TemplateContext): Result<TemplateNode, string> {
  const [root, ...keys] = expression.path;
  const moved = (path: Result<Path, string>): Result<TemplateNode, string> =>
    path.ok ? ok({ ...expression, path: path.value }) : path;
  switch (root) {
    case "input":
      return moved(ok(context.isWebhook ? ["trigger", "body", ...keys] : expression.path));
    case "run":
      return moved(ourRun(keys));
    case "secrets":
      return ourSecret(expression);
    case "steps":
      return moved(ourStep(keys, context));
    default:
      return moved(ourElement(expression.path, context));
  }
}

function ourRun([name, ...keys]: readonly (string | number)[]): Result<Path, string> {
  if (name === "id") return ok(["execution_id", ...keys]);
  if (name === "startedAt") return ok(["timestamp", ...keys]);
  return err("but of the run only {{run.id}} and {{run.startedAt}} are known here");
}

/** Names of secrets are in lower case here, where other instances have them in capitals. */
function ourSecret({ path: [, given, ...keys], filters }: Expression): Result<TemplateNode, string> {
  const name = String(given ?? "").toLowerCase();
  if (keys.length > 0 || !isSecretName(name)) return err("which must name a secret, as in {{secrets.api_key}}");
  if (filters.length > 0) return err("but a secret takes no filter: its value is put in when the request is sent");
  return ok({ kind: "literal", text: SECRET_SCHEME + name });
}

function ourStep(keys: readonly (string | number)[], context: TemplateContext): Result<Path, string> {
  const [id, ...given] = keys;
  const type = typeof id === "string" ? context.types.get(id) : undefined;
  // That there is no such step is for the judge of the whole definition to say.
  if (typeof id !== "string" || type === undefined) return ok(["steps", ...keys]);
  const [field, ...rest] = given[0] === "output" ? given.slice(1) : given;
  const element = type === "for_each" ? elementOf(id, field, context) : null;
  if (element !== null) return element.ok ? ok([element.value, ...rest]) : element;
  const found = STEP_FIELDS[type].find(({ wire }) => wire === field);
  if (found !== undefined) return ok(["steps", id, ...found.ours, ...rest]);
  const known = STEP_FIELDS[type].map(({ wire }) => wire).join(", ");
  return err(`but of the output of this step there is: ${known}`);
}

function elementOf(
  id: string,
  field: string | number | undefined,
  { loops }: TemplateContext,
): Result<"item" | "index", string> | null {
  if (field !== "currentItem" && field !== "currentIndex") return null;
  if (loops.at(-1)?.id === id) return ok(field === "currentItem" ? "item" : "index");
  return err(`which is known only in the steps of the loop "${id}" itself`);
}

function ourElement(path: Path, { loops }: TemplateContext): Result<Path, string> {
  const [root, ...keys] = path;
  const loop = loops.findLast(({ alias }) => alias === root);
  if (loop === undefined) return ok(path);
  if (loops.at(-1) === loop) return ok(["item", ...keys]);
  return err(`which is known only in the steps of "${loop.id}" itself`);
}

/** The text in the words of the Runs API; what it has no word for stays as it is. */
export function toWireTemplate(text: string, context: TemplateContext): string {
  const template = parseTemplate(text);
  if (!template.ok) return text;
  const nodes = template.value.flatMap((node): TemplateNode[] =>
    node.kind === "literal" ? withSecrets(node.text) : [{ ...node, path: wirePath(node.path, context) }],
  );
  return writeTemplate(nodes);
}

/** A reference right after a brace stays as it is: with two more, nobody could tell where its template begins. */
function withSecrets(text: string): TemplateNode[] {
  return text.split(/((?<!\{)secret:\/\/[a-z0-9._-]*[a-z0-9_])/).flatMap((part, index): TemplateNode[] => {
    if (part === "") return [];
    const name = part.slice(SECRET_SCHEME.length);
    if (index % 2 === 0 || !isSecretName(name)) return [{ kind: "literal", text: part }];
    return [{ kind: "expression", source: `secrets.${name}`, path: ["secrets", name], filters: [] }];
  });
}

function wirePath(path: Path, context: TemplateContext): Path {
  const [root, ...keys] = path;
  const loop = context.loops.at(-1);
  switch (root) {
    case "execution_id":
      return ["run", "id", ...keys];
    case "timestamp":
      return ["run", "startedAt", ...keys];
    case "trigger":
      return context.isWebhook && keys[0] === "body" ? ["input", ...keys.slice(1)] : path;
    case "item":
      return loop?.alias === null ? ["steps", loop.id, "output", "currentItem", ...keys] : path;
    case "index":
      return loop === undefined ? path : ["steps", loop.id, "output", "currentIndex", ...keys];
    case "steps":
      return wireStep(path, context);
    default:
      return path;
  }
}

function wireStep(path: Path, { types }: TemplateContext): Path {
  const [, id, ...given] = path;
  const type = typeof id === "string" ? types.get(id) : undefined;
  if (typeof id !== "string" || type === undefined) return path;
  // A member of the output may stand directly under the step.
  const isMember = given.length > 0 && !(OUR_FIELDS as readonly (string | number)[]).includes(given[0] ?? "");
  const keys = isMember ? ["output", ...given] : given;
  const found = STEP_FIELDS[type].find(({ ours }) => ours.every((key, index) => key === keys[index]));
  return found === undefined ? path : ["steps", id, "output", found.wire, ...keys.slice(found.ours.length)];
}

/** Every text within a JSON value, keys left out. */
export function mapTexts(value: JsonValue, change: (text: string) => string): JsonValue {
  if (typeof value === "string") return change(value);
  if (typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) return value.map((item: JsonValue) => mapTexts(item, change));
  const members = Object.entries(value as Readonly<Record<string, JsonValue>>);
  return Object.fromEntries(members.map(([key, item]) => [key, mapTexts(item, change)]));
}
