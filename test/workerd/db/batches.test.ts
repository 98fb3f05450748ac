import { env } from "cloudflare:workers";
import { describe, expect, it } from "vitest";
import type { BatchItem } from "../../../src/domain/batch/batch.ts";
import { aBatch, aJob, anExecution, aWorkspaceId, START_MS } from "./builders.ts";
import { failingD1, recordingD1, storageOn } from "./storage.ts";

const { batches, history, jobs } = storageOn(env.DB);

describe("batches", () => {
  it("come back as they were stored, in their workspace only", async () => {
    const items: BatchItem[] = [{ index: 3, task: "t", error: { code: "not_found", message: "No." } }];
    const batch = aBatch(aWorkspaceId(), { items });
    expect(await batches.insert(batch)).toEqual(batch);
    expect(await batches.find(batch.workspaceId, batch.id)).toEqual(batch);
    expect(await batches.find(aWorkspaceId(), batch.id)).toBeNull();
  });

  it("are one for each idempotency key of a workspace, however often and at once they are asked for", async () => {
    const workspaceId = aWorkspaceId();
    const wanted = Array.from({ length: 6 }, () => aBatch(workspaceId, { idempotencyKey: "k" }));
    const made = await Promise.all(wanted.map((batch) => batches.insert(batch)));
    expect(new Set(made.map(({ id }) => id)).size).toBe(1);
    expect((await batches.insert(aBatch(aWorkspaceId(), { idempotencyKey: "k" }))).id).not.toBe(made[0]?.id);
    const keyless = aBatch(workspaceId);
    expect((await batches.insert(keyless)).id).toBe(keyless.id);
  });

  it("are inserted once though a try is repeated", async () => {
    const batch = aBatch(aWorkspaceId(), { idempotencyKey: "k" });
    expect(await storageOn(failingD1("Network connection lost.", 2).db).batches.insert(batch)).toEqual(batch);
  });

  it("are replaced by whoever read them last", async () => {
    const batch = aBatch(aWorkspaceId());
    await batches.insert(batch);
    const items: BatchItem[] = [{ index: 0, task: "t", error: { code: "x", message: "y" } }];
    expect(await batches.replace({ ...batch, items, updatedAtMs: START_MS + 1 }, 1)).toBe(true);
    expect(await batches.replace({ ...batch, items: [] }, 1)).toBe(false);
    expect(await batches.find(batch.workspaceId, batch.id)).toEqual({
      ...batch,
      items,
      updatedAtMs: START_MS + 1,
      rev: 2,
    });
  });

  it("cost one row, and one for every change", async () => {
    const recording = recordingD1();
    const recorded = storageOn(recording.db).batches;
    const batch = aBatch(aWorkspaceId());
    await recorded.insert(batch);
    expect(recording.rowsWritten()).toBe(1);
    await recorded.replace(batch, 1);
    expect(recording.rowsWritten()).toBe(2);
  });

  it("know which of their executions have not ended: what is not recorded has not, what a deletion took has", async () => {
    const workspaceId = aWorkspaceId();
    const [job, gone] = [aJob({ workspaceId }), aJob({ workspaceId })] as const;
    for (const each of [job, gone]) await jobs.insert(each, null);
    const made = ["succeeded", "failed", "cancelled", "running", "queued", "waiting"].map((status, i) =>
      anExecution(job, { status: status as "failed", scheduledForMs: START_MS + i }),
    );
    await history.record(made.map((execution) => ({ execution, completesJob: false })));
    const unrecorded = [anExecution(job, { scheduledForMs: START_MS + 9 }), anExecution(gone)];
    const items = [...made, ...unrecorded].map(({ id: executionId, jobId }, index) => ({
      index,
      task: "t",
      jobId,
      executionId,
      dueMs: START_MS,
      started: true,
    }));
    const failed = { index: 20, task: "t", error: { code: "not_found", message: "No." } };
    const batch = aBatch(workspaceId, { items: [...items, failed] });
    expect(await batches.countUnfinished(batch)).toBe(5);
    await jobs.markDeleted(workspaceId, gone.id, START_MS);
    expect(await batches.countUnfinished(batch)).toBe(4);
  });

  it("are removed with age", async () => {
    const workspaceId = aWorkspaceId();
    const [old, young] = [START_MS - 1_000, START_MS].map((createdAtMs) => aBatch(workspaceId, { createdAtMs })) as [
      ReturnType<typeof aBatch>,
      ReturnType<typeof aBatch>,
    ];
    for (const batch of [old, young]) await batches.insert(batch);
    expect(await batches.prune(START_MS, 10)).toBe(1);
    expect(await batches.find(workspaceId, old.id)).toBeNull();
    expect(await batches.find(workspaceId, young.id)).not.toBeNull();
  });
});
