/** Lists of executions by what the other API faces ask for, against a filter that looks at every execution. */

import { env } from "cloudflare:workers";
import { beforeAll, describe, expect, it } from "vitest";
import type { ExecutionQuery, ExecutionSummary, Page } from "../../../src/app/ports.ts";
import type { Batch } from "../../../src/domain/batch/batch.ts";
import { encodeCursor } from "../../../src/domain/cursor.ts";
import type { Execution } from "../../../src/domain/execution/execution.ts";
import type { StatusFilter } from "../../../src/domain/execution/statusFilter.ts";
import { narrowStatus } from "../../../src/domain/execution/statusFilter.ts";
import type { Job } from "../../../src/domain/job/job.ts";
import { aBatch, aBulkAction, aJob, anExecution, aWorkspaceId, START_MS } from "./builders.ts";
import { storageOn } from "./storage.ts";

const storage = storageOn(env.DB);
const MINUTE_MS = 60_000;
const COUNT = 120;
/** Some of the executions are due after it. */
const NOW_MS = START_MS + 30 * MINUTE_MS;

type Changes = Partial<Omit<ExecutionQuery, "page">> & Partial<ExecutionQuery["page"]>;

function aQuery({ limit = 50, offset = 0, cursor = null, before, ...changes }: Changes = {}): ExecutionQuery {
  return {
    jobId: null,
    status: null,
    source: null,
    fromMs: null,
    toMs: null,
    jobName: null,
    sort: "scheduled_for",
    order: "desc",
    page: { limit, offset, cursor, ...(before === undefined ? {} : { before }) },
    ...changes,
  };
}

async function list(changes: Changes = {}, workspace = workspaceId): Promise<Page<ExecutionSummary>> {
  const page = await storage.executions.list(workspace, aQuery(changes), NOW_MS);
  if (page === "bad_cursor") throw new Error("The cursor was refused.");
  return page;
}

const idsOf = (page: Page<ExecutionSummary>) => page.items.map(({ id }) => id);
const placeOf = (execution: Pick<Execution, "id" | "createdAtMs"> | undefined, sort: ExecutionQuery["sort"]) =>
  encodeCursor({ id: execution?.id ?? "", timeMs: sort === "created_at" ? (execution?.createdAtMs ?? 0) : null });

const workspaceId = aWorkspaceId();
const jobs = ["one", "two", "three", "gone"].map((name) => aJob({ workspaceId, name }));
const statuses = ["succeeded", "failed", "queued", "cancelled", "running", "waiting", "failed", "cancelled"] as const;
const codes: Readonly<Record<string, readonly (string | null)[]>> = {
  failed: ["timeout", "http_status", "approval_timeout", "network"],
  cancelled: ["expired", "cancelled", "backlog_full"],
};
const sources = ["schedule", "api", "replay"] as const;

const executions = Array.from({ length: COUNT }, (_, i): Execution => {
  const status = statuses[i % statuses.length] as Execution["status"];
  const known = codes[status];
  const code = known === undefined ? null : (known[Math.floor(i / 3) % known.length] ?? null);
  return anExecution(jobs[i % jobs.length] as Job, {
    status,
    source: sources[i % sources.length] as Execution["source"],
    scheduledForMs: START_MS + Math.floor(i / 4) * 2 * MINUTE_MS,
    createdAtMs: START_MS + ((i * 37) % 20) * 1_000,
    startedAtMs: status === "queued" ? null : START_MS,
    jobVersion: (i % 3) + 1,
    error: code === null ? null : { code, message: "Why." },
  });
});
const tagsOf = (i: number) => [...(i % 2 === 0 ? ["even"] : []), ...(i % 5 === 0 ? ["fifth"] : []), `n${i}`];
const inBatch = (i: number) => i % 7 === 0;
const inBulk = (i: number) => i % 6 === 0;
const visible = executions.filter(({ jobId }) => jobId !== jobs[3]?.id);

let batch: Batch;
const bulk = aBulkAction(workspaceId);

beforeAll(async () => {
  for (const job of jobs) await storage.jobs.insert(job, null);
  await storage.history.record(executions.map((execution) => ({ execution, completesJob: false })));
  await storage.labels.insert(
    workspaceId,
    executions.map(({ id: executionId, jobId }, i) => ({
      owner: { executionId, jobId },
      labels: { tags: tagsOf(i), metadata: null, updatedAtMs: START_MS },
    })),
  );
  const items = executions.flatMap(({ id: executionId, jobId }, index) =>
    inBatch(index) ? [{ index, task: "t", jobId, executionId, dueMs: START_MS, started: true }] : [],
  );
  batch = aBatch(workspaceId, {
    items: [...items, { index: 999, task: "t", error: { code: "not_found", message: "No." } }],
  });
  await storage.batches.insert(batch);
  await storage.bulkActions.insert(bulk);
  const claimed = await storage.bulkActions.claim(bulk.id, START_MS, START_MS + 1);
  await storage.bulkActions.advance(bulk.id, claimed?.progress.rev ?? 0, {
    position: null,
    success: 0,
    failure: 0,
    executionIds: executions.filter((_, i) => inBulk(i)).map(({ id }) => id),
    isLast: true,
    nowMs: START_MS,
  });
  await storage.jobs.markDeleted(workspaceId, (jobs[3] as Job).id, START_MS);
});

