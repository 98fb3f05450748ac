import { env } from "cloudflare:workers";
import { describe, expect, it } from "vitest";
import type { ExecutionQuery } from "../../../src/app/ports.ts";
import { encodeCursor } from "../../../src/domain/cursor.ts";
import { executionCountStatement, executionListStatement } from "../../../src/db/executionListQuery.ts";
import type { JobScope, Place } from "../../../src/db/executionWalks.ts";
import { EXECUTION_SOURCES, EXECUTION_STATUSES } from "../../../src/domain/execution/execution.ts";
import { WAIT_TOKEN_STATUSES } from "../../../src/domain/waitToken/waitToken.ts";
import { STATUS_FILTERS } from "../../../src/domain/execution/statusFilter.ts";
import { JOB_KINDS, JOB_STATES } from "../../../src/domain/job/job.ts";
import {
  aBatch,
  aBulkAction,
  aJob,
  anExecution,
  aSecret,
  aSigningKey,
  aToken,
  aWaitToken,
  aWorkspaceId,
  SEALED,
  START_MS,
} from "./builders.ts";
import type { RecordedStatement } from "./storage.ts";
import { recordingD1, storageOn } from "./storage.ts";

/** A batch each, because there are thousands. */
const PLANS_AT_ONCE = 100;

async function plansOf(statements: readonly RecordedStatement[]): Promise<{ sql: string; plan: string[] }[]> {
  const plans: { sql: string; plan: string[] }[] = [];
  for (let start = 0; start < statements.length; start += PLANS_AT_ONCE) {
    const some = statements.slice(start, start + PLANS_AT_ONCE);
    const answers = await env.DB.batch<{ detail: string }>(
      some.map(({ sql, params }) => env.DB.prepare(`EXPLAIN QUERY PLAN ${sql}`).bind(...params)),
    );
    plans.push(
      ...some.map(({ sql }, index) => ({ sql, plan: (answers[index]?.results ?? []).map(({ detail }) => detail) })),
    );
  }
  return plans;
}

async function planOf(statement: RecordedStatement): Promise<string[]> {
  const [only] = await plansOf([statement]);
  return only?.plan ?? [];
}

/** By their names, and by those that statements give them. */
const TABLES =
  /\b(executions|jobs|tokens|workspaces|other|secrets|signing_keys|execution_labels|labels|execution_tags|marked|batches|wait_tokens|schedule_bindings|bulk_actions|bulk_action_runs|whole|named)\b/;

/** What only ever holds a few: workspaces, deleted jobs that are not purged yet, bulk actions that are under way. */
const SMALL =
  /^SCAN (workspaces|jobs USING (COVERING )?INDEX jobs_deleted|bulk_actions USING INDEX bulk_actions_pending)/;

/** Walks over a whole table or index. Lists that we passed in may be walked. */
function scansIn(plan: readonly string[]): string[] {
  return plan.filter((line) => line.startsWith("SCAN") && TABLES.test(line) && !SMALL.test(line));
}

const workspaceId = aWorkspaceId();
const job = aJob({ workspaceId });
const bounds = [
  { fromMs: null, toMs: null },
  { fromMs: START_MS, toMs: START_MS + 1 },
];
const scopes: JobScope[] = [
  { type: "all" },
  { type: "one", jobId: job.id },
  { type: "few", jobIds: [job.id] },
  { type: "few", jobIds: Array.from({ length: 100 }, () => aJob().id) },
  { type: "many" },
];

interface Shape {
  readonly query: ExecutionQuery;
  readonly scope: JobScope;
  readonly place: Place | null;
}

function placesOf(sort: ExecutionQuery["sort"]): (Place | null)[] {
  const position = { id: anExecution(job).id, timeMs: sort === "created_at" ? START_MS : null };
  return [null, { position, isBefore: false }, { position, isBefore: true }];
}

const shapes: Shape[] = scopes.flatMap((scope) =>
  [null, ...EXECUTION_STATUSES].flatMap((status) =>
    [null, EXECUTION_SOURCES[0]].flatMap((source) =>
      bounds.flatMap((bound) =>
        (["scheduled_for", "created_at"] as const).flatMap((sort) =>
          (["asc", "desc"] as const).flatMap((order) =>
            placesOf(sort).map((place) => ({
              query: {
                ...bound,
                status,
                source,
                sort,
                order,
                jobId: scope.type === "one" ? scope.jobId : null,
                jobName: scope.type === "all" ? null : "nightly",
                page: { limit: 50, offset: 0, cursor: null },
              },
              scope,
              place,
            })),
          ),
        ),
      ),
    ),
  ),
);

