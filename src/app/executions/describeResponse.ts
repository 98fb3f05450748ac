/** From what came back over the wire to the attempt as it is kept: judged by the job's rules, secrets masked. */

import type { AttemptWork } from "../../domain/engine/claim.ts";
import type { StepProduct } from "../../domain/engine/finish.ts";
import type { Attempt } from "../../domain/execution/attempt.ts";
import type { JsonValue } from "../../domain/json.ts";
import type { OutboundResult } from "../../domain/net/exchange.ts";
import { unreachableClass } from "../../domain/net/unreachable.ts";
import { evaluateOutput, type OutputMap } from "../../domain/response/output.ts";
import { type JudgedResponse, lazyJson } from "../../domain/response/response.ts";
import { evaluateRules } from "../../domain/response/rules.ts";
import { redactJson } from "../../domain/secret/redact.ts";
import type { Preparation } from "./prepareRequest.ts";

type Described = Omit<Attempt, "number" | "startedAtMs" | "late">;

/** Response headers worth keeping: what helps to find out why a target answered as it did. */
const KEPT_HEADERS: ReadonlySet<string> = new Set([
  "age", "allow", "cache-control", "cf-ray", "content-encoding", "content-length", "content-type", "date", "etag",
  "last-modified", "location", "ratelimit-limit", "ratelimit-remaining", "ratelimit-reset", "retry-after", "server",
  "via", "www-authenticate", "x-amzn-requestid", "x-ratelimit-limit", "x-ratelimit-remaining", "x-ratelimit-reset",
  "x-request-id", "x-trace-id",
]); // prettier-ignore

export function describeResponse(
  work: AttemptWork,
  sent: OutboundResult,
  context: Pick<Preparation, "redact" | "scope">,
): {
  attempt: Described;
  /** Of a plain job. */
  output: Readonly<Record<string, JsonValue>> | null;
  /** Of a step that succeeded. */
  product?: StepProduct | undefined;
} {
  const { request } = work.target;
  const { redact } = context;
  if (sent.kind === "failure") {
    return {
      attempt: {
        status: sent.failure === "timeout" ? "TIMEOUT" : "CONNECTION_ERROR",
        statusCode: null,
        latencyMs: sent.latencyMs,
        bodyPreview: null,
        responseHeaders: null,
        errorClass: sent.errorClass,
        errorMessage: redact(sent.message),
        failedRules: [],
      },
      output: null,
    };
  }
  const received = {
    statusCode: sent.status,
    latencyMs: sent.latencyMs,
    bodyPreview: redact(sent.body, { cutAtEnd: sent.bodyTruncated }),
    responseHeaders: keptHeaders(sent.headers, redact),
  };
  if (!request.successStatuses.includes(sent.status)) {
    return {
      attempt: {
        ...received,
        status: "HTTP_ERROR",
        errorClass: unreachableClass(sent.status, sent.headers) ?? "http_status",
        errorMessage: `The target answered ${sent.status}; success_statuses are ${request.successStatuses.join(", ")}.`,
        failedRules: [],
      },
      output: null,
    };
  }
  const failedRules = evaluateRules(request, sent, redact).filter(({ ok }) => !ok);
  if (failedRules.length > 0) {
    const named = failedRules.map((rule) => `${rule.rule} (expected ${rule.expected}, got ${rule.got})`).join("; ");
    return {
      attempt: {
        ...received,
        status: "HTTP_ERROR",
        errorClass: "response_mismatch",
        errorMessage: `The response broke ${failedRules.length === 1 ? "a rule" : `${failedRules.length} rules`}: ${named}.`,
        failedRules,
      },
      output: null,
    };
  }
  return {
    attempt: { ...received, status: "SUCCESS", errorClass: null, errorMessage: null, failedRules: [] },
    ...(work.data === null
      ? { output: mappedOutput(request.output, sent, context) }
      : { output: null, product: productOf(work, sent, context) }),
  };
}

function mappedOutput(
  output: OutputMap,
  response: JudgedResponse,
  { scope, redact }: Pick<Preparation, "redact" | "scope">,
): Readonly<Record<string, JsonValue>> | null {
  return Object.keys(output).length > 0 ? evaluateOutput(output, response, scope, redact) : null;
}

/** A step's output: what its `output` map takes from the response, or else the body, as JSON where it is JSON. */
function productOf(
  work: AttemptWork,
  sent: Extract<OutboundResult, { kind: "response" }>,
  context: Pick<Preparation, "redact" | "scope">,
): StepProduct {
  const { request, extract } = work.target;
  const json = lazyJson(sent)();
  const text = sent.body === "" ? null : context.redact(sent.body, { cutAtEnd: sent.bodyTruncated });
  return {
    output: mappedOutput(request.output, sent, context) ?? (json.ok ? redactJson(json.value, context.redact) : text),
    extracted: mappedOutput(extract, sent, context) ?? {},
  };
}

function keptHeaders(
  headers: Readonly<Record<string, string>>,
  redact: (text: string) => string,
): Record<string, string> {
  return Object.fromEntries(
    Object.entries(headers)
      .filter(([name]) => KEPT_HEADERS.has(name))
      .map(([name, value]) => [name, redact(value)]),
  );
}
