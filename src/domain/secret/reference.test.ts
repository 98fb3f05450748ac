import { describe, expect, it } from "vitest";
import {
  findSecretReferences,
  isSecretName,
  referencesIn,
  resolveSecrets,
  validateSecretPlacement,
} from "./reference.ts";

const VALUES = new Map([
  ["stripe", "sk_1"],
  ["a.b", "dot ted"],
  ["nl", "key\r\nEvil: 1\n"],
]);

describe("isSecretName", () => {
  it.each(["a", "0", "stripe-key", "a.b_c-d", "a_", `a${"b".repeat(63)}`])("accepts %s", (name) => {
    expect(isSecretName(name)).toBe(true);
  });

  it.each(["", "A", "-a", ".a", "a.", "a-", "a b", "é", `a${"b".repeat(64)}`])("refuses %j", (name) => {
    expect(isSecretName(name)).toBe(false);
  });
});

describe("referencesIn", () => {
  it("takes the longest name, without punctuation at its end", () => {
    expect(referencesIn("Use secret://stripe. Or (secret://a.b), secret://x-; secret://q")).toEqual([
      "stripe",
      "a.b",
      "x",
      "q",
    ]);
  });
});

describe("findSecretReferences", () => {
  it("lists each name of a request once", () => {
    const request = {
      url: "https://example.com/?k=secret://query",
      headers: { A: "Basic secret://user:secret://stripe" },
      body: { a: ["secret://stripe", { b: "x secret://deep" }], n: 1 },
    };
    expect(findSecretReferences(request)).toEqual(["query", "user", "stripe", "deep"]);
  });
});

describe("validateSecretPlacement", () => {
  const check = (part: object): string[] => {
    const request = { url: "https://example.com/", headers: {}, body: null, ...part };
    return validateSecretPlacement(request, "request").map((issue) => issue.path);
  };

  it("accepts header values, query values and strings of the body", () => {
    const url = "https://example.com/?a=1&k=secret://a&l=x-secret://b";
    expect(check({ url, headers: { A: "secret://a" }, body: ["secret://a"] })).toEqual([]);
    expect(check({ body: "token=secret://a" })).toEqual([]);
  });

  it.each([
    "https://secret://a/",
    "https://secret://a@example.com/",
    "https://example.com/secret://a",
    "https://example.com/?secret://a=1",
    "https://example.com/?secret://a",
    "https://example.com/?a=1#secret://a",
    "https://example.com/SECRET://a",
    "https:secret://a",
  ])("refuses %s", (url) => {
    expect(check({ url })).toEqual(["request.url"]);
  });

  it("refuses header names, keys, and what names no secret", () => {
    const headers = { "secret://a": "1", B: "secret://Stripe", C: "secret://", D: "Secret://a" };
    const body = { "secret://k": "x", y: [`secret://${"a".repeat(65)}`] };
    expect(check({ headers, body })).toEqual([
      'request.headers["secret://a"]',
      "request.headers.B",
      "request.headers.C",
      "request.headers.D",
      'request.body["secret://k"]',
      "request.body.y[0]",
    ]);
  });
});

describe("resolveSecrets", () => {
  it("replaces every reference and keeps what follows it", () => {
    const resolved = resolveSecrets("secret://stripe:secret://a.b. $& secret://stripe-", VALUES, "body");
    expect(resolved).toEqual({ ok: true, value: "sk_1:dot ted. $& sk_1-" });
  });

  it("percent-encodes in a query", () => {
    expect(resolveSecrets("secret://a.b", VALUES, "query")).toEqual({ ok: true, value: "dot%20ted" });
  });

  it("takes line breaks out in a header", () => {
    expect(resolveSecrets("secret://nl", VALUES, "header")).toEqual({ ok: true, value: "keyEvil: 1" });
  });

  it.each([
    ["secret://gone secret://stripe", "gone"],
    ["secret://Stripe", "Stripe"],
    ["secret://", "secret://"],
  ])("fails on %s instead of sending it", (text, missing) => {
    expect(resolveSecrets(text, VALUES, "header")).toEqual({ ok: false, error: { missing } });
  });
});