const statementOf = ({ query, scope, place }: Shape) =>
  executionListStatement(workspaceId, query, scope, place, START_MS);

describe("the plan of a list of executions", () => {
  it("walks a covering index, and fetches the page's rows by primary key, in every shape", async () => {
    expect(shapes.length).toBe(5 * 7 * 2 * 2 * 2 * 2 * 3);
    const plans = await plansOf(shapes.map(statementOf));
    for (const [position, { sql, plan }] of plans.entries()) {
      expect(scansIn(plan), sql).toEqual([]);
      const searches = plan.filter((line) => line.startsWith("SEARCH executions"));
      expect(searches[0], sql).toMatch(/USING PRIMARY KEY \(id=\?\)/);
      expect(searches[1], sql).toMatch(/USING COVERING INDEX executions_by_(workspace|job)|executions_unsucceeded/);
      expect(searches[1], sql).toContain("COVERING");
      expect(searches).toHaveLength(2);
      // A range of due times, or a cursor, is where the walk starts or ends; it is not stepped over.
      if (shapes[position]?.query.fromMs !== null) expect(searches[1], sql).toMatch(/id>\? AND id<\?/);
    }
  });

  it("takes the order by due time from the index, unless it merges several jobs", async () => {
    const statements = shapes.flatMap((shape) => {
      const statement = statementOf(shape);
      const isMerged = shape.scope.type !== "one" && statement.sql.includes("executions_by_job");
      return shape.query.sort === "created_at" || isMerged ? [] : [statement];
    });
    for (const { sql, plan } of await plansOf(statements)) {
      expect(plan, sql).not.toContain("USE TEMP B-TREE FOR ORDER BY");
    }
  });

  it("looks for what did not succeed among what did not succeed", async () => {
    const shape = shapes.find(({ query, scope }) => query.status === "failed" && scope.type === "all") as Shape;
    const plan = await planOf(statementOf(shape));
    expect(plan.join("\n")).toContain("executions_unsucceeded (workspace_id=? AND status=?");
  });
});

/** What the other API faces filter by, alone and together with more. */
const narrowings: Partial<ExecutionQuery>[] = [
  { statuses: ["failed", "cancelled"] },
  { statuses: ["timed_out"] },
  { statuses: ["delayed", "expired", "timed_out", "running", "waiting"] },
  { statuses: ["succeeded", "timed_out"] },
  { statuses: [] },
  { sources: ["api", "replay"] },
  { tags: ["a"] },
  { tags: ["a", "b"] },
  {
    tags: ["a", "b", "c", "d", "e"],
    statuses: STATUS_FILTERS,
    sources: ["api"],
    createdFromMs: START_MS,
    jobVersion: 3,
  },
  { tags: Array.from({ length: 25 }, (_, i) => `t${i}`), statuses: ["delayed", "timed_out"] },
  { tags: Array.from({ length: 26 }, (_, i) => `t${i}`) },
  { batchId: "batch_1" },
  { bulkActionId: "bulk_1" },
  { batchId: "batch_1", bulkActionId: "bulk_1", tags: ["a"] },
  { jobVersion: 3 },
  { createdFromMs: START_MS, createdToMs: START_MS + 1 },
];
const narrowed = narrowings.flatMap((narrowing) =>
  shapes
    .filter(({ query, scope }) => query.status === null && scope.type !== "many")
    .map(({ query, ...rest }) => ({ ...rest, query: { ...query, ...narrowing } })),
);

describe("the plan of a list of executions by more", () => {
  it("never walks what cannot be in it, and reads rows one by one", async () => {
    const statements = narrowed.flatMap((shape) => [
      statementOf(shape),
      executionCountStatement(workspaceId, shape.query, shape.scope, START_MS),
    ]);
    for (const { sql, params } of statements) expect(params.length, sql).toBeLessThanOrEqual(100);
    for (const { sql, plan } of await plansOf(statements)) {
      expect(scansIn(plan), sql).toEqual([]);
      for (const line of plan.filter((each) => each.startsWith("SEARCH executions"))) {
        expect(line, sql).toMatch(
          /PRIMARY KEY \(id=\?\)|COVERING INDEX (executions_unsucceeded|executions_by_job|executions_by_workspace)/,
        );
      }
    }
  }, 20_000);

  it("follows each status on its own until the page is full, and puts the pages together", async () => {
    const query = { ...(shapes[0] as Shape).query, order: "desc", statuses: ["failed", "delayed", "expired"] } as const;
    const plan = await planOf(executionListStatement(workspaceId, query, { type: "all" }, null, START_MS));
    expect(plan.filter((line) => line.includes("executions_unsucceeded (workspace_id=? AND status=?"))).toHaveLength(3);
  });

  it.each([
    [{ tags: ["a"] }, /SEARCH marked USING PRIMARY KEY \(workspace_id=\? AND tag=\? AND execution_id<\?\)/],
    [{ bulkActionId: "b" }, /SEARCH marked USING PRIMARY KEY \(bulk_action_id=\? AND execution_id<\?\)/],
  ])("begins at its place and ends with the page: %j", async (narrowing, begins) => {
    const query = { ...(shapes[0] as Shape).query, sort: "scheduled_for", order: "desc", ...narrowing } as const;
    const place = { position: { id: anExecution(job).id, timeMs: null }, isBefore: false };
    const plan = await planOf(executionListStatement(workspaceId, query, { type: "all" }, place, START_MS));
    expect(plan.join("\n")).toMatch(begins);
    expect(plan).not.toContain("USE TEMP B-TREE FOR ORDER BY");
  });
});

