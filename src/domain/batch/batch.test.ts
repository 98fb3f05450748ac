import { describe, expect, it } from "vitest";
import type { BatchItem } from "./batch.ts";
import { batchStatus } from "./batch.ts";

const started = (index: number): BatchItem => ({
  index,
  task: "t",
  jobId: "job_1",
  executionId: `exe_${index}`,
  dueMs: 0,
  started: true,
});
const failed = (index: number): BatchItem => ({ index, task: "t", error: { code: "not_found", message: "No." } });

describe("batchStatus", () => {
  it.each([
    ["is pending until every item has arrived", [started(0)], 0, "PENDING"],
    ["is processing while an execution is live", [started(0), started(1)], 1, "PROCESSING"],
    ["is processing while one is live beside an error", [started(0), failed(1)], 1, "PROCESSING"],
    ["is completed when all have ended", [started(0), started(1)], 0, "COMPLETED"],
    ["is partly failed when an item started nothing", [started(0), failed(1)], 0, "PARTIAL_FAILED"],
  ] as const)("%s", (_, items, unfinished, status) => {
    expect(batchStatus({ items, runCount: 2 }, unfinished)).toBe(status);
  });
});
