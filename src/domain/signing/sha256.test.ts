import { createHash, createHmac } from "node:crypto";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { hmacSha256Hex, sha256 } from "./sha256.ts";

describe("sha256", () => {
  it("agrees with the platform's", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (message) => {
        expect(Buffer.from(sha256(message)).toString("hex")).toBe(createHash("sha256").update(message).digest("hex"));
      }),
    );
  });

  it("makes the platform's HMAC of any key and text", () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 100 }), fc.string(), (key, message) => {
        expect(hmacSha256Hex(key, message)).toBe(createHmac("sha256", key).update(message).digest("hex"));
      }),
    );
  });
});
