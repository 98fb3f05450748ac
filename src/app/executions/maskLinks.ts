/**
 * Whoever may only read must not be able to act by what they read: the tokens of callback and approval links, which steps
 * were given and hand on, are masked for them. A link that somebody encoded further (base64, say) is not recognised.
 */

import type { Execution } from "../../domain/execution/execution.ts";
import { MASK } from "../../domain/secret/redact.ts";

/** As `domain/workflow/links.ts` writes them, and percent-encoded within another URL. Bounded, so that it is linear. */
const LINK =
  /(v1(?:\/|%2f)(?:callbacks|approvals)(?:\/|%2f)exe_\w{1,64}?(?:\/|%2f)[^\s"\\/?#]{1,512}?(?:\/|%2f))[0-9a-f]{32}/gi;

export function maskLinks(execution: Execution): Execution {
  // A plain job's input may hold a link too: of the execution that started it by `run_job`.
  if (execution.workflow === null && execution.start === null) return execution;
  return JSON.parse(JSON.stringify(execution).replaceAll(LINK, `$1${MASK}`)) as Execution;
}
