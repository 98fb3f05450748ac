import { env } from "cloudflare:workers";
import { beforeAll, describe, expect, it } from "vitest";
import type { ExecutionQuery, ExecutionSummary, Page } from "../../../src/app/ports.ts";
import type { Execution } from "../../../src/domain/execution/execution.ts";
import { encodeCursor } from "../../../src/domain/cursor.ts";
import { StorageUnavailable } from "../../../src/db/errors.ts";
import type { Job } from "../../../src/domain/job/job.ts";
import { aJob, anExecution, aStepRecord, aWorkflow, aWorkspaceId, START_MS } from "./builders.ts";
import { failingD1, storageOn } from "./storage.ts";

const storage = storageOn(env.DB);
const MINUTE_MS = 60_000;

type Changes = Partial<Omit<ExecutionQuery, "page">> & Partial<ExecutionQuery["page"]>;

function aQuery({ limit = 50, offset = 0, cursor = null, ...changes }: Changes = {}): ExecutionQuery {
  return {
    jobId: null,
    status: null,
    source: null,
    fromMs: null,
    toMs: null,
    jobName: null,
    sort: "scheduled_for",
    order: "desc",
    page: { limit, offset, cursor },
    ...changes,
  };
}

async function list(workspaceId: string, changes: Changes = {}): Promise<Page<ExecutionSummary>> {
  const page = await storage.executions.list(workspaceId, aQuery(changes), START_MS);
  if (page === "bad_cursor") throw new Error("The cursor was refused.");
  return page;
}

async function walk(workspaceId: string, changes: Changes, between = async () => {}): Promise<string[]> {
  const ids: string[] = [];
  let cursor: string | null = null;
  do {
    const page: Page<ExecutionSummary> = await list(workspaceId, { ...changes, cursor });
    ids.push(...page.items.map(({ id }) => id));
    expect(page.hasMore).toBe(page.nextCursor !== null);
    cursor = page.nextCursor;
    await between();
  } while (cursor !== null);
  return ids;
}

async function store(jobs: readonly Job[], executions: readonly Execution[]): Promise<void> {
  for (const job of jobs) await storage.jobs.insert(job, null);
  const recorded = await storage.history.record(executions.map((execution) => ({ execution, completesJob: false })));
  if (!recorded) throw new Error("The history did not take the test's data.");
}

/** What a list should hold, worked out the slow way. */
function expected(executions: readonly Execution[], jobs: readonly Job[], query: ExecutionQuery): string[] {
  const nameOf = new Map(jobs.map((job) => [job.id, job.name.toLowerCase()]));
  const by = query.sort === "created_at" ? "createdAtMs" : "scheduledForMs";
  const direction = query.order === "desc" ? -1 : 1;
  return executions
    .filter(
      (each) =>
        (query.jobId === null || each.jobId === query.jobId) &&
        (query.status === null || each.status === query.status) &&
        (query.source === null || each.source === query.source) &&
        (query.fromMs === null || each.scheduledForMs >= query.fromMs) &&
        (query.toMs === null || each.scheduledForMs < query.toMs) &&
        (query.jobName === null || nameOf.get(each.jobId)?.includes(query.jobName.toLowerCase())),
    )
    .toSorted((a, b) => direction * (a[by] - b[by] || (a.id < b.id ? -1 : 1)))
    .map(({ id }) => id);
}

