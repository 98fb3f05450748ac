import { describe, expect, it } from "vitest";
import { classifyThrown, describeThrown } from "./errorClass.ts";

const caused = (code: string) => new TypeError("fetch failed", { cause: Object.assign(new Error("secret"), { code }) });

describe("classifyThrown", () => {
  it.each([
    ["ENOTFOUND", "dns"],
    ["EAI_AGAIN", "dns"],
    ["ECONNREFUSED", "connection_refused"],
    ["ECONNRESET", "connection_reset"],
    ["UND_ERR_SOCKET", "connection_reset"],
    ["EPIPE", "connection_reset"],
    ["ERR_TLS_CERT_ALTNAME_INVALID", "tls"],
    ["CERT_HAS_EXPIRED", "tls"],
    ["DEPTH_ZERO_SELF_SIGNED_CERT", "tls"],
    ["UNABLE_TO_VERIFY_LEAF_SIGNATURE", "tls"],
    ["ERR_SSL_WRONG_VERSION_NUMBER", "tls"],
    ["HPE_INVALID_CONSTANT", "invalid_response"],
    ["UND_ERR_HEADERS_OVERFLOW", "invalid_response"],
    ["Z_DATA_ERROR", "invalid_response"],
    ["EHOSTUNREACH", "network"],
  ])("names Node's %s %s", (code, expected) => {
    expect(classifyThrown(caused(code))).toBe(expected);
  });

  it.each([
    [new Error("Network connection lost."), "network"],
    [new Error("internal error; reference = 46durmnescpu9cm0uhm0p739"), "network"],
    [new TypeError("Gzip decompression failed."), "invalid_response"],
    [new TypeError("Invalid HTTP method string: FOO"), "invalid_request"],
    [new TypeError("Invalid header value."), "invalid_request"],
    [new TypeError("Request with a GET or HEAD method cannot have a body."), "invalid_request"],
  ])("names workerd's %s", (error, expected) => {
    expect(classifyThrown(error)).toBe(expected);
  });

  it.each([[undefined], ["text"], [{ code: "ENOTFOUND" }], [new Error("never seen")]])("calls %s network", (thrown) => {
    expect(classifyThrown(thrown)).toBe("network");
  });
});

describe("describeThrown", () => {
  it("names the host and what to do next, in one sentence", () => {
    const classes = [
      "dns",
      "connection_refused",
      "connection_reset",
      "tls",
      "invalid_response",
      "invalid_request",
      "network",
    ];
    for (const errorClass of classes as Parameters<typeof describeThrown>[0][]) {
      expect(describeThrown(errorClass, "api.example.org:8443")).toMatch(
        /api\.example\.org:8443[^.]*: (check|look) .+\.$/,
      );
    }
  });
});
