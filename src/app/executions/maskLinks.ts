/**
 * Whoever reads must not be able to do by what they read what their role does not let them do. The tokens of links, which
 * steps were given and hand on, are masked: those of callbacks for roles that may not write, those of approvals for
 * everybody but owners, because others may decide only where a step names them, and a link decides for whoever has it. A
 * link that somebody encoded further (base64, say) is not recognised.
 */

import { MASK } from "../../domain/secret/redact.ts";
import { isAllowed, type Role } from "../../domain/workspace/workspace.ts";

/** As `domain/workflow/links.ts` writes them, percent-encoded within another URL, or cut off. Bounded, so that it is linear. */
function linksTo(routes: string): RegExp {
  return new RegExp(
    String.raw`(v1(?:\/|%2f)(?:${routes})(?:\/|%2f)exe_\w{1,64}?(?:\/|%2f)[^\s"\\/?#]{1,512}?(?:\/|%2f))(?:[0-9a-f]{32}|[0-9a-f]{1,31}(?!\w))`,
    "gi",
  );
}

const APPROVALS = linksTo("approvals");
const ALL = linksTo("callbacks|approvals");

/** The value, which is JSON, as the role may see it; the very same where nothing in it has to be masked. */
export function maskLinks<Value>(value: Value, role: Role): Value {
  if (isAllowed(role, "administer")) return value;
  const text = JSON.stringify(value);
  const masked = text.replaceAll(isAllowed(role, "write") ? APPROVALS : ALL, `$1${MASK}`);
  return masked === text ? value : (JSON.parse(masked) as Value);
}
