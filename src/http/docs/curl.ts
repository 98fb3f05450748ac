/** A call of an operation as a line for the shell. */

import { examplePath } from "../openapi.ts";
import type { Operation } from "../operation.ts";

export function curlOf({ access, contract }: Operation, origin: string): string {
  const variable = access === "operator" ? "$ADMIN_TOKEN" : "$TOKEN";
  const method = contract.method.toUpperCase();
  const hasBody = contract.body !== undefined && contract.body.optional !== true;
  return [
    `curl ${method === "GET" || (method === "POST" && hasBody) ? "" : `-X ${method} `}${quote(origin + examplePath(contract))}`,
    ...(access === "public" ? [] : [`-H "Authorization: Bearer ${variable}"`]),
    ...(hasBody ? [`-d ${quote(JSON.stringify(contract.body?.example))}`] : []),
  ].join(" \\\n  ");
}

/** As one word for a POSIX shell. */
function quote(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
