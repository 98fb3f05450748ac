import { describe, expect, it } from "vitest";
import { REQUEST_DEFAULTS } from "../../domain/job/request.ts";
import type { RequestSpec } from "../../domain/job/request.ts";
import { CUT_MARK } from "../../domain/net/exchange.ts";
import type { OutboundResult } from "../../domain/net/exchange.ts";
import { RETRY_DEFAULTS } from "../../domain/retry/policy.ts";
import { makeRedactor } from "../../domain/secret/redact.ts";
import { describeResponse } from "./describeResponse.ts";

const SECRET = "s3cr3t-value-of-the-key";

function described(sent: Partial<Extract<OutboundResult, { kind: "response" }>>, request: Partial<RequestSpec> = {}) {
  const target = {
    request: { ...REQUEST_DEFAULTS, url: "https://example.com/", ...request },
    retryPolicy: RETRY_DEFAULTS,
    extract: {},
  };
  const response: OutboundResult = {
    kind: "response",
    status: 200,
    headers: {},
    body: "",
    bodyTruncated: false,
    latencyMs: 1,
    redirects: 0,
    finalUrl: `https://example.com/?key=${SECRET}`,
    ...sent,
  };
  return describeResponse({ target, data: null }, response, {
    redact: makeRedactor([SECRET, "4711"]),
    scope: {},
  });
}

describe("describeResponse", () => {
  it("masks preview, headers, rules and output, and keeps nothing of the URL", () => {
    const body = JSON.stringify({ key: SECRET, [SECRET]: 1, pin: 4711, yes: true });
    const masked = described(
      { headers: { etag: SECRET, "x-unknown": "v" }, body },
      { output: { all: "$" }, assertions: [{ source: "header", name: "etag", operator: "contains", value: "-" }] },
    );
    expect(JSON.stringify(masked)).not.toMatch(/s3cr3t|4711/);
    expect(masked.output).toEqual({ all: { key: "[secret]", "[secret]": 1, pin: "[secret]", yes: true } });
    expect(masked.attempt.responseHeaders).toEqual({ etag: "[secret]" });
  });

  it.each([5, 10, 22])("masks the first %i characters of a secret that a limit has cut off", (length) => {
    const beginning = SECRET.slice(0, length);
    const headers = { etag: `e${beginning}${CUT_MARK}` };
    const cut = described(
      { headers, body: `x${beginning}`, bodyTruncated: true },
      {
        responseMatcher: { mode: "contains", value: "nothing" },
        assertions: [{ source: "header", name: "etag", operator: "eq", value: "nothing" }],
      },
    );
    expect(cut.attempt.failedRules).toHaveLength(2);
    expect(cut.attempt.bodyPreview).toBe("x[secret]");
    expect(cut.attempt.responseHeaders?.etag).toBe(`e[secret]${CUT_MARK}`);
    expect(JSON.stringify(cut)).not.toContain(beginning);
  });
});
