import { describe, expect, it } from "vitest";
import { signatureHeaders, signedContent, versionedSignature } from "./standardWebhooks.ts";

describe("Standard Webhooks", () => {
  it("signs id, timestamp and body, separated by dots", () => {
    expect(signedContent("exec_1", 1_773_568_800, '{"a":1}')).toBe('exec_1.1773568800.{"a":1}');
  });

  it("sends every signature, separated by spaces", () => {
    expect(signatureHeaders("exec_1", 1_773_568_800, [versionedSignature("new="), versionedSignature("old=")])).toEqual(
      {
        "webhook-id": "exec_1",
        "webhook-timestamp": "1773568800",
        "webhook-signature": "v1,new= v1,old=",
      },
    );
  });
});
