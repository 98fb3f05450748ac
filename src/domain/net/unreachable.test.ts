import { describe, expect, it } from "vitest";
import { unreachableClass } from "./unreachable.ts";

describe("unreachableClass", () => {
  it.each([520, 522, 526, 530])("names Cloudflare's own %i", (status) => {
    expect(unreachableClass(status, { server: "Cloudflare" })).toBe("target_unreachable");
  });

  it.each([
    [519, "cloudflare"],
    [531, "cloudflare"],
    [500, "cloudflare"],
    [200, "cloudflare"],
    [522, "nginx"],
  ])("leaves %i of %s to be judged by its status", (status, server) => {
    expect(unreachableClass(status, { server })).toBeNull();
  });

  it("leaves an answer without a server header alone", () => {
    expect(unreachableClass(522, {})).toBeNull();
  });
});
