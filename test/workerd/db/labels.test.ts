import { env } from "cloudflare:workers";
import { describe, expect, it } from "vitest";
import type { Execution } from "../../../src/domain/execution/execution.ts";
import type { Labels } from "../../../src/domain/execution/labels.ts";
import type { Job } from "../../../src/domain/job/job.ts";
import { aJob, anExecution, aWorkspaceId, START_MS } from "./builders.ts";
import { recordingD1, storageOn } from "./storage.ts";

const { executions, history, jobs, labels } = storageOn(env.DB);
const LABELS: Labels = { tags: ["a", "b"], metadata: { n: 1 }, updatedAtMs: START_MS };

async function aStoredJob(): Promise<Job> {
  const job = aJob({ workspaceId: aWorkspaceId() });
  await jobs.insert(job, null);
  return job;
}

function ownerOf({ id: executionId, jobId }: Pick<Execution, "id" | "jobId">) {
  return { executionId, jobId };
}

async function taggedWith(workspaceId: string, tag: string): Promise<unknown[]> {
  const select = "SELECT execution_id FROM execution_tags WHERE workspace_id = ? AND tag = ?";
  const { results } = await env.DB.prepare(select).bind(workspaceId, tag).all<{ execution_id: string }>();
  return results.map((row) => row.execution_id);
}

async function leftOf(jobId: string): Promise<number> {
  const { results } = await env.DB.prepare(
    "SELECT execution_id FROM execution_labels WHERE job_id = ?1 UNION ALL SELECT execution_id FROM execution_tags WHERE substr(execution_id, 15, 16) = substr(?1, 15, 16)",
  )
    .bind(jobId)
    .all();
  return results.length;
}

describe("labels", () => {
  it("are found by their executions, and only in their workspace", async () => {
    const job = await aStoredJob();
    const [first, second, third] = [1, 2, 3].map((i) => anExecution(job, { scheduledForMs: START_MS + i })) as [
      Execution,
      Execution,
      Execution,
    ];
    await labels.insert(job.workspaceId, [
      { owner: ownerOf(first), labels: LABELS },
      { owner: ownerOf(second), labels: { tags: [], metadata: { dé: [null] }, updatedAtMs: START_MS + 1 } },
    ]);
    const ids = [first.id, second.id, third.id];
    expect(await labels.find(job.workspaceId, ids)).toEqual(
      new Map([
        [first.id, { ...LABELS, rev: 1 }],
        [second.id, { tags: [], metadata: { dé: [null] }, updatedAtMs: START_MS + 1, rev: 1 }],
      ]),
    );
    expect(await labels.find(aWorkspaceId(), ids)).toEqual(new Map());
    expect(await taggedWith(job.workspaceId, "b")).toEqual([first.id]);
  });

  it("that are there already stay when they are written once more", async () => {
    const job = await aStoredJob();
    const owner = ownerOf(anExecution(job));
    await labels.insert(job.workspaceId, [{ owner, labels: LABELS }]);
    await labels.insert(job.workspaceId, [{ owner, labels: { ...LABELS, tags: ["c"], metadata: null } }]);
    expect((await labels.find(job.workspaceId, [owner.executionId])).get(owner.executionId)).toEqual({
      ...LABELS,
      rev: 1,
    });
    expect(await taggedWith(job.workspaceId, "c")).toEqual([]);
  });

  it("are replaced by whoever read them last, and by nobody else", async () => {
    const job = await aStoredJob();
    const { workspaceId } = job;
    const owner = ownerOf(anExecution(job));
    expect(await labels.replace(workspaceId, owner, LABELS, null)).toBe(true);
    expect(await labels.replace(workspaceId, owner, { ...LABELS, tags: ["late"] }, null)).toBe(false);
    expect(await labels.replace(workspaceId, owner, { ...LABELS, tags: ["a", "b", "c"] }, 1)).toBe(true);
    expect(await labels.replace(workspaceId, owner, { ...LABELS, tags: ["late"] }, 1)).toBe(false);
    const stored = (await labels.find(workspaceId, [owner.executionId])).get(owner.executionId);
    expect(stored).toMatchObject({ tags: ["a", "b", "c"], rev: 2 });
    expect(await taggedWith(workspaceId, "c")).toEqual([owner.executionId]);
    expect(await taggedWith(workspaceId, "late")).toEqual([]);
  });

  it("fit many and large ones into statements that D1 takes", async () => {
    const job = await aStoredJob();
    const metadata = { text: "x".repeat(200_000) };
    const entries = Array.from({ length: 25 }, (_, i) => ({
      owner: ownerOf(anExecution(job, { scheduledForMs: START_MS + i })),
      labels: { tags: ["many"], metadata: i % 5 === 0 ? metadata : { i }, updatedAtMs: START_MS },
    }));
    const recording = recordingD1();
    await storageOn(recording.db).labels.insert(job.workspaceId, entries);
    for (const { params } of recording.statements) expect(String(params[0]).length).toBeLessThan(1_000_000);
    expect(await taggedWith(job.workspaceId, "many")).toHaveLength(25);
    const found = await labels.find(
      job.workspaceId,
      entries.map(({ owner }) => owner.executionId),
    );
    expect(entries.map(({ owner }) => found.get(owner.executionId)?.metadata)).toEqual(
      entries.map((entry) => entry.labels.metadata),
    );
  });

  it("cost two rows, and one more for each tag", async () => {
    const job = await aStoredJob();
    const recording = recordingD1();
    const owner = ownerOf(anExecution(job));
    await storageOn(recording.db).labels.insert(job.workspaceId, [{ owner, labels: LABELS }]);
    expect(recording.rowsWritten()).toBe(4);
  });

  it("are not taken for a job that is deleted", async () => {
    const job = await aStoredJob();
    const owner = ownerOf(anExecution(job));
    await jobs.markDeleted(job.workspaceId, job.id, START_MS);
    await labels.insert(job.workspaceId, [{ owner, labels: LABELS }]);
    expect(await labels.replace(job.workspaceId, owner, LABELS, null)).toBe(false);
    expect(await leftOf(job.id)).toBe(0);
  });
});

