import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { TokenBuckets } from "./tokenBuckets.ts";

const LIMIT = { requests: 3, perSeconds: 6 };
const NOW = 1_000_000;

function taken(buckets: TokenBuckets, key: string, nowMs: number, times: number): (number | null)[] {
  return Array.from({ length: times }, () => buckets.take(key, nowMs));
}

describe("TokenBuckets", () => {
  it("lets a burst through and then says when there is room again", () => {
    const buckets = new TokenBuckets(10, LIMIT);
    expect(taken(buckets, "a", NOW, 5)).toEqual([null, null, null, 2, 2]);
    expect(buckets.take("b", NOW)).toBeNull();
    expect(buckets.take("a", NOW + 1_999)).toBe(1);
    expect(taken(buckets, "a", NOW + 2_000, 2)).toEqual([null, 2]);
    expect(taken(buckets, "a", NOW + 3_600_000, 4)).toEqual([null, null, null, 2]);
  });

  it("takes a key's own limit over, with what was taken before", () => {
    const buckets = new TokenBuckets(10, LIMIT);
    buckets.take("a", NOW);
    buckets.setLimit("a", { requests: 2, perSeconds: 100 }, NOW);
    expect(taken(buckets, "a", NOW, 2)).toEqual([null, 50]);
    buckets.setLimit("a", { requests: 10, perSeconds: 100 }, NOW);
    expect(taken(buckets, "a", NOW, 9).filter((wait) => wait === null)).toHaveLength(8);
  });

  it("forgets the key that was used longest ago when there are too many", () => {
    const buckets = new TokenBuckets(2, { requests: 1, perSeconds: 1_000 });
    buckets.take("hammered", NOW);
    for (let other = 0; other < 100; other += 1) {
      buckets.take(String(other), NOW);
      expect(buckets.take("hammered", NOW)).not.toBeNull();
    }
    expect(buckets.take("0", NOW)).toBeNull();
  });

  it("never lets more through in any window than the limit and what filled again", () => {
    const gaps = fc.array(fc.integer({ min: -500, max: 3_000 }), { maxLength: 60 });
    fc.assert(
      fc.property(gaps, (steps) => {
        const buckets = new TokenBuckets(10, LIMIT);
        let nowMs = NOW;
        let latestMs = NOW;
        let through = 0;
        for (const step of steps) {
          nowMs += step;
          latestMs = Math.max(latestMs, nowMs);
          if (step >= 0 && buckets.take("a", nowMs) === null) through += 1;
        }
        const forward = steps.reduce((sum, step) => sum + Math.max(0, step), 0);
        expect(through).toBeLessThanOrEqual(LIMIT.requests + Math.floor((forward / 1_000) * 0.5) + 1);
      }),
    );
  });
});
