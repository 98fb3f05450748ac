import { describe, expect, it } from "vitest";
import { checkHeader, checkHeaderSyntax, MAX_HEADER_BYTES } from "./headers.ts";

describe("checkHeader", () => {
  it.each([
    ["Authorization", "Bearer abc"],
    ["Content-Type", "application/json"],
    ["X-Custom_Header.v1", 'any value, even with "quotes"'],
    ["accept", ""],
    ["X-Tab", "a\tb"],
    ["X-Latin", "café"],
    ["Cookie", "a=b"],
    ["X-Webhook-Id", "mine"],
    ["Cfg", "not cf-"],
  ])("accepts %s", (name, value) => {
    expect(checkHeader(name, value)).toBeNull();
  });

  it.each(["", " ", "X Y", "X:Y", "X\r\nY", "X\0", "Ünï", "X(", 'X"', "X-Header "])("refuses %j as a name", (name) => {
    expect(checkHeader(name, "value")).toMatch(/^The header name is not valid: /);
  });

  it.each([
    "Host",
    "CONTENT-LENGTH",
    "Transfer-Encoding",
    "Connection",
    "Upgrade",
    "Keep-Alive",
    "TE",
    "Trailer",
    "Proxy-Authorization",
    "Proxy-Connection",
    "CF-Connecting-IP",
    "cf-worker",
    "X-Cron-Service-Execution-Id",
    "x-cron-service-anything",
    "Webhook-Id",
    "webhook-timestamp",
    "WEBHOOK-SIGNATURE",
  ])("refuses %s, which is not the user's to set", (name) => {
    expect(checkHeader(name, "value")).toMatch(/(leave it out|choose another name)\.$/);
  });

  it.each(["a\r\nX-Injected: 1", "a\nb", "a\rb", "a\0b", "\u007f", "\u001b[0m"])("refuses the value %j", (value) => {
    expect(checkHeader("X-Custom", value)).toMatch(/control character; remove it\.$/);
  });

  it.each(["€", "日本", "🔔"])("refuses the value %j, which is not Latin-1", (value) => {
    expect(checkHeader("X-Custom", value)).toMatch(/outside Latin-1/);
  });

  it("accepts name and value up to 8 KB together, and not a byte more", () => {
    const name = "X-Long";
    expect(checkHeader(name, "a".repeat(MAX_HEADER_BYTES - name.length))).toBeNull();
    expect(checkHeader(name, "a".repeat(MAX_HEADER_BYTES - name.length + 1))).toMatch(/too long/);
  });

  it("never quotes the value, which may be a secret", () => {
    expect(checkHeader("X-Custom", "hunter2\n")).not.toContain("hunter2");
  });
});

describe("checkHeaderSyntax", () => {
  it("lets Carillon's own headers pass and stops line breaks", () => {
    expect(checkHeaderSyntax("X-Cron-Service-Attempt", "1")).toBeNull();
    expect(checkHeaderSyntax("webhook-id", "exec_1")).toBeNull();
    expect(checkHeaderSyntax("webhook-id", "exec_1\r\nHost: x")).not.toBeNull();
  });
});