describe("list", () => {
  const workspaceId = aWorkspaceId();
  const jobs = ["Nightly report", "Hourly report", "Überwachung 100%_'"].map((name) => aJob({ workspaceId, name }));
  const statuses = ["succeeded", "failed", "succeeded", "cancelled", "running", "queued", "waiting"] as const;
  const sources = ["schedule", "manual", "schedule", "replay", "webhook"] as const;
  const executions = Array.from({ length: 105 }, (_, i) =>
    // Every job at each of 35 due times; created in another order than due, and often at the same moment.
    anExecution(jobs[i % 3] as Job, {
      status: statuses[i % statuses.length] as Execution["status"],
      source: sources[i % sources.length] as Execution["source"],
      scheduledForMs: START_MS + Math.floor(i / 3) * MINUTE_MS,
      createdAtMs: START_MS + ((i * 37) % 20) * 1_000,
    }),
  );

  beforeAll(async () => {
    await store(jobs, executions);
    const stranger = aJob({ workspaceId: aWorkspaceId() });
    await store([stranger], [anExecution(stranger, { scheduledForMs: START_MS + 5 * MINUTE_MS })]);
  });

  const jobFilters: Changes[] = [
    {},
    { jobId: (jobs[0] as Job).id },
    { jobName: "REPORT" },
    { jobName: "üBERW" },
    { jobName: "100%_'" },
    { jobName: "nothing like it" },
    { jobName: "hourly", jobId: (jobs[1] as Job).id },
    { jobName: "hourly", jobId: (jobs[0] as Job).id },
  ];
  const otherFilters: Changes[] = [
    {},
    { status: "succeeded" },
    { status: "failed" },
    { source: "manual" },
    { status: "failed", source: "manual" },
    { fromMs: START_MS + 5 * MINUTE_MS, toMs: START_MS + 20 * MINUTE_MS },
    { fromMs: START_MS + 5 * MINUTE_MS, status: "running", source: "webhook" },
    { toMs: START_MS },
  ];
  const orders: Changes[] = [{}, { order: "asc" }, { sort: "created_at" }, { sort: "created_at", order: "asc" }];
  const combinations = jobFilters.flatMap((a) =>
    otherFilters.flatMap((b) => orders.map((c) => ({ ...a, ...b, ...c }))),
  );

  it.each(combinations)("answers %j as a plain filter would, page by page and by offset", async (changes) => {
    const all = expected(executions, jobs, aQuery(changes));
    expect(await walk(workspaceId, { ...changes, limit: 7 })).toEqual(all);
    const { items, hasMore } = await list(workspaceId, { ...changes, limit: 5, offset: 3 });
    expect(items.map(({ id }) => id)).toEqual(all.slice(3, 8));
    expect(hasMore).toBe(all.length > 8);
  });

  it("answers the same when a name fits more jobs than can be merged", async () => {
    const crowded = aWorkspaceId();
    const many = Array.from({ length: 1_002 }, (_, i) => aJob({ workspaceId: crowded, name: `crowd ${i}` }));
    const one = aJob({ workspaceId: crowded, name: "alone" });
    const rows = [one, ...many];
    const insert = env.DB.prepare(
      `INSERT INTO jobs (id, workspace_id, name, name_folded, kind, state, created_at, updated_at, version,
        applied_version, schedule_from, definition) VALUES (?, ?, ?, ?, 'recurring', 'active', 0, 0, 1, 1, 0, '{}')`,
    );
    await env.DB.batch(rows.map((job) => insert.bind(job.id, crowded, job.name, job.name)));
    const made = rows
      .slice(0, 60)
      .map((job, i) =>
        anExecution(job, { scheduledForMs: START_MS + i, status: i % 2 === 0 ? "succeeded" : "failed" }),
      );
    await store([], made);
    for (const changes of [{ jobName: "CROWD" }, { jobName: "crowd", status: "failed" } as const]) {
      const all = expected(made, rows, aQuery(changes));
      expect(all.length).toBeGreaterThan(0);
      expect(await walk(crowded, { ...changes, limit: 9 })).toEqual(all);
      expect((await list(crowded, { ...changes, offset: 1_001 })).items).toEqual([]);
    }
  });

  it("shows everything of an execution but attempts and output", async () => {
    const [item] = (await list(workspaceId, { limit: 1 })).items;
    const {
      attempts,
      output: _,
      parent: _parent,
      workflow: _workflow,
      start: _start,
      ...shared
    } = executions.find(({ id }) => id === item?.id) as Execution;
    expect(item).toEqual({ ...shared, attemptCount: attempts.length, lastStatusCode: 200 });
  });

  it("shows nothing of another workspace, whatever is asked for", async () => {
    const stranger = aWorkspaceId();
    const job = jobs[0] as Job;
    for (const changes of [{}, { jobId: job.id }, { jobName: "report" }, { status: "failed" } as const]) {
      expect((await list(stranger, changes)).items).toEqual([]);
    }
    expect(await storage.executions.find(stranger, (executions[0] as Execution).id)).toBeNull();
  });

  it.each(["scheduled_for", "created_at"] as const)(
    "refuses a cursor that is not one of a list by %s",
    async (sort) => {
      const other = sort === "created_at" ? "scheduled_for" : "created_at";
      const { nextCursor } = await list(workspaceId, { sort: other, limit: 1 });
      for (const cursor of ["", "nonsense", nextCursor]) {
        expect(await storage.executions.list(workspaceId, aQuery({ sort, cursor }), START_MS)).toBe("bad_cursor");
      }
    },
  );

  it("says that it is unavailable when D1 is, and lets a fault of ours be seen", async () => {
    const offline = storageOn(failingD1("Network connection lost.").db).executions;
    await expect(offline.list(workspaceId, aQuery(), START_MS)).rejects.toBeInstanceOf(StorageUnavailable);
    const broken = storageOn(failingD1("no such column: SQLITE_ERROR").db).executions;
    await expect(broken.list(workspaceId, aQuery(), START_MS)).rejects.toMatchObject({ fault: "query_fault" });
  });
});

