import { describe, expect, it } from "vitest";
import { boundedHeaders } from "./responseHeaders.ts";

describe("boundedHeaders", () => {
  it("gives lower-case names and joins what is repeated", () => {
    const headers = new Headers([
      ["X-Request-Id", "1"],
      ["Set-Cookie", "a=1"],
      ["Set-Cookie", "b=2"],
    ]);
    expect(boundedHeaders(headers)).toEqual({ "x-request-id": "1", "set-cookie": "a=1, b=2" });
  });

  it("keeps 64 headers of a flood, those that retries need among them", () => {
    const headers = new Headers(Array.from({ length: 500 }, (_, index) => [`a-${index}`, "v"]));
    headers.set("Retry-After", "30");
    headers.set("Content-Type", "text/plain");
    const bounded = boundedHeaders(headers);
    expect(Object.keys(bounded)).toHaveLength(64);
    expect(bounded).toMatchObject({ "retry-after": "30", "content-type": "text/plain" });
  });

  it("keeps at most 8 KB in total", () => {
    const headers = new Headers(Array.from({ length: 60 }, (_, index) => [`x-${index}`, "v".repeat(1_000)]));
    const bounded = boundedHeaders(headers);
    expect(Object.entries(bounded).flat().join("").length).toBeLessThanOrEqual(8_192);
    expect(Object.keys(bounded)).toHaveLength(8);
  });

  it("cuts a long value and says so, without splitting a character", () => {
    const headers = new Headers({ "x-long": "v".repeat(5_000) });
    expect(boundedHeaders(headers)["x-long"]).toMatch(/^v{1023}…$/);
    const cookies = new Headers(Array.from({ length: 50 }, () => ["set-cookie", "c".repeat(100)]));
    expect(boundedHeaders(cookies)["set-cookie"]).toHaveLength(1_024);
  });

  it("treats __proto__ as a header", () => {
    const bounded = boundedHeaders(new Headers([["__proto__", "x"]]));
    expect(Object.entries(bounded)).toEqual([["__proto__", "x"]]);
  });
});
