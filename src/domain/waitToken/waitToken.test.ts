import { describe, expect, it } from "vitest";
import { waitTokenStatus } from "./waitToken.ts";

describe("waitTokenStatus", () => {
  it.each([
    ["waits without a timeout", { completedAtMs: null, timeoutAtMs: null }, "WAITING"],
    ["waits before its timeout", { completedAtMs: null, timeoutAtMs: 101 }, "WAITING"],
    ["times out at its timeout", { completedAtMs: null, timeoutAtMs: 100 }, "TIMED_OUT"],
    ["stays completed after its timeout", { completedAtMs: 50, timeoutAtMs: 60 }, "COMPLETED"],
  ] as const)("%s", (_, token, status) => {
    expect(waitTokenStatus(token, 100)).toBe(status);
  });
});