/** What a list should hold, worked out the slow way. */
function expected(query: ExecutionQuery): Execution[] {
  const by = query.sort === "created_at" ? "createdAtMs" : "scheduledForMs";
  const direction = query.order === "desc" ? -1 : 1;
  const fits = (execution: Execution): boolean => {
    const i = executions.indexOf(execution);
    const narrow = new Set<StatusFilter>([execution.status, narrowStatus(execution, NOW_MS)]);
    return (
      (query.jobId === null || execution.jobId === query.jobId) &&
      (query.status === null || execution.status === query.status) &&
      (query.fromMs === null || execution.scheduledForMs >= query.fromMs) &&
      (query.toMs === null || execution.scheduledForMs < query.toMs) &&
      (query.jobIds?.includes(execution.jobId) ?? true) &&
      (query.statuses?.some((status) => narrow.has(status)) ?? true) &&
      (query.sources?.includes(execution.source) ?? true) &&
      (query.tags?.some((tag) => tagsOf(i).includes(tag)) ?? true) &&
      (query.batchId === undefined || (query.batchId === batch.id && inBatch(i))) &&
      (query.bulkActionId === undefined || inBulk(i)) &&
      (query.jobVersion === undefined || execution.jobVersion === query.jobVersion) &&
      (query.createdFromMs === undefined || execution.createdAtMs >= query.createdFromMs) &&
      (query.createdToMs === undefined || execution.createdAtMs < query.createdToMs)
    );
  };
  return visible.filter(fits).toSorted((a, b) => direction * (a[by] - b[by] || (a.id < b.id ? -1 : 1)));
}

const some = jobs.map(({ id }) => id);
const narrowings: (() => Changes)[] = [
  () => ({}),
  () => ({ statuses: ["failed", "cancelled"] }),
  () => ({ statuses: ["timed_out"] }),
  () => ({ statuses: ["failed_only", "expired"] }),
  () => ({ statuses: ["delayed"] }),
  () => ({ statuses: ["queued_only", "running", "waiting", "cancelled_only", "timed_out"] }),
  () => ({ statuses: ["succeeded", "delayed", "timed_out"] }),
  () => ({ statuses: ["failed", "timed_out"] }),
  () => ({ statuses: ["timed_out", "expired"], status: "failed" }),
  () => ({ statuses: ["timed_out"], status: "cancelled" }),
  () => ({ statuses: [] }),
  () => ({ sources: ["api", "replay"] }),
  () => ({ jobIds: [some[0] ?? "", some[2] ?? "", some[3] ?? "", aJob().id] }),
  () => ({ jobIds: [some[1] ?? ""] }),
  () => ({ jobIds: [some[3] ?? ""] }),
  () => ({ jobIds: [] }),
  () => ({ jobIds: [some[0] ?? "", some[1] ?? ""], jobId: some[1] ?? "" }),
  () => ({ jobIds: [some[0] ?? "", some[1] ?? ""], statuses: ["timed_out", "succeeded"] }),
  () => ({ tags: ["even"] }),
  () => ({ tags: ["even", "fifth"] }),
  () => ({ tags: ["even", "fifth", "n1", "n3", "even"] }),
  () => ({ tags: ["even", "fifth", "n1", "n3", "n7", "n9"] }),
  () => ({ tags: ["n9", "fifth", "even"], statuses: ["timed_out", "queued_only"], jobVersion: 1 }),
  () => ({ tags: Array.from({ length: 25 }, (_, i) => `n${i * 2}`) }),
  () => ({ tags: Array.from({ length: 40 }, (_, i) => `n${i * 2}`) }),
  () => ({ tags: ["nobody's"] }),
  () => ({ tags: [] }),
  () => ({ tags: ["fifth"], statuses: ["failed"], jobIds: [some[0] ?? "", some[1] ?? ""] }),
  () => ({ batchId: batch.id }),
  () => ({ batchId: batch.id, tags: ["even"] }),
  () => ({ batchId: "batch_none" }),
  () => ({ bulkActionId: bulk.id }),
  () => ({ bulkActionId: bulk.id, tags: ["fifth", "n6"], statuses: ["timed_out", "queued"] }),
  () => ({ bulkActionId: bulk.id, batchId: batch.id }),
  () => ({ jobVersion: 2 }),
  () => ({ jobVersion: 2, jobId: some[1] ?? "", statuses: ["failed_only", "succeeded"] }),
  () => ({ createdFromMs: START_MS + 3_000, createdToMs: START_MS + 9_000 }),
  () => ({ createdToMs: START_MS + 9_000, statuses: ["failed", "queued"], fromMs: START_MS + 10 * MINUTE_MS }),
];
const orders: Changes[] = [{}, { order: "asc" }, { sort: "created_at" }, { sort: "created_at", order: "asc" }];
const cases = narrowings.flatMap((narrowing, at) => orders.map((order) => [at, order, narrowing] as const));

