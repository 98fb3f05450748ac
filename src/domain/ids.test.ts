import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  batchExecutionId,
  bulkReplayId,
  executionIdFloor,
  isExecutionId,
  isJobId,
  isShared,
  jobKey,
  newId,
  newSharedJobId,
  objectOf,
  OBJECTS_PER_SET,
  requestedExecutionId,
  scheduledExecutionId,
  setOfHour,
  setOfMinute,
  timeOf,
} from "./ids.ts";

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

describe("the object of a job", () => {
  const HOUR = 3_600_000;
  const anyTime = fc.integer({ min: 0, max: Date.UTC(2200, 0, 1) });

  it("has the job's key for its name, unless jobs share it", () => {
    expect(isShared(jobKey(job))).toBe(false);
    expect(objectOf(jobKey(job))).toBe(jobKey(job));
  });

  it("is named by the ids of the job and of all its executions, which are ids like any other", () => {
    fc.assert(
      fc.property(anyTime, anyTime, fc.constantFrom(setOfHour, setOfMinute), (createdMs, dueMs, setOf) => {
        const id = newSharedJobId(createdMs, setOf(dueMs), Math.random);
        expect(isJobId(id)).toBe(true);
        expect(timeOf(id)).toBe(createdMs);
        expect(isShared(jobKey(id))).toBe(true);
        for (const execution of [scheduledExecutionId(id, dueMs), requestedExecutionId(id, createdMs, Math.random)]) {
          expect(isExecutionId(execution)).toBe(true);
          expect(jobKey(execution)).toBe(jobKey(id));
        }
      }),
    );
  });

  it("is one of a bounded number in a set, and in no other set", () => {
    const objectsOf = (set: number) =>
      new Set(Array.from({ length: 5_000 }, () => objectOf(jobKey(newSharedJobId(NOW, set, Math.random)))));
    const objects = objectsOf(7);
    expect(objects.size).toBeLessThanOrEqual(OBJECTS_PER_SET);
    expect(objects.size).toBeGreaterThan(OBJECTS_PER_SET / 2);
    expect([...objectsOf(8)].filter((name) => objects.has(name))).toEqual([]);
  });

  it("is of a set for each hour, or of one for each minute of all hours", () => {
    expect(setOfHour(NOW + HOUR - 1)).toBe(setOfHour(NOW));
    expect(setOfHour(NOW + HOUR)).toBe(setOfHour(NOW) + 1);
    fc.assert(
      fc.property(anyTime, fc.nat(100_000), (dueMs, hours) => {
        expect(setOfMinute(dueMs + hours * HOUR)).toBe(new Date(dueMs).getUTCMinutes());
      }),
    );
  });

  it("of jobs that repeat is never one of jobs that fire once", () => {
    const minutes = new Set(Array.from({ length: 60 }, (_, minute) => setOfMinute(NOW + minute * 60_000)));
    expect(minutes.size).toBe(60);
    expect(Math.max(...minutes)).toBeLessThan(setOfHour(Date.UTC(2000, 0, 1)));
  });
});
