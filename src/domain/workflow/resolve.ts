/** JSON with templates in its strings to JSON, within a bound: what users write may name large values many times. */

import type { ExecutionError } from "../execution/execution.ts";
import type { JsonValue } from "../json.ts";
import { err, ok, type Result } from "../result.ts";
import { evaluate, renderValue, type TemplateScope } from "../template/render.ts";
import { parseTemplate, type Template } from "../template/template.ts";
import { jsonBytes, STATE_BYTES_MOST } from "./size.ts";

export const STATE_TOO_LARGE: ExecutionError = {
  code: "state_too_large",
  message:
    "The inputs and outputs of this execution's steps take more than 1 MB. Keep less of large responses (request.output, extract) or split the work into jobs (run_job).",
};

/** A string that is one expression keeps the value's JSON type; keys are not templates. */
export function resolveJson(value: JsonValue, scope: TemplateScope): Result<JsonValue, ExecutionError> {
  return isWithinBound(value, scope) ? ok(resolved(value, scope)) : err(STATE_TOO_LARGE);
}

/** Whether everything that the templates name, taken together, is small enough to be rendered. */
export function isWithinBound(value: JsonValue, scope: TemplateScope): boolean {
  let left = STATE_BYTES_MOST;
  const visit = (part: JsonValue): boolean => {
    if (typeof part === "string") {
      for (const node of parsed(part)) {
        if (node.kind === "literal") left -= node.text.length;
        // Three for four bytes is what base64 makes of them; percent-encoding triples.
        else left -= jsonBytes(evaluate({ ...node, filters: [] }, scope), left);
        if (left < 0) return false;
      }
      return true;
    }
    if (typeof part !== "object" || part === null) return true;
    return Object.values(part as Readonly<Record<string, JsonValue>>).every(visit);
  };
  return visit(value);
}

function resolved(value: JsonValue, scope: TemplateScope): JsonValue {
  if (typeof value === "string") return renderValue(parsed(value), scope);
  if (typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) return value.map((item: JsonValue) => resolved(item, scope));
  const entries = Object.entries(value as Readonly<Record<string, JsonValue>>);
  return Object.fromEntries(entries.map(([key, item]) => [key, resolved(item, scope)]));
}

/** Definitions are validated before they are saved; a text that does not parse is kept as it is. */
function parsed(text: string): Template {
  const template = parseTemplate(text);
  return template.ok ? template.value : [{ kind: "literal", text }];
}
