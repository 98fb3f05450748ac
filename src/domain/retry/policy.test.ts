import { describe, expect, it } from "vitest";
import { RETRY_DEFAULTS, parseRetryAfter, retryDelayMs, validateRetryPolicy } from "./policy.ts";
import type { Backoff, RetryPolicy } from "./policy.ts";

function policyWith(backoff: Partial<Backoff>): RetryPolicy {
  return { ...RETRY_DEFAULTS, backoff: { ...RETRY_DEFAULTS.backoff, ...backoff } };
}

function waits(policy: RetryPolicy, random = 0): number[] {
  return [1, 2, 3, 4, 5, 6, 7, 8, 9].map((attempt) => retryDelayMs(policy, attempt, random, null));
}

describe("retryDelayMs", () => {
  it("follows the seed's 250 ms * 2^attempt by default", () => {
    const golden = [500, 1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 64_000, 128_000];
    expect(waits(policyWith({ jitter: false }))).toEqual(golden);
    expect(golden).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9].map((attempt) => 250 * 2 ** attempt));
  });

  it("takes between half of the nominal wait and all of it with jitter", () => {
    expect(waits(RETRY_DEFAULTS, 0)).toEqual([250, 500, 1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 64_000]);
    expect(waits(RETRY_DEFAULTS, 0.5).slice(0, 3)).toEqual([375, 750, 1_500]);
    expect(waits(RETRY_DEFAULTS, 0.999999).slice(0, 3)).toEqual([500, 1_000, 2_000]);
  });

  it("knows fixed, linear and listed waits", () => {
    expect(waits(policyWith({ type: "fixed", jitter: false })).slice(0, 3)).toEqual([500, 500, 500]);
    expect(waits(policyWith({ type: "linear", jitter: false })).slice(0, 3)).toEqual([500, 1_000, 1_500]);
    const list = policyWith({ type: "list", listMs: [10, 70], jitter: false });
    expect(waits(list).slice(0, 4)).toEqual([10, 70, 70, 70]);
  });

  it("never computes more than max_ms", () => {
    expect(Math.max(...waits(policyWith({ maxMs: 3_000, jitter: false })))).toBe(3_000);
  });

  it("waits longer for a Retry-After, never shorter, and at most 15 minutes", () => {
    const policy = policyWith({ jitter: false, maxMs: 1_000 });
    expect(retryDelayMs(policy, 1, 0, 20_000)).toBe(20_000);
    expect(retryDelayMs(policy, 1, 0, 100)).toBe(500);
    expect(retryDelayMs(policy, 1, 0, 86_400_000)).toBe(900_000);
  });
});

describe("parseRetryAfter", () => {
  const nowMs = Date.parse("2026-03-15T10:00:00.000Z");

  it("reads seconds", () => {
    expect(parseRetryAfter("120", nowMs)).toBe(120_000);
    expect(parseRetryAfter(" 0 ", nowMs)).toBe(0);
  });

  it("reads the three date forms of HTTP", () => {
    expect(parseRetryAfter("Sun, 15 Mar 2026 10:01:00 GMT", nowMs)).toBe(60_000);
    expect(parseRetryAfter("Sunday, 15-Mar-26 10:01:00 GMT", nowMs)).toBe(60_000);
    expect(parseRetryAfter("Sun Mar 15 10:01:00 2026", nowMs)).toBe(60_000);
  });

  it("takes a date that has passed as now", () => {
    expect(parseRetryAfter("Sun, 15 Mar 2020 10:01:00 GMT", nowMs)).toBe(0);
  });

  it.each([null, "", "soon", "-1", "1.5", "2026-03-15", "Mon"])("ignores %j", (value) => {
    expect(parseRetryAfter(value, nowMs)).toBeNull();
  });
});

describe("validateRetryPolicy", () => {
  it("accepts the defaults", () => {
    expect(validateRetryPolicy(RETRY_DEFAULTS, "retry_policy")).toEqual([]);
  });

  it("names each field that is out of range", () => {
    const policy: RetryPolicy = {
      maxAttempts: 11,
      retryOnStatuses: [500, 99],
      retryOnMismatch: false,
      backoff: { type: "list", initialMs: -1, factor: 0.5, maxMs: 1.5, jitter: true, listMs: [] },
      maxDurationSeconds: 0,
    };
    expect(validateRetryPolicy(policy, "retry_policy").map((issue) => issue.path)).toEqual([
      "retry_policy.max_attempts",
      "retry_policy.retry_on_statuses[1]",
      "retry_policy.backoff.initial_ms",
      "retry_policy.backoff.max_ms",
      "retry_policy.backoff.factor",
      "retry_policy.backoff.list_ms",
      "retry_policy.max_duration_seconds",
    ]);
  });

  it("refuses a list of waits beside another type", () => {
    const issues = validateRetryPolicy(policyWith({ listMs: [1] }), "retry_policy");
    expect(issues).toEqual([{ path: "retry_policy.backoff.list_ms", message: 'is only for type "list"' }]);
  });
});
