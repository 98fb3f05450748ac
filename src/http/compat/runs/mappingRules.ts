/** What a `transform` step gives: its source as it is, or members of it under other names. */

import type { JsonValue } from "../../../domain/json.ts";
import type { Expression, Filter } from "../../../domain/template/template.ts";
import { parseTemplate } from "../../../domain/template/template.ts";
import type { StepOf } from "./stepConfigs.ts";
import type { StepTexts } from "./stepTexts.ts";
import { writeTemplate } from "./templateText.ts";

type TransformStep = StepOf<"transform">;
type Rule = NonNullable<TransformStep["config"]["mappingRules"]>[number];

/** Rules become one template each: the source's path and the rule's, one after the other. */
export function toMappedValue({ config }: TransformStep, texts: StepTexts): JsonValue {
  const source = texts.json("sourceData", config.sourceData as JsonValue);
  const { mappingRules } = config;
  if (mappingRules === undefined) return source;
  const base = expressionIn(source);
  if (base === null || base.filters.length > 0) {
    texts.complain("sourceData", "must be one template without filters where there are mappingRules");
    return source;
  }
  return Object.fromEntries(mappingRules.map((rule, index) => mapped(rule, base, `mappingRules[${index}]`, texts)));
}

function mapped(rule: Rule, base: Expression, field: string, texts: StepTexts): readonly [string, string] {
  if (!/^[A-Za-z_][\w-]*$/.test(rule.target)) {
    texts.complain(`${field}.target`, "must be one name of letters, digits, _ and -");
  }
  // A path is read as what follows the name of a variable.
  const inner = expressionIn(`{{source${rule.source.startsWith("[") ? "" : "."}${rule.source}}}`);
  if (inner === null) texts.complain(`${field}.source`, 'must be a path into sourceData, such as "contact.email"');
  const [, ...keys] = inner?.path ?? [""];
  const filters: readonly Filter[] = [
    ...(inner?.filters ?? []),
    ...(rule.default === undefined ? [] : [{ name: "default", args: [rule.default] } as const]),
  ];
  return [rule.target, writeTemplate([{ ...base, path: [...base.path, ...keys], filters }])];
}

function expressionIn(value: JsonValue): Expression | null {
  const template = typeof value === "string" ? parseTemplate(value) : null;
  if (template?.ok !== true || template.value.length !== 1) return null;
  const [node] = template.value;
  return node?.kind === "expression" ? node : null;
}