describe("the plan of everything else", () => {
  it("never walks a whole table", async () => {
    const recording = recordingD1();
    const store = storageOn(recording.db);
    const { jobs, executions, history, tokens, workspaces, secrets, signingKeys } = store;
    const owner = aToken(workspaceId);
    await workspaces.insert({ id: workspaceId, name: "w", createdAtMs: 0 }, owner);
    await workspaces.find(workspaceId);
    await tokens.insert(aToken(workspaceId));
    await tokens.list(workspaceId);
    await tokens.findByHash(owner.hash);
    await tokens.delete(workspaceId, owner.id);
    await jobs.insert(job, { key: "k", bodyDigest: "d" });
    await jobs.find(workspaceId, job.id);
    await jobs.findByIdempotencyKey(workspaceId, "k");
    const cursor = encodeCursor({ id: job.id, timeMs: null });
    for (const state of [null, ...JOB_STATES]) {
      for (const kind of [null, JOB_KINDS[0]]) {
        for (const name of [null, "n"]) {
          await jobs.list(workspaceId, { state, kind, name }, { limit: 50, offset: 0, cursor: null });
          await jobs.list(workspaceId, { state, kind, name }, { limit: 50, offset: 0, cursor });
        }
      }
    }
    await jobs.replace({ ...job, version: 2 }, 1);
    await jobs.markApplied(job.id, 2);
    await jobs.listUnapplied(START_MS + 1, 10);
    await jobs.listActive(null, 10);
    await jobs.listActive(job.id, 10);
    await jobs.listStalled(START_MS, 10);
    await history.record([{ execution: anExecution(job), completesJob: true }]);
    await executions.find(workspaceId, anExecution(job).id);
    await executions.latestOfJobs([job.id], START_MS);
    await executions.countOfJob(job.id, { createdBeforeMs: START_MS, except: [job.id] });
    await jobs.prunedCount(workspaceId, job.id);
    await executions.listApprovals(workspaceId, { limit: 50, offset: 0, cursor: null });
    await executions.list(workspaceId, { ...(shapes[0] as Shape).query, jobName: "n" }, START_MS);
    await secrets.insert(aSecret(workspaceId), SEALED);
    await secrets.find(workspaceId, "stripe-key");
    await secrets.list(workspaceId);
    await secrets.readSealed(workspaceId, ["stripe-key"]);
    await secrets.replaceValue(workspaceId, "stripe-key", SEALED, START_MS);
    await secrets.delete(workspaceId, "stripe-key", false);
    await signingKeys.rotate(aSigningKey(workspaceId), SEALED, START_MS + 1);
    await signingKeys.list(workspaceId, START_MS);
    await signingKeys.readSealed(workspaceId, START_MS);
    for (const sealed of [secrets, signingKeys]) {
      await sealed.listNotUnder("other", "sec_1", 10);
      await sealed.rewrap([{ id: "sec_1", from: SEALED, to: SEALED }]);
    }
    const { id: executionId } = anExecution(job);
    const labels = { tags: ["a"], metadata: null, updatedAtMs: START_MS };
    await store.labels.insert(workspaceId, [{ owner: { executionId, jobId: job.id }, labels }]);
    await store.labels.replace(workspaceId, { executionId, jobId: job.id }, labels, 1);
    await store.labels.find(workspaceId, [executionId]);
    const batch = aBatch(workspaceId, { idempotencyKey: "k" });
    await store.batches.insert(batch);
    await store.batches.find(workspaceId, batch.id);
    await store.batches.replace(batch, 1);
    const item = { index: 0, task: "t", jobId: job.id, executionId, dueMs: START_MS, started: true };
    await store.batches.countUnfinished({ ...batch, items: [item] });
    await store.batches.prune(START_MS, 10);
    const token = aWaitToken(workspaceId, { idempotencyKey: "k", idempotencyUntilMs: START_MS });
    await store.waitTokens.insert(token, "hash", START_MS);
    await store.waitTokens.find(workspaceId, token.id);
    await store.waitTokens.complete(token.id, null, START_MS);
    const filter = {
      statuses: WAIT_TOKEN_STATUSES,
      idempotencyKey: "k",
      tags: ["a"],
      createdFromMs: START_MS,
      createdToMs: START_MS + 1,
    };
    const nothing = { statuses: [], idempotencyKey: null, tags: [], createdFromMs: null, createdToMs: null };
    const bulk = aBulkAction(workspaceId);
    await store.bulkActions.insert(bulk);
    for (const page of [{ limit: 9 }, { limit: 9, after: "x" }, { limit: 9, before: "x" }]) {
      await store.waitTokens.list(workspaceId, filter, page, START_MS);
      await store.waitTokens.list(workspaceId, nothing, page, START_MS);
      await store.bulkActions.list(workspaceId, page);
    }
    await store.waitTokens.prune(START_MS, START_MS, 10);
    await store.bulkActions.find(workspaceId, bulk.id);
    await store.bulkActions.claim(bulk.id, START_MS, START_MS);
    const done = {
      position: null,
      success: 0,
      failure: 0,
      executionIds: [executionId],
      isLast: false,
      nowMs: START_MS,
    };
    await store.bulkActions.advance(bulk.id, 2, done);
    await store.bulkActions.listStalled(START_MS, 10);
    await store.bulkActions.abort(workspaceId, bulk.id, START_MS);
    await store.bulkActions.prune(START_MS, 10);
    const binding = { jobId: job.id, workspaceId, taskJobId: job.id, externalId: null, deduplicationKey: "k" };
    await store.scheduleBindings.insert(binding);
    await store.scheduleBindings.find(job.id);
    await store.scheduleBindings.replace(binding);
    await store.scheduleBindings.listOfTask(workspaceId, job.id);
    await store.scheduleBindings.listSchedules(workspaceId, { limit: 10, offset: 0 });
    await jobs.findByName(workspaceId, job.name);
    await executions.summaries(workspaceId, [executionId]);
    await executions.list(workspaceId, { ...(shapes[0] as Shape).query, jobIds: [job.id, "job_2"] }, START_MS);
    await jobs.markDeleted(workspaceId, job.id, START_MS);
    await jobs.listDeleted(10);
    await jobs.purge(job.id, 10);
    await executions.prune(START_MS, 10);

    expect(recording.statements.length).toBeGreaterThan(50);
    for (const statement of recording.statements) {
      const plan = await planOf(statement);
      expect(scansIn(plan), statement.sql).toEqual([]);
      // Merging the ranges of several jobs needs one; SQLite keeps no more than a page in it.
      if (statement.sql.includes("json_each")) continue;
      expect(plan, statement.sql).not.toContain("USE TEMP B-TREE FOR ORDER BY");
    }
  });

  it("finds active jobs without passing the completed, in the watchdog's walk and in lists", async () => {
    const recording = recordingD1();
    const { jobs } = storageOn(recording.db);
    await jobs.listActive(null, 10);
    await jobs.list(workspaceId, { state: "active", kind: null, name: null }, { limit: 1, offset: 0, cursor: null });
    for (const statement of recording.statements) {
      expect((await planOf(statement)).join("\n"), statement.sql).toContain("jobs_open (state=?");
    }
  });
});

describe("the migrations", () => {
  it("make every table WITHOUT ROWID, which drizzle-kit cannot say", async () => {
    const { results } = await env.DB.prepare(
      "SELECT name, sql FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'd1\\_%' ESCAPE '\\' AND name NOT LIKE '\\_cf%' ESCAPE '\\' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'",
    ).all<{ name: string; sql: string }>();
    expect(results.map(({ name }) => name).toSorted()).toEqual([
      "batches",
      "bulk_action_runs",
      "bulk_actions",
      "execution_labels",
      "execution_tags",
      "executions",
      "job_versions",
      "jobs",
      "schedule_bindings",
      "secrets",
      "signing_keys",
      "tokens",
      "trigger_tokens",
      "wait_tokens",
      "webhook_secrets",
      "workspaces",
    ]);
    for (const { name, sql } of results) expect(sql, name).toMatch(/\) WITHOUT ROWID$/);
  });
});
