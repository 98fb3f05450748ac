/** What templates name: so that a step is handed what it uses and nothing else, and a definition can be checked. */

import type { JsonValue } from "../json.ts";
import { type Expression, parseTemplate } from "../template/template.ts";
import type { StepDefinition } from "./definition.ts";
import { templatesOf } from "./places.ts";

/** Roots of templates that lead to something of one step: `{{steps.ID…}}`, `{{waits.ID.url}}`, `{{approvals.ID.…}}`. */
const STEP_ROOTS = ["steps", "waits", "approvals"] as const;
export type StepRoot = (typeof STEP_ROOTS)[number];

export interface References {
  readonly roots: ReadonlySet<string>;
  /** Ids of the steps that are named, by the root that names them. */
  readonly steps: Readonly<Record<StepRoot, ReadonlySet<string>>>;
}

/** The expressions in the strings of a JSON value; a text that does not parse has none. */
export function expressionsIn(value: JsonValue): Expression[] {
  if (typeof value === "string") {
    if (!value.includes("{{")) return [];
    const template = parseTemplate(value);
    return template.ok ? template.value.filter((node) => node.kind === "expression") : [];
  }
  if (typeof value !== "object" || value === null) return [];
  return Object.values(value as Readonly<Record<string, JsonValue>>).flatMap(expressionsIn);
}

export function isStepRoot(root: string): root is StepRoot {
  return (STEP_ROOTS as readonly string[]).includes(root);
}

export function referencesIn(value: JsonValue): References {
  const roots = new Set<string>();
  const steps = { steps: new Set<string>(), waits: new Set<string>(), approvals: new Set<string>() };
  for (const { path } of expressionsIn(value)) {
    const [root, id] = path;
    roots.add(root);
    if (isStepRoot(root) && typeof id === "string") steps[root].add(id);
  }
  return { roots, steps };
}

const known = new WeakMap<StepDefinition, References>();

export function referencesOf(step: StepDefinition): References {
  let references = known.get(step);
  if (!references) {
    references = referencesIn(templatesOf(step).map(({ value }) => value));
    known.set(step, references);
  }
  return references;
}