describe("pages by cursor", () => {
  const cases = (["scheduled_for", "created_at"] as const).flatMap((sort) =>
    (["asc", "desc"] as const).map((order) => ({ sort, order })),
  );

  it.each(cases)("neither skip nor repeat while new executions arrive: %j", async ({ sort, order }) => {
    const job = aJob({ workspaceId: aWorkspaceId() });
    const at = (i: number) => anExecution(job, { scheduledForMs: START_MS + i * MINUTE_MS });
    const known = Array.from({ length: 20 }, (_, i) => at(100 + i));
    await store([job], known);
    let arrived = 0;
    const ids = await walk(job.workspaceId, { sort, order, limit: 3 }, async () => {
      arrived += 1;
      // One newer and one older than all that were there; the walk ends although they keep coming.
      if (arrived < 8) await store([], [at(200 + arrived), at(50 - arrived)]);
    });
    expect(new Set(ids).size).toBe(ids.length);
    const wanted = known.map(({ id }) => id);
    expect(ids.filter((id) => wanted.includes(id))).toEqual(order === "asc" ? wanted : wanted.toReversed());
  });
});

describe("executions of a deleted job", () => {
  it("are hidden at once, and gone after the purge", async () => {
    const workspaceId = aWorkspaceId();
    const [deleted, kept] = [aJob({ workspaceId }), aJob({ workspaceId })];
    const made = [0, 1, 2].map((i) =>
      anExecution(deleted, { scheduledForMs: START_MS + i, status: i === 0 ? "failed" : "succeeded" }),
    );
    const left = anExecution(kept);
    await store([deleted, kept], [...made, left]);
    await storage.jobs.markDeleted(workspaceId, deleted.id, START_MS);

    for (const sort of ["scheduled_for", "created_at"] as const) {
      expect((await list(workspaceId, { sort })).items.map(({ id }) => id)).toEqual([left.id]);
    }
    expect((await list(workspaceId, { status: "failed" })).items).toEqual([]);
    expect((await list(workspaceId, { jobId: deleted.id })).items).toEqual([]);
    expect((await list(workspaceId, { jobName: "nightly" })).items.map(({ id }) => id)).toEqual([left.id]);
    expect(await storage.executions.find(workspaceId, (made[0] as Execution).id)).toBeNull();

    expect(await storage.jobs.purge(deleted.id, 2)).toBe(false);
    expect(await storage.jobs.purge(deleted.id, 2)).toBe(true);
    const { results } = await env.DB.prepare("SELECT id FROM executions WHERE job_id = ?").bind(deleted.id).all();
    expect(results).toEqual([]);
    expect(await storage.executions.find(workspaceId, left.id)).not.toBeNull();
  });
});