describe("labels of what is gone", () => {
  it("go with a deleted job, a piece at a time, also those of what was never recorded", async () => {
    const job = await aStoredJob();
    const other = await aStoredJob();
    for (const each of [job, other]) {
      const made = Array.from({ length: 5 }, (_, i) => anExecution(each, { scheduledForMs: START_MS + i }));
      await history.record(made.slice(0, 3).map((execution) => ({ execution, completesJob: false })));
      await labels.insert(
        each.workspaceId,
        made.map((execution) => ({ owner: ownerOf(execution), labels: LABELS })),
      );
    }
    expect(await leftOf(job.id)).toBe(15);
    await jobs.purge(job.id, 10);
    expect(await leftOf(job.id)).toBe(15);
    await jobs.markDeleted(job.workspaceId, job.id, START_MS);
    expect(await jobs.purge(job.id, 2)).toBe(false);
    expect(await leftOf(job.id)).toBe(9);
    expect(await jobs.purge(job.id, 100)).toBe(true);
    expect(await leftOf(job.id)).toBe(0);
    expect(await leftOf(other.id)).toBe(15);
  });

  it("go with old executions, and stay with those that have not ended", async () => {
    const job = await aStoredJob();
    const day = 86_400_000;
    const old = START_MS - 40 * day;
    const [ended, live, recent] = [
      anExecution(job, { scheduledForMs: old }),
      anExecution(job, { scheduledForMs: old + 1, status: "waiting", finishedAtMs: null }),
      anExecution(job, { scheduledForMs: START_MS }),
    ] as [Execution, Execution, Execution];
    const neverStarted = anExecution(job, { scheduledForMs: old + 2 });
    const all = [ended, live, recent];
    await history.record(all.map((execution) => ({ execution, completesJob: false })));
    await labels.insert(
      job.workspaceId,
      [...all, neverStarted].map((execution) => ({ owner: ownerOf(execution), labels: LABELS })),
    );
    await executions.prune(START_MS - 30 * day, 100);
    const left = await labels.find(
      job.workspaceId,
      [...all, neverStarted].map(({ id }) => id),
    );
    expect([...left.keys()].toSorted()).toEqual([live.id, recent.id].toSorted());
    expect((await taggedWith(job.workspaceId, "a")).toSorted()).toEqual([live.id, recent.id].toSorted());
  });
});
