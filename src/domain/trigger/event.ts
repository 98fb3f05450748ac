/** What came with a webhook: as templates see it (`trigger.*`), which event it is, and whether the job wants it. */

import type { ExecutionError } from "../execution/execution.ts";
import type { JsonValue } from "../json.ts";
import { compileJsonPath } from "../response/jsonPath.ts";
import { WorkBudget } from "../response/workBudget.ts";
import { err, ok, type Result } from "../result.ts";
import { evaluateCondition, type Condition } from "../workflow/conditions.ts";
import { resolveJson } from "../workflow/resolve.ts";
import type { Verification } from "./verification.ts";
import type { Dedupe } from "./webhook.ts";

export interface WebhookEvent {
  readonly method: string;
  /** Names in lower case, as they came. */
  readonly headers: Readonly<Record<string, string>>;
  /** In their order, repeated names included. */
  readonly query: readonly (readonly [string, string])[];
  readonly contentType: string | null;
  /** Parsed. */
  readonly body: JsonValue;
  readonly receivedAtMs: number;
}

/**
 * Headers by which somebody proves who they are. The record is read by everybody in the workspace and kept for weeks, so
 * it is better to lose one header too many.
 */
const CREDENTIAL_HEADER =
  /^(cookie2?|set-cookie|x-csrf.*|x-xsrf.*)$|authorization|signature|secret|token|password|passwd|api-?key|access-?key|auth-?key|hmac|credential/;

/** `trigger` of templates and `trigger_input` of the execution: the event without its credentials. */
export function triggerInputOf(event: WebhookEvent, verification: Verification | null): JsonValue {
  const headers = Object.entries(event.headers).filter(
    ([name]) => name !== verification?.header && !CREDENTIAL_HEADER.test(name),
  );
  return {
    method: event.method,
    headers: Object.fromEntries(headers),
    query: queryOf(event.query),
    content_type: event.contentType,
    body: event.body,
    received_at: new Date(event.receivedAtMs).toISOString(),
  };
}

/** A list where a name is repeated. */
function queryOf(pairs: WebhookEvent["query"]): JsonValue {
  const byName = Map.groupBy(pairs, ([name]) => name);
  // A name that libraries lose or misread.
  byName.delete("__proto__");
  const members = [...byName].map(([name, ofName]): [string, JsonValue] => {
    const values = ofName.map(([, value]) => value);
    return [name, values.length > 1 ? values : (values[0] ?? "")];
  });
  return Object.fromEntries(members);
}

/**
 * What names the event: the header's value, or the first value at the path in the body. `null` when there is none, and
 * then every delivery is an event of its own: losing one would be worse than having it twice.
 */
export function eventKey(dedupe: Dedupe, event: Pick<WebhookEvent, "headers" | "body">): JsonValue {
  if ("header" in dedupe.by) {
    const { header } = dedupe.by;
    const value = Object.hasOwn(event.headers, header) ? event.headers[header] : undefined;
    return value === undefined || value === "" ? null : value;
  }
  const path = compileJsonPath(dedupe.by.path);
  const found = path.ok ? path.value.select(event.body, new WorkBudget()) : path;
  return found.ok ? (found.value[0] ?? null) : null;
}

/** @returns an error when the filter cannot be judged on this event, such as a pattern that takes too much work. */
export function matchesFilter(filter: Condition, triggerInput: JsonValue): Result<boolean, ExecutionError> {
  const matched = evaluateCondition(filter, (value) => resolveJson(value, { trigger: triggerInput }));
  return matched.ok ? ok(matched.value) : err(matched.error);
}
