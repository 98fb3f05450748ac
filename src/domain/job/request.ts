/** The HTTP request that a job (or an `http` step) makes, as its author saved it: templates and secret references intact. */

import type { JsonValue } from "../json.ts";
import type { Assertion, ResponseMatcher } from "../response/rules.ts";

export const HTTP_METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE"] as const;
export type HttpMethod = (typeof HTTP_METHODS)[number];

export interface RequestSpec {
  readonly url: string;
  readonly method: HttpMethod;
  /** Names as the author wrote them; values may hold `{{variables}}` and `secret://name`. */
  readonly headers: Readonly<Record<string, string>>;
  /** `null` sends no body; a string is sent as text, anything else as JSON. */
  readonly body: JsonValue;
  /** 1 to 300; bounds one attempt, redirects and reading of the answer included. */
  readonly timeoutSeconds: number;
  readonly successStatuses: readonly number[];
  readonly responseMatcher: ResponseMatcher | null;
  readonly assertions: readonly Assertion[];
  /** Name of an output field → JSONPath (`$…`) into the response's JSON, or a template. */
  readonly output: Readonly<Record<string, string>>;
}

/** Defaults of the seed (TrigRun "Request configuration"). */
export const REQUEST_DEFAULTS = {
  method: "GET",
  headers: {},
  body: null,
  timeoutSeconds: 30,
  successStatuses: [200, 201, 202, 204],
  responseMatcher: null,
  assertions: [],
  output: {},
} as const satisfies Omit<RequestSpec, "url">;
