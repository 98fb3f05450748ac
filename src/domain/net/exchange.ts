/** One outbound HTTP exchange, as the execution path sees it: what is sent, and what came of it. */

export interface OutboundRequest {
  readonly url: string;
  readonly method: string;
  readonly headers: readonly (readonly [name: string, value: string])[];
  readonly body: string | null;
  /** Bounds the whole exchange: every redirect and the reading of the answer. */
  readonly timeoutMs: number;
  /** Lower-case names that must not follow a redirect to another origin, besides those that never do. */
  readonly sensitiveHeaders?: readonly string[];
  /** The body must not follow a redirect to another origin either. */
  readonly sensitiveBody?: boolean;
}

/** Ends a header value that was too long. */
export const CUT_MARK = "…";

export type OutboundResult =
  | {
      readonly kind: "response";
      readonly status: number;
      /** Lower-case names; bounded in number and size. */
      readonly headers: Readonly<Record<string, string>>;
      /** At most 64 KB. */
      readonly body: string;
      readonly bodyTruncated: boolean;
      readonly latencyMs: number;
      readonly redirects: number;
      readonly finalUrl: string;
    }
  | {
      readonly kind: "failure";
      readonly failure: "timeout" | "connection";
      readonly errorClass: string;
      readonly message: string;
      readonly latencyMs: number;
    };
