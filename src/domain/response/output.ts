/** What an execution keeps of a response: `request.output`, a map of names to JSONPaths or templates. */

import type { FieldIssue } from "../issue.ts";
import type { JsonValue } from "../json.ts";
import { redactJson } from "../secret/redact.ts";
import type { Redactor } from "../secret/redact.ts";
import { memberPath } from "../template/fieldPath.ts";
import { renderValue } from "../template/render.ts";
import type { TemplateScope } from "../template/render.ts";
import { parseTemplate } from "../template/template.ts";
import { JOB_VARIABLES, validateTemplate } from "../template/variables.ts";
import type { TemplateVariables } from "../template/variables.ts";
import { compileJsonPath } from "./jsonPath.ts";
import { lazyJson } from "./response.ts";
import type { JsonReader, JudgedResponse } from "./response.ts";
import { WorkBudget } from "./workBudget.ts";

export type OutputMap = Readonly<Record<string, string>>;

const MAX_OUTPUT_FIELDS = 50;
const OUTPUT_NAME = /^[A-Za-z_][A-Za-z0-9_-]{0,63}$/;

/** Everything wrong with an output map at save time; `path` is where it stands, such as `request.output`. */
export function validateOutput(
  output: OutputMap,
  path: string,
  allowed: TemplateVariables = JOB_VARIABLES,
): FieldIssue[] {
  const issues: FieldIssue[] = [];
  const entries = Object.entries(output);
  if (entries.length > MAX_OUTPUT_FIELDS)
    issues.push({ path, message: `may have at most ${MAX_OUTPUT_FIELDS} fields` });
  for (const [name, source] of entries) {
    const at = memberPath(path, name);
    if (!OUTPUT_NAME.test(name)) {
      issues.push({
        path: at,
        message: "must be named with 1 to 64 letters, digits, '_' or '-', not beginning with a digit",
      });
    }
    if (source.startsWith("$")) {
      const compiled = compileJsonPath(source);
      if (!compiled.ok) issues.push({ path: at, message: compiled.error });
    } else {
      issues.push(...validateTemplate(source, at, allowed));
    }
  }
  return issues;
}

/**
 * The output of a response. A JSONPath (`$…`) gives the value of its one match, the list of several, `null` for none and
 * for a body that is not JSON; anything else is a template, which keeps its JSON type when it is one expression.
 * Values are the target's own and may echo a secret: `redact` masks them, keys of objects included.
 */
export function evaluateOutput(
  output: OutputMap,
  response: JudgedResponse,
  scope: TemplateScope,
  redact: Redactor = (text) => text,
): Record<string, JsonValue> {
  const budget = new WorkBudget();
  const json = lazyJson(response);
  const entries = Object.entries(output).map(([name, source]) => {
    const value = source.startsWith("$") ? select(source, json, budget) : render(source, scope);
    return [name, redactJson(value, redact)] as const;
  });
  // fromEntries defines own members, also for a name such as __proto__.
  return Object.fromEntries(entries);
}

function select(path: string, json: JsonReader, budget: WorkBudget): JsonValue {
  const compiled = compileJsonPath(path);
  const parsed = json();
  if (!compiled.ok || !parsed.ok) return null;
  const found = compiled.value.select(parsed.value, budget);
  if (!found.ok) return null;
  return found.value.length > 1 ? found.value : (found.value[0] ?? null);
}

function render(source: string, scope: TemplateScope): JsonValue {
  const template = parseTemplate(source);
  return template.ok ? renderValue(template.value, scope) : null;
}
