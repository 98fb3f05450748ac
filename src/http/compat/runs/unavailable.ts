/** What the Runs API knows and Carillon has not: refused by its name, with what to do instead. */

import { z } from "@hono/zod-openapi";

/** A member that may be left out only. */
export function unavailable(instead: string) {
  return z.null({ error: `is not available here; ${instead}` }).optional();
}

const OWN_SERVICE = 'call a service that does it with an "api" step';

/** Types of steps (facts 2.1). */
export const UNAVAILABLE_STEPS: ReadonlyMap<string, string> = new Map([
  ["action", 'connectors are not available here; call the service\'s own API with an "api" step'],
  ["agent", `agents are not available here; ${OWN_SERVICE}`],
  ["code", `code is not run here; use "transform" for values, or ${OWN_SERVICE}`],
  ["data_table", `tables are not available here; ${OWN_SERVICE}`],
  ["email", 'e-mail is not sent from here; call your mail service with an "api" step'],
  ["pdf", `documents are not made here; ${OWN_SERVICE}`],
  ["slack", 'is not available here; post to the webhook URL of a Slack channel with an "api" step'],
  ["workspace_files", `files are not kept here; ${OWN_SERVICE}`],
]);
