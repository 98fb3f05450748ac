/** A parsed template as text again: what parses to it. */

import type { Expression, Filter, Template } from "../../../domain/template/template.ts";

/** `write(parse(text))` parses to the same template; spaces and the spelling of paths may differ. */
export function writeTemplate(template: Template): string {
  return template
    .map((node, index) =>
      node.kind === "expression"
        ? `{{${writeExpression(node)}}}`
        : writeLiteral(node.text, template[index + 1]?.kind === "expression"),
    )
    .join("");
}

function writeExpression({ path: [root, ...keys], filters }: Pick<Expression, "path" | "filters">): string {
  const path = keys.map((key) => {
    if (typeof key === "number") return `[${key}]`;
    return /^[A-Za-z_][A-Za-z0-9_-]*$/.test(key) ? `.${key}` : `[${JSON.stringify(key)}]`;
  });
  return root + path.join("") + filters.map(writeFilter).join("");
}

function writeFilter({ name, args }: Filter): string {
  const given = args.map((argument) => JSON.stringify(argument)).join(", ");
  return ` | ${name}${given === "" ? "" : `: ${given}`}`;
}

/** Backslashes count only before `{{`: there each is written twice, and one more makes the braces text. */
function writeLiteral(text: string, isBeforeExpression: boolean): string {
  const escaped = text.replaceAll(/(\\*)\{\{/g, String.raw`$1$1\{{`);
  return isBeforeExpression ? escaped.replace(/\\+$/, "$&$&") : escaped;
}
