/** From what came back over the wire to the attempt as it is kept: judged by the job's rules, secrets masked. */

import type { AttemptWork } from "../../domain/engine/claim.ts";
import type { StepProduct } from "../../domain/engine/finish.ts";
import type { Attempt } from "../../domain/execution/attempt.ts";
import type { JsonValue } from "../../domain/json.ts";
import { CUT_MARK } from "../../domain/net/exchange.ts";
import type { OutboundResult } from "../../domain/net/exchange.ts";
import { unreachableClass } from "../../domain/net/unreachable.ts";
import { evaluateOutput, type OutputMap } from "../../domain/response/output.ts";
import { type JudgedResponse, lazyJson } from "../../domain/response/response.ts";
import { evaluateRules } from "../../domain/response/rules.ts";
import { redactJson } from "../../domain/secret/redact.ts";
import type { TemplateScope } from "../../domain/template/render.ts";
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
  work: Pick<AttemptWork, "target" | "data">,
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
  const { redact, scope } = context;
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
  const mask = responseMask(redact, sent.bodyTruncated);
  const received = {
    statusCode: sent.status,
    latencyMs: sent.latencyMs,
    bodyPreview: mask(sent.body),
    responseHeaders: keptHeaders(sent.headers, mask),
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
  const failedRules = evaluateRules(request, sent, mask).filter(({ ok }) => !ok);
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
      ? { output: mappedOutput(request.output, sent, scope, mask) }
      : { output: null, product: productOf(work.target, sent, scope, mask) }),
  };
}

function mappedOutput(
  output: OutputMap,
  response: JudgedResponse,
  scope: TemplateScope,
  mask: (text: string) => string,
): Readonly<Record<string, JsonValue>> | null {
  return Object.keys(output).length > 0 ? evaluateOutput(output, response, scope, mask) : null;
}

/** A step's output: what its `output` map takes from the response, or else the body, as JSON where it is JSON. */
function productOf(
  { request, extract }: AttemptWork["target"],
  sent: Extract<OutboundResult, { kind: "response" }>,
  scope: TemplateScope,
  mask: (text: string) => string,
): StepProduct {
  const json = lazyJson(sent)();
  const text = sent.body === "" ? null : mask(sent.body);
  return {
    output: mappedOutput(request.output, sent, scope, mask) ?? (json.ok ? redactJson(json.value, mask) : text),
    extracted: mappedOutput(extract, sent, scope, mask) ?? {},
  };
}

/**
 * The redactor for what comes from a response. Where a body or a header was cut by its limit, the beginning of a secret
 * may stand at the end: that is masked as well.
 */
export function responseMask(redact: Preparation["redact"], bodyTruncated: boolean): (text: string) => string {
  return (text) =>
    text.endsWith(CUT_MARK)
      ? redact(text.slice(0, -CUT_MARK.length), { cutAtEnd: true }) + CUT_MARK
      : redact(text, { cutAtEnd: bodyTruncated });
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
