import { env } from "cloudflare:workers";
import { describe, expect, it } from "vitest";
import type { ExecutionQuery } from "../../../src/app/ports.ts";
import { encodeCursor } from "../../../src/db/cursor.ts";
import type { JobScope } from "../../../src/db/executionListQuery.ts";
import { executionListStatement } from "../../../src/db/executionListQuery.ts";
import { EXECUTION_SOURCES, EXECUTION_STATUSES } from "../../../src/domain/execution/execution.ts";
import { JOB_KINDS, JOB_STATES } from "../../../src/domain/job/job.ts";
import { aJob, anExecution, aSecret, aSigningKey, aToken, aWorkspaceId, SEALED, START_MS } from "./builders.ts";
import type { RecordedStatement } from "./storage.ts";
import { recordingD1, storageOn } from "./storage.ts";

async function planOf({ sql, params }: RecordedStatement): Promise<string[]> {
  const { results } = await env.DB.prepare(`EXPLAIN QUERY PLAN ${sql}`)
    .bind(...params)
    .all<{ detail: string }>();
  return results.map(({ detail }) => detail);
}

const TABLES = /\b(executions|jobs|tokens|workspaces|other|secrets|signing_keys)\b/;

/**
 * A walk over a whole table or index: all that may be scanned are the few deleted jobs, the few workspaces of an instance,
 * and lists that we passed in.
 */
function scansIn(plan: readonly string[]): string[] {
  return plan.filter(
    (line) =>
      line.startsWith("SCAN") &&
      TABLES.test(line) &&
      !/^SCAN (jobs USING (COVERING )?INDEX jobs_deleted|workspaces)/.test(line),
  );
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
  readonly after: { id: string; timeMs: number | null } | null;
}

const shapes: Shape[] = scopes.flatMap((scope) =>
  [null, ...EXECUTION_STATUSES].flatMap((status) =>
    [null, EXECUTION_SOURCES[0]].flatMap((source) =>
      bounds.flatMap((bound) =>
        (["scheduled_for", "created_at"] as const).flatMap((sort) =>
          (["asc", "desc"] as const).flatMap((order) =>
            [null, { id: anExecution(job).id, timeMs: sort === "created_at" ? START_MS : null }].map((after) => ({
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
              after,
            })),
          ),
        ),
      ),
    ),
  ),
);

describe("the plan of a list of executions", () => {
  it("walks a covering index, and fetches the page's rows by primary key, in every shape", async () => {
    expect(shapes.length).toBe(5 * 7 * 2 * 2 * 2 * 2 * 2);
    for (const { query, scope, after } of shapes) {
      const statement = executionListStatement(workspaceId, query, scope, after);
      const plan = await planOf(statement);
      expect(scansIn(plan), statement.sql).toEqual([]);
      const searches = plan.filter((line) => line.startsWith("SEARCH executions"));
      expect(searches[0], statement.sql).toMatch(/USING PRIMARY KEY \(id=\?\)/);
      expect(searches[1], statement.sql).toMatch(
        /USING COVERING INDEX executions_by_(workspace|job)|executions_unsucceeded/,
      );
      expect(searches[1], statement.sql).toContain("COVERING");
      expect(searches).toHaveLength(2);
      // A range of due times, or a cursor, is where the walk starts or ends; it is not stepped over.
      if (query.fromMs !== null) expect(searches[1], statement.sql).toMatch(/id>\? AND id<\?/);
    }
  });

  it("takes the order by due time from the index, unless it merges several jobs", async () => {
    for (const { query, scope, after } of shapes) {
      const statement = executionListStatement(workspaceId, query, scope, after);
      const isMerged = scope.type !== "one" && statement.sql.includes("executions_by_job");
      if (query.sort === "created_at" || isMerged) continue;
      expect(await planOf(statement), statement.sql).not.toContain("USE TEMP B-TREE FOR ORDER BY");
    }
  });

  it("looks for what did not succeed among what did not succeed", async () => {
    const shape = shapes.find(({ query, scope }) => query.status === "failed" && scope.type === "all") as Shape;
    const plan = await planOf(executionListStatement(workspaceId, shape.query, shape.scope, shape.after));
    expect(plan.join("\n")).toContain("executions_unsucceeded (workspace_id=? AND status=?");
  });
});

describe("the plan of everything else", () => {
  it("never walks a whole table", async () => {
    const recording = recordingD1();
    const { jobs, executions, history, tokens, workspaces, secrets, signingKeys } = storageOn(recording.db);
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
    await executions.list(workspaceId, { ...(shapes[0] as Shape).query, jobName: "n" });
    await secrets.insert(aSecret(workspaceId), SEALED);
    await secrets.find(workspaceId, "stripe-key");
    await secrets.list(workspaceId);
    await secrets.readSealed(workspaceId, ["stripe-key"]);
    await secrets.replaceValue(workspaceId, "stripe-key", SEALED, START_MS);
    await secrets.delete(workspaceId, "stripe-key", false);
    await signingKeys.rotate(aSigningKey(workspaceId), SEALED, START_MS + 1);
    await signingKeys.list(workspaceId, START_MS);
    await signingKeys.readSealed(workspaceId, START_MS);
    for (const store of [secrets, signingKeys]) {
      await store.listNotUnder("other", "sec_1", 10);
      await store.rewrap([{ id: "sec_1", from: SEALED, to: SEALED }]);
    }
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
      "executions",
      "job_versions",
      "jobs",
      "secrets",
      "signing_keys",
      "tokens",
      "trigger_tokens",
      "webhook_secrets",
      "workspaces",
    ]);
    for (const { name, sql } of results) expect(sql, name).toMatch(/\) WITHOUT ROWID$/);
  });
});