describe("latestOfJobs", () => {
  it("answers the newest of each job by due time, and nothing for a job without any", async () => {
    const workspaceId = aWorkspaceId();
    const [busy, idle] = [aJob({ workspaceId }), aJob({ workspaceId })];
    const [older, newer] = [1, 2].map((i) => anExecution(busy, { scheduledForMs: START_MS + i })) as [
      Execution,
      Execution,
    ];
    await store([busy, idle], [newer, older]);
    const later = START_MS + 1_000;
    const latest = await storage.executions.latestOfJobs([busy.id, idle.id], later);
    expect([...latest.keys()]).toEqual([busy.id]);
    expect(latest.get(busy.id)).toMatchObject({ id: newer.id, attemptCount: 1 });
    const before = await storage.executions.latestOfJobs([busy.id], START_MS + 2);
    expect(before.get(busy.id)?.id).toBe(older.id);
    expect(await storage.executions.latestOfJobs([], later)).toEqual(new Map());
  });
});

describe("listApprovals", () => {
  const ask = (path: string) => aStepRecord({ path, type: "approval", status: "waiting", input: { message: path } });
  const asking = (job: Job, at: number, ...paths: string[]) =>
    anExecution(job, {
      status: "waiting",
      source: "manual",
      scheduledForMs: START_MS + at,
      workflow: aWorkflow({ steps: paths.map(ask) }),
    });
  const places = (page: Awaited<ReturnType<typeof storage.executions.listApprovals>>) =>
    page === "bad_cursor" ? page : page.items.map(({ executionId, step }) => [executionId, step]);

  it("has every step that waits for a person, newest executions first, and nothing else", async () => {
    const [job, other] = [aJob({ workspaceId: aWorkspaceId() }), aJob({ workspaceId: aWorkspaceId() })];
    const [older, newer] = [asking(job, 1, "b", "a"), asking(job, 2, "a")];
    const wait = aStepRecord({ type: "wait", status: "waiting" });
    const parked = anExecution(job, { status: "waiting", source: "manual", workflow: aWorkflow({ steps: [wait] }) });
    await store([job, other], [newer, older, parked, anExecution(job), asking(other, 3, "a")]);
    const page = await storage.executions.listApprovals(job.workspaceId, { limit: 10, offset: 0, cursor: null });
    expect(places(page)).toEqual([
      [newer.id, "a"],
      [older.id, "a"],
      [older.id, "b"],
    ]);
    expect(page).toMatchObject({ items: [{ jobId: job.id, jobName: job.name, message: "a" }, {}, {}], hasMore: false });
  });

  it("pages by cursor, also within an execution, and by offset", async () => {
    const job = aJob({ workspaceId: aWorkspaceId() });
    await store([job], [asking(job, 1, "a", "b", "c"), asking(job, 2, "a", "b")]);
    const seen: unknown[] = [];
    for (let cursor: string | null = null; ;) {
      const page = await storage.executions.listApprovals(job.workspaceId, { limit: 2, offset: 0, cursor });
      if (page === "bad_cursor") throw new Error("The cursor is one of ours.");
      seen.push(...page.items.map(({ step }) => step));
      cursor = page.nextCursor;
      if (cursor === null) break;
    }
    expect(seen).toEqual(["a", "b", "a", "b", "c"]);
    const rest = await storage.executions.listApprovals(job.workspaceId, { limit: 9, offset: 3, cursor: null });
    expect(rest).toMatchObject({ items: [{ step: "b" }, { step: "c" }] });
    for (const cursor of [
      "x",
      encodeCursor({ id: "exe_x/a", timeMs: null }),
      encodeCursor({ id: job.id, timeMs: null }),
    ]) {
      expect(await storage.executions.listApprovals(job.workspaceId, { limit: 9, offset: 0, cursor })).toBe(
        "bad_cursor",
      );
    }
  });

  it("forgets what was decided, and what belongs to a deleted job", async () => {
    const workspaceId = aWorkspaceId();
    const [job, gone] = [aJob({ workspaceId }), aJob({ workspaceId })];
    const execution = asking(job, 1, "a");
    await store([job, gone], [execution, asking(gone, 2, "a")]);
    await storage.jobs.markDeleted(workspaceId, gone.id, START_MS);
    const list = async () =>
      places(await storage.executions.listApprovals(workspaceId, { limit: 9, offset: 0, cursor: null }));
    expect(await list()).toEqual([[execution.id, "a"]]);
    const decided = {
      ...execution,
      status: "running" as const,
      workflow: aWorkflow({ steps: [aStepRecord()] }),
      rev: 9,
    };
    await storage.history.record([{ execution: decided, completesJob: false }]);
    expect(await list()).toEqual([]);
  });
});

