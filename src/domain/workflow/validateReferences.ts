/** What the templates of a definition name: known variables, and steps that can have run before. */

import type { FieldIssue } from "../issue.ts";
import type { JsonValue } from "../json.ts";
import { memberPath } from "../template/fieldPath.ts";
import { type Expression, parseTemplate } from "../template/template.ts";
import { JOB_VARIABLES, type TemplateVariables, validateTemplate } from "../template/variables.ts";
import { nestedLists, type StepDefinition } from "./definition.ts";
import { isVisible, type Place, type Places, placesOf, templatesOf } from "./places.ts";
import { expressionsIn, isStepRoot } from "./references.ts";
import type { WorkflowInput } from "./validate.ts";

/** The roots of templates in steps. */
export const SCOPE_VARIABLES = {
  ...JOB_VARIABLES,
  input: "tree",
  trigger: "tree",
  steps: "tree",
  context: "tree",
  env: "tree",
  item: "tree",
  index: "scalar",
  waits: "tree",
  approvals: "tree",
} as const satisfies TemplateVariables;

/** Expressions of one text: each may bring a large value into it. */
const EXPRESSIONS_MOST = 200;

/** Fields of `http` steps whose syntax is judged with the request. */
const REQUEST_FIELDS: ReadonlySet<string> = new Set(["url", "headers", "body", "output", "extract"]);

/** The type of step that `waits.ID` and `approvals.ID` are of. */
const LINKED = { waits: "wait_for_webhook", approvals: "approval" } as const;

export function validateReferences(workflow: WorkflowInput): FieldIssue[] {
  const places = placesOf(workflow.steps);
  const checker = new ReferenceChecker(places);
  checker.list(workflow.steps, "steps");
  const template = workflow.responseOutputTemplate;
  checker.value(template, "response_output_template", null);
  checker.syntax(template, "response_output_template");
  return checker.issues;
}

class ReferenceChecker {
  readonly issues: FieldIssue[] = [];
  readonly #places: Places;
  /** Ids of steps that can have run when the step at hand begins. */
  #before = new Set<string>();

  constructor(places: Places) {
    this.#places = places;
  }

  list(steps: readonly StepDefinition[], base: string): void {
    for (const [index, step] of steps.entries()) {
      this.#step(step, `${base}[${index}]`);
      for (const id of idsWithin(step)) this.#before.add(id);
    }
  }

  #step(step: StepDefinition, path: string): void {
    const here = this.#places.get(step.id) ?? null;
    for (const { field, value } of templatesOf(step)) {
      // An `http` step's own response is what its `extract` and `output` are about, not its record.
      this.value(value, `${path}.${field}`, here);
      if (step.type !== "http" || !REQUEST_FIELDS.has(field)) this.syntax(value, `${path}.${field}`);
    }
    const before = this.#before;
    for (const list of nestedLists(step)) {
      // The branches of a container do not see one another.
      this.#before = new Set(before);
      this.list(list.steps, `${path}.${list.field}`);
    }
    this.#before = before;
  }

  /** Whether every text parses and names only variables that there are. */
  syntax(value: JsonValue, path: string): void {
    if (typeof value === "string") this.issues.push(...validateTemplate(value, path, SCOPE_VARIABLES));
    else if (Array.isArray(value)) value.forEach((item: JsonValue, index) => this.syntax(item, `${path}[${index}]`));
    else if (typeof value === "object" && value !== null) {
      for (const [key, item] of Object.entries(value as Readonly<Record<string, JsonValue>>)) {
        const at = memberPath(path, key);
        if (key.includes("{{"))
          this.issues.push({ path: at, message: "has a template in a key; only values may have one" });
        this.syntax(item, at);
      }
    }
  }

  /** Whether the steps that are named can have run; `here` is `null` after the last step. */
  value(value: JsonValue, path: string, here: Place | null): void {
    if (typeof value === "object" && value !== null) {
      const entries = Object.entries(value as Readonly<Record<string, JsonValue>>);
      for (const [key, item] of entries) {
        this.value(item, Array.isArray(value) ? `${path}[${key}]` : memberPath(path, key), here);
      }
      return;
    }
    if (typeof value !== "string" || !parseTemplate(value).ok) return;
    const expressions = expressionsIn(value);
    if (expressions.length > EXPRESSIONS_MOST) {
      this.issues.push({ path, message: `may have at most ${EXPRESSIONS_MOST} templates in one text` });
    }
    for (const expression of expressions) {
      const problem = this.#problemOf(expression, here);
      if (problem !== null) this.issues.push({ path, message: `has {{${expression.source}}}, ${problem}` });
    }
  }

  #problemOf({ path: [root, id] }: Expression, here: Place | null): string | null {
    if ((root === "item" || root === "index") && (here === null || here.loops.length === 0)) {
      return `but ${root} is known inside a for_each only`;
    }
    if (!isStepRoot(root)) return null;
    if (typeof id !== "string") return `but ${root} must be followed by the id of a step, as in {{${root}.ID}}`;
    const place = this.#places.get(id);
    if (!place) return `but no step has the id "${id}"`;
    if (!(here === null ? place.loops.length === 0 : isVisible(here, place))) {
      const loop = place.loops.at(-1) ?? "";
      return `but "${id}" runs once per item of "${loop}"; use {{steps.${loop}.output.results}}`;
    }
    if (root !== "steps") {
      return place.step.type === LINKED[root] ? null : `but "${id}" is no ${LINKED[root]} step`;
    }
    return here === null || this.#before.has(id) ? null : `but the step "${id}" cannot have run before this one`;
  }
}

function idsWithin(step: StepDefinition): string[] {
  return [step.id, ...nestedLists(step).flatMap((list) => list.steps.flatMap(idsWithin))];
}
