/** Writes docs/steps.md from the schemas of the API; with `--check`, fails when it says something else than they do. */

import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { format, resolveConfig } from "prettier";
import { CONDITION_OPERATORS } from "../src/domain/workflow/conditions.ts";
import type { ConditionOperator } from "../src/domain/workflow/conditions.ts";
import { DEPTH_MOST, ITEMS_MOST, NESTING_MOST, STEPS_MOST } from "../src/domain/workflow/definition.ts";
import { FILTER_NAMES } from "../src/domain/template/template.ts";
import type { FilterName } from "../src/domain/template/template.ts";
import type { Components, FieldRow, JsonSchema } from "../src/http/docs/schemaTable.ts";
import { fieldRows } from "../src/http/docs/schemaTable.ts";
import { documentOf } from "../src/http/openapi.ts";
import { OPERATIONS } from "../src/http/v1/operations.ts";
import { STEP_SCHEMAS } from "../src/http/v1/schemas/steps.ts";
import { ROOT } from "./lib/paths.ts";

const FILE = join(ROOT, "docs", "steps.md");

const components = (documentOf(OPERATIONS).components?.schemas ?? {}) as Components;

interface StepSchema extends JsonSchema {
  readonly example?: unknown;
}

const OPERATORS: Readonly<Record<ConditionOperator, string>> = {
  eq: "both are the same JSON",
  ne: "they are not",
  gt: "the left is greater: of two numbers, or of two texts (ISO times); a number as text counts as a number beside one",
  gte: "greater or equal",
  lt: "less",
  lte: "less or equal",
  contains: "the left, a text, has the right in it; or a list has it as an element",
  startsWith: "a text begins with the right",
  endsWith: "a text ends with the right",
  exists: "the left is not `null`; there is no right",
  isEmpty: 'the left is `null`, `""`, `[]` or `{}`; there is no right',
  matches: "the pattern on the right (RE2) is found in the left",
};

const FILTERS: Readonly<Record<FilterName, string>> = {
  json: "the value as JSON text",
  length: "characters of a text, elements of a list, members of an object",
  default: '`default: "none"`: where the value is missing or `null`',
  upper: "in capitals",
  lower: "in small letters",
  url: "percent-encoded",
  base64: "UTF-8 in base64",
  date: 'a moment (ISO text or epoch milliseconds) as ISO 8601; `date: "date"`, `"unix"` or `"unix_ms"` in that form',
};

/** Names as the union of the schemas has them: the fields that every step has are told once. */
const schemas = STEP_SCHEMAS.map((schema) => {
  const type = schema.shape.type.value;
  const component = Object.values(components).find((each) => each.properties?.type?.enum?.includes(type));
  if (component === undefined) throw new Error(`The document has no component for the step "${type}".`);
  return { type, component: component as StepSchema };
});
const COMMON: ReadonlySet<string> = new Set(["type", "id", "name", "when", "on_error"]);
/** Where the schema's own words would say less. */
const TYPES: Readonly<Record<string, string>> = {
  type: schemas.map(({ type }) => type).join(" | "),
  when: "a condition",
  if: "a condition",
};

function rowsOf(component: JsonSchema): FieldRow[] {
  // One level: what is nested (retry_policy, steps) has its own place.
  return fieldRows(component, components).filter(({ path }) => !path.includes("."));
}

function table(rows: readonly FieldRow[]): string {
  const lines = rows.map(({ path, type, required, description }) =>
    [`\`${path}\``, required ? "yes" : "", cell(TYPES[path] ?? type), cell(description)].join(" | "),
  );
  return ["| field | required | type | |", "| --- | --- | --- | --- |", ...lines.map((line) => `| ${line} |`)].join(
    "\n",
  );
}

function cell(text: string): string {
  return text.replaceAll("|", "\\|").replaceAll("\n", " ");
}

function list(entries: Readonly<Record<string, string>>, names: readonly string[], head: string): string {
  return [head, "| --- | --- |", ...names.map((name) => `| \`${name}\` | ${cell(entries[name] ?? "")} |`)].join("\n");
}

