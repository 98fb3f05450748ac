import { describe, expect, it } from "vitest";
import { batchExecutionId, bulkReplayId, executionIdFloor, isExecutionId, jobKey, newId } from "./ids.ts";

const NOW = Date.UTC(2030, 0, 1);
const job = newId("job", NOW, () => 0.25);

describe("batchExecutionId", () => {
  const batch = newId("batch", NOW, () => 0.75);

  it("differs for every item of a batch, also of one job and one due time", () => {
    const ids = Array.from({ length: 1_000 }, (_, index) => batchExecutionId(job, NOW, batch, index));
    expect(new Set(ids).size).toBe(1_000);
    expect(ids.every(isExecutionId)).toBe(true);
    expect(ids.every((id) => jobKey(id) === jobKey(job) && id.startsWith(executionIdFloor(NOW)))).toBe(true);
  });

  it("is the same whenever it is asked for, and another one in another batch", () => {
    const other = newId("batch", NOW, () => 0.5);
    expect(batchExecutionId(job, NOW, batch, 7)).toBe(batchExecutionId(job, NOW, batch, 7));
    expect(batchExecutionId(job, NOW, other, 7)).not.toBe(batchExecutionId(job, NOW, batch, 7));
  });
});

describe("bulkReplayId", () => {
  const bulk = newId("bulk", NOW, () => 0.75);
  const originals = Array.from({ length: 20_000 }, (_, index) => batchExecutionId(job, NOW - index * 60_000, "b", 1));

  it("differs for every original, also for twenty thousand of one job", () => {
    const ids = originals.map((id) => bulkReplayId(id, bulk, NOW));
    expect(new Set(ids).size).toBe(originals.length);
    expect(ids.every(isExecutionId)).toBe(true);
    // Never due later than the action was created: a replay that is to run now is not delayed.
    expect(ids.every((id) => id < executionIdFloor(NOW + 1) && id > executionIdFloor(NOW - 5_000))).toBe(true);
  });

  it("is another one for another action", () => {
    const [original = ""] = originals;
    expect(bulkReplayId(original, bulk, NOW)).toBe(bulkReplayId(original, bulk, NOW));
    expect(
      bulkReplayId(
        original,
        newId("bulk", NOW, () => 0.5),
        NOW,
      ),
    ).not.toBe(bulkReplayId(original, bulk, NOW));
  });
});