describe("prune", () => {
  it("removes what was due before and is finished, oldest first, as many as allowed", async () => {
    const job = aJob({ workspaceId: aWorkspaceId(), createdAtMs: 1_000 });
    // Long before everything else in this file, since pruning knows no workspace.
    const at = (i: number, status: Execution["status"]) => anExecution(job, { scheduledForMs: 1_000 + i, status });
    const made = [at(0, "running"), at(1, "succeeded"), at(2, "failed"), at(3, "cancelled"), at(4, "succeeded")];
    await store([job], made);
    const left = async () => (await list(job.workspaceId, { order: "asc" })).items.map(({ id }) => id);
    const ids = (...indexes: number[]) => indexes.map((i) => made[i]?.id);

    expect(await storage.executions.prune(1_004, 1)).toBe(1);
    expect(await left()).toEqual(ids(0, 2, 3, 4));
    expect(await storage.executions.prune(1_004, 100)).toBe(2);
    expect(await left()).toEqual(ids(0, 4));
    expect(await storage.executions.prune(1_004, 100)).toBe(0);
  });

  it("counts for each job what it removed of it", async () => {
    const workspaceId = aWorkspaceId();
    const jobs = [aJob({ workspaceId }), aJob({ workspaceId })];
    const of = (job: Job | undefined, i: number) => anExecution(job as Job, { scheduledForMs: 2_000 + i });
    // What the test above left.
    await storage.executions.prune(2_000, 100);
    await store(jobs, [of(jobs[0], 0), of(jobs[0], 1), of(jobs[1], 2), of(jobs[1], 9)]);
    const counts = () => Promise.all(jobs.map(({ id }) => storage.jobs.prunedCount(workspaceId, id)));
    expect(await counts()).toEqual([0, 0]);
    expect(await storage.executions.prune(2_005, 2)).toBe(2);
    expect(await counts()).toEqual([2, 0]);
    expect(await storage.executions.prune(2_005, 100)).toBe(1);
    expect(await counts()).toEqual([2, 1]);
    expect(await storage.jobs.prunedCount(aWorkspaceId(), jobs[0]?.id ?? "")).toBeNull();
  });
});

describe("countOfJob", () => {
  it("counts what was created before a moment, but for those that are named", async () => {
    const job = aJob({ workspaceId: aWorkspaceId() });
    const made = [1, 2, 3, 4].map((i) => anExecution(job, { scheduledForMs: START_MS + i, createdAtMs: START_MS + i }));
    await store([job, aJob()], made);
    const count = (createdBeforeMs: number, ...except: string[]) =>
      storage.executions.countOfJob(job.id, { createdBeforeMs, except });
    expect(await count(START_MS + 4)).toBe(3);
    expect(await count(START_MS + 9, made[0]?.id ?? "", "exe_elsewhere")).toBe(3);
  });
});