function section({ type, component }: (typeof schemas)[number]): string {
  const rows = rowsOf(component).filter(({ path }) => !COMMON.has(path));
  return `## \`${type}\`

${component.description ?? ""}

${table(rows)}

\`\`\`json
${JSON.stringify(component.example, null, 2)}
\`\`\``;
}

const [first] = schemas;
if (first === undefined) throw new Error("There are no steps.");

const text = `# Steps

<!-- Written by scripts/stepReference.ts from the schemas of the API. Do not edit: run \`npm run docs:steps\`. -->

Jobs of the kinds \`workflow\` and \`webhook_trigger\` have \`steps\`: a list that runs from top to bottom, in which some steps
hold lists of their own. A step is \`pending\`, \`running\`, \`waiting\`, \`succeeded\`, \`failed\`, \`skipped\` or \`cancelled\`;
a step that fails ends its list, and the execution with it, unless \`on_error\` is \`continue\`. Complete jobs are in
[examples](../examples).

Limits: ${STEPS_MOST} steps in a definition, nested ones included; ${NESTING_MOST} lists within one another; ${ITEMS_MOST}
elements of a \`for_each\`; ${DEPTH_MOST} jobs that start one another; 1 MB of inputs and outputs in an execution.

## Every step

${table(rowsOf(first.component).filter(({ path }) => COMMON.has(path)))}

\`retry_policy\` is for \`http\`, which alone is tried again, and \`timeout_seconds\` for every step that takes time but \`wait\`;
elsewhere they are refused when the job is saved.

## Templates

Texts may hold \`{{…}}\`. A text that is one template keeps the type of its value, so \`"{{input.lines}}"\` is a list. Parts are
named with dots and brackets (\`{{input.lines[0].sku}}\`, \`{{input["first name"]}}\`); what is missing reads as \`null\`. A
step that cannot have run before is refused when the job is saved.

| variable | |
| --- | --- |
| \`input\` | what \`run-now\`, a parent's \`run_job\` or a restart gave; \`{}\` otherwise |
| \`trigger\` | \`{method, headers, query, content_type, body, received_at}\` of the webhook |
| \`steps.ID.output\` | the output of a step; its members stand under \`steps.ID\` too |
| \`steps.ID.status\`, \`.error\`, \`.started_at\`, \`.finished_at\` | how a step went |
| \`context\` | what \`extract\` took out of responses |
| \`env\` | of the job |
| \`item\`, \`index\` | of the innermost \`for_each\` |
| \`waits.ID.url\` | where to post to resume a \`wait_for_webhook\` |
| \`approvals.ID.url\`, \`.approve_url\`, \`.reject_url\` | pages that decide an \`approval\` |
| \`execution_id\`, \`job_id\`, \`job_name\`, \`scheduled_for\`, \`timestamp\`, \`uuid\` | as in plain jobs; \`attempt\` in \`http\` only |

${list(FILTERS, FILTER_NAMES, "| filter | gives |")}

Secrets (\`secret://name\`) may stand in the URL's query, the headers and the body of \`http\` steps, and nowhere else.

## Conditions

\`when\`, \`if\` and the \`filter\` of a webhook are \`{left, operator, right}\`, or \`{all: […]}\`, \`{any: […]}\` and
\`{not: …}\` of such. Both sides may be templates, or any JSON with templates in it.

${list(OPERATORS, CONDITION_OPERATORS, "| operator | holds when |")}

${schemas.map(section).join("\n\n")}
`;

const formatted = await format(text, { ...(await resolveConfig(FILE)), filepath: FILE });
if (!process.argv.includes("--check")) {
  writeFileSync(FILE, formatted);
  process.stdout.write(`docs/steps.md: ${schemas.length} steps\n`);
} else if (readFileSync(FILE, "utf8") === formatted) {
  process.stdout.write("docs/steps.md says what the schemas say\n");
} else {
  process.stderr.write("docs/steps.md says something else than the schemas. Run: npm run docs:steps\n");
  process.exitCode = 1;
}