describe("list by more", () => {
  it.each(cases)("answers narrowing %i in order %j as a plain filter would, in both directions", async (...given) => {
    const [, order, narrowing] = given;
    const changes = { ...narrowing(), ...order };
    const query = aQuery(changes);
    const all = expected(query).map(({ id }) => id);
    expect(await storage.executions.count(workspaceId, query, NOW_MS)).toBe(all.length);

    const forward: string[] = [];
    let cursor: string | null = null;
    do {
      const page: Page<ExecutionSummary> = await list({ ...changes, limit: 7, cursor });
      forward.push(...idsOf(page));
      expect(page.hasMore).toBe(page.nextCursor !== null);
      cursor = page.nextCursor;
    } while (cursor !== null);
    expect(forward).toEqual(all);
    expect(idsOf(await list({ ...changes, limit: 4, offset: 3 }))).toEqual(all.slice(3, 7));

    const backward: string[] = [];
    let from = expected(query).at(-1);
    while (from !== undefined) {
      const before = placeOf(from, query.sort);
      const page = await list({ ...changes, limit: 7, before });
      backward.unshift(...idsOf(page));
      expect(page.hasMore).toBe(backward.length < all.length - 1);
      from = page.hasMore ? executions.find(({ id }) => id === page.items[0]?.id) : undefined;
    }
    expect(backward).toEqual(all.slice(0, -1));
  });

  it("shows nothing of another workspace", async () => {
    const stranger = aWorkspaceId();
    for (const narrowing of narrowings) {
      expect(idsOf(await list(narrowing(), stranger))).toEqual([]);
      expect(await storage.executions.count(stranger, aQuery(narrowing()), NOW_MS)).toBe(0);
    }
  });

  it("leads from a page before to the page after it, and back", async () => {
    const first = await list({ limit: 5 });
    const second = await list({ limit: 5, cursor: first.nextCursor });
    const back = await list({ limit: 5, before: placeOf(second.items[0], "scheduled_for") });
    expect(idsOf(back)).toEqual(idsOf(first));
    expect(back.hasMore).toBe(false);
    expect(idsOf(await list({ limit: 5, cursor: back.nextCursor }))).toEqual(idsOf(second));
    const none = await list({ limit: 5, before: placeOf(first.items[0], "scheduled_for") });
    expect(none).toEqual({ items: [], hasMore: false, nextCursor: null });
  });

  it("neither skips nor repeats while executions arrive, in both directions", async () => {
    const own = aWorkspaceId();
    const job = aJob({ workspaceId: own });
    await storage.jobs.insert(job, null);
    const arrive = async (at: number) => {
      const execution = anExecution(job, { source: "api", scheduledForMs: at });
      await storage.history.record([{ execution, completesJob: false }]);
      return execution.id;
    };
    const there: string[] = [];
    for (let i = 0; i < 20; i++) there.push(await arrive(START_MS + i * MINUTE_MS));
    const newestFirst = there.toReversed();
    const page = async (changes: Changes) => idsOf(await list({ limit: 6, ...changes }, own));
    const seen = await page({});
    while (seen.length < there.length) {
      await arrive(START_MS + (100 + seen.length) * MINUTE_MS);
      seen.push(...(await page({ cursor: encodeCursor({ id: seen.at(-1) ?? "", timeMs: null }) })));
    }
    expect(seen).toEqual(newestFirst);
    const later = await arrive(START_MS + 500 * MINUTE_MS);
    const back = await page({ before: encodeCursor({ id: seen.at(-1) ?? "", timeMs: null }) });
    expect(back).toEqual(newestFirst.slice(-7, -1));
    expect((await page({}))[0]).toBe(later);
  });

  it.each(["scheduled_for", "created_at"] as const)("refuses a place before which is none, by %s", async (sort) => {
    for (const before of [
      "",
      "nonsense",
      placeOf(executions[0], sort === "created_at" ? "scheduled_for" : "created_at"),
    ]) {
      expect(await storage.executions.list(workspaceId, aQuery({ sort, before }), NOW_MS)).toBe("bad_cursor");
    }
  });
});

describe("summaries", () => {
  it("are of the workspace's executions that the history has, and not of a deleted job's", async () => {
    const ids = [...executions.slice(0, 4).map(({ id }) => id), "exe_none"];
    const known = await storage.executions.summaries(workspaceId, ids);
    expect([...known.keys()].toSorted()).toEqual(ids.slice(0, 3).toSorted());
    expect(known.get(ids[1] ?? "")).toMatchObject({ status: "failed", error: { code: "timeout" } });
    expect(await storage.executions.summaries(aWorkspaceId(), ids)).toEqual(new Map());
  });
});
