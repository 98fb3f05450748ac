/** Jobs in D1. Every query but the purge sees only jobs that are not deleted. */

import { and, asc, desc, eq, gt, isNotNull, isNull, lt, sql } from "drizzle-orm";
import { drizzle } from "drizzle-orm/d1";
import type { JobFilter, JobRepository, PageRequest } from "../app/ports.ts";
import { executionIdFloor, isJobId } from "../domain/ids.ts";
import type { StorageDeps } from "./calls.ts";
import { once, repeated } from "./calls.ts";
import { decodeCursor, encodeCursor } from "../domain/cursor.ts";
import { foldName, toJob, toJobColumns } from "./jobRow.ts";
import { purgeJob } from "./jobPurge.ts";
import { keepVersion } from "./jobVersions.ts";
import { jobs, scheduleBindings } from "./schema.ts";

/**
 * The latest due time: an extra run says nothing about the schedule. In plain text, as drizzle takes the tables' names off
 * the columns of a selected expression.
 */
const LAST_SCHEDULED_FOR = sql<number | null>`(
  SELECT executions.scheduled_for FROM executions INDEXED BY executions_by_job
  WHERE executions.job_id = jobs.id AND executions.source = 'schedule' ORDER BY executions.id DESC LIMIT 1
)`;

/** Jobs with an execution that wants to run or runs, by the index of what did not succeed, workspace by workspace. */
const stalledJobs = (dueBeforeMs: number) => sql`(
  SELECT executions.job_id FROM workspaces CROSS JOIN executions INDEXED BY executions_unsucceeded
  WHERE executions.workspace_id = workspaces.id AND executions.status <> 'succeeded'
    AND executions.status IN ('queued', 'running') AND executions.id < ${executionIdFloor(dueBeforeMs)}
    -- One that was moved has an id of the time before.
    AND executions.scheduled_for < ${dueBeforeMs}
)`;

/** The literal conditions of the partial indexes: the planner does not look into bound parameters. */
const IS_LIVE = isNull(jobs.deletedAt);
const IS_OPEN = and(sql`${jobs.state} <> 'completed'`, IS_LIVE);
const IS_UNAPPLIED = and(sql`${jobs.appliedVersion} < ${jobs.version}`, IS_LIVE);

/** A task is older than its schedules, as a rule, so the first look ends at once. */
function oldestNamed(workspaceId: string, name: string) {
  const named = sql`SELECT named.id FROM jobs AS named INDEXED BY jobs_by_name
    WHERE named.workspace_id = ${workspaceId} AND named.name = ${name} AND named.deleted_at IS NULL`;
  const isBound = sql`EXISTS (SELECT 1 FROM schedule_bindings WHERE schedule_bindings.job_id = named.id)`;
  return sql`coalesce(
    (${named} AND NOT ${isBound} ORDER BY named.id LIMIT 1),
    (${named} ORDER BY named.id LIMIT 1))`;
}

export function createJobRepository(db: D1Database, deps: StorageDeps): JobRepository {
  const orm = drizzle(db);
  return {
    /** Repeatable: a row of this id was put there by an earlier try, ids being unique by chance. */
    async insert(job, idempotency) {
      const row = {
        ...toJobColumns(job),
        appliedVersion: 0,
        idempotencyKey: idempotency?.key ?? null,
        idempotencyDigest: idempotency?.bodyDigest ?? null,
        deletedAt: null,
      };
      const [, , , stored] = await repeated(deps, "jobs.insert", () =>
        orm.batch([
          orm.insert(jobs).values(row).onConflictDoNothing(),
          ...keepVersion(orm, job.id, job.version),
          orm.select({ id: jobs.id }).from(jobs).where(eq(jobs.id, job.id)),
        ]),
      );
      return stored.length > 0 ? "inserted" : "idempotency_key_taken";
    },

    async find(workspaceId, jobId) {
      const [row] = await once("jobs.find", () =>
        orm
          .select()
          .from(jobs)
          .where(and(eq(jobs.id, jobId), eq(jobs.workspaceId, workspaceId), IS_LIVE)),
      );
      return row === undefined ? null : toJob(row);
    },

    async findByIdempotencyKey(workspaceId, key) {
      const [row] = await once("jobs.find_by_idempotency_key", () =>
        orm
          .select()
          .from(jobs)
          .where(and(eq(jobs.workspaceId, workspaceId), eq(jobs.idempotencyKey, key), IS_LIVE)),
      );
      return row === undefined ? null : { job: toJob(row), bodyDigest: row.idempotencyDigest ?? "" };
    },

    async findByName(workspaceId, name) {
      const row = await once("jobs.find_by_name", () =>
        orm
          .select()
          .from(jobs)
          .where(eq(jobs.id, oldestNamed(workspaceId, name)))
          .get(),
      );
      return row === undefined ? null : toJob(row);
    },

    /** A cursor stands for a place, so the offset does not apply on top of it. */
    async list(workspaceId, filter, page) {
      const after = page.cursor === null ? null : decodeCursor(page.cursor, { isId: isJobId, withTime: false });
      if (page.cursor !== null && after === null) return "bad_cursor";
      const rows = await once("jobs.list", () => listQuery(orm, workspaceId, filter, page, after?.id ?? null));
      const items = rows.slice(0, page.limit).map(toJob);
      const hasMore = rows.length > items.length;
      const last = items.at(-1);
      return {
        items,
        hasMore,
        nextCursor: hasMore && last !== undefined ? encodeCursor({ id: last.id, timeMs: null }) : null,
      };
    },

    /**
     * A one-shot job may complete between the read that this definition was made from and this write. It then stays
     * completed, unless the change is one that starts its schedule anew, which moves `schedule_from`.
     */
    async replace(job, expectedVersion) {
      const { id, workspaceId, state, ...changes } = toJobColumns(job);
      const [{ meta }] = await once("jobs.replace", () =>
        orm.batch([
          orm
            .update(jobs)
            .set({
              ...changes,
              state: sql`CASE WHEN ${jobs.state} = 'completed' AND ${jobs.scheduleFrom} >= ${changes.scheduleFrom}
                THEN 'completed' ELSE ${state} END`,
            })
            .where(and(eq(jobs.id, id), eq(jobs.workspaceId, workspaceId), eq(jobs.version, expectedVersion), IS_LIVE)),
          ...keepVersion(orm, id, job.version),
        ]),
      );
      return meta.changes > 0;
    },

    async markApplied(jobId, version) {
      await repeated(deps, "jobs.mark_applied", () =>
        orm
          .update(jobs)
          .set({ appliedVersion: version })
          .where(and(eq(jobs.id, jobId), lt(jobs.appliedVersion, version))),
      );
    },

    async prunedCount(workspaceId, jobId) {
      const [row] = await once("jobs.pruned_count", () =>
        orm
          .select({ prunedCount: jobs.prunedCount })
          .from(jobs)
          .where(and(eq(jobs.id, jobId), eq(jobs.workspaceId, workspaceId), IS_LIVE)),
      );
      return row?.prunedCount ?? null;
    },

    /** Gives its keys back as well: they may be used for another job, or another schedule, at once. */
    async markDeleted(workspaceId, jobId, nowMs) {
      const [{ meta }] = await once("jobs.mark_deleted", () =>
        orm.batch([
          orm
            .update(jobs)
            .set({ deletedAt: nowMs, updatedAt: nowMs, idempotencyKey: null, idempotencyDigest: null })
            .where(and(eq(jobs.id, jobId), eq(jobs.workspaceId, workspaceId), IS_LIVE)),
          orm
            .delete(scheduleBindings)
            .where(and(eq(scheduleBindings.jobId, jobId), eq(scheduleBindings.workspaceId, workspaceId))),
        ]),
      );
      return meta.changes > 0;
    },

    purge: (jobId, mostExecutions) => purgeJob(db, deps, jobId, mostExecutions),

    async listDeleted(limit) {
      const rows = await once("jobs.list_deleted", () =>
        orm.select({ id: jobs.id }).from(jobs).where(isNotNull(jobs.deletedAt)).orderBy(asc(jobs.id)).limit(limit),
      );
      return rows.map((row) => row.id);
    },

    async listUnapplied(beforeMs, limit) {
      const rows = await once("jobs.list_unapplied", () =>
        orm
          .select()
          .from(jobs)
          .where(and(IS_UNAPPLIED, lt(jobs.updatedAt, beforeMs)))
          .orderBy(asc(jobs.updatedAt))
          .limit(limit),
      );
      return rows.map(toJob);
    },

    async listStalled(dueBeforeMs, limit) {
      const rows = await once("jobs.list_stalled", () =>
        orm
          .select()
          .from(jobs)
          .where(and(sql`${jobs.id} IN ${stalledJobs(dueBeforeMs)}`, IS_LIVE))
          .limit(limit),
      );
      return rows.map(toJob);
    },

    async listActive(afterJobId, limit) {
      const rows = await once("jobs.list_active", () =>
        orm
          .select({ job: jobs, lastScheduledForMs: LAST_SCHEDULED_FOR })
          .from(jobs)
          .where(and(eq(jobs.state, "active"), IS_OPEN, gt(jobs.id, afterJobId ?? "")))
          .orderBy(asc(jobs.id))
          .limit(limit),
      );
      return rows.map(({ job, lastScheduledForMs }) => ({ job: toJob(job), lastScheduledForMs }));
    },
  };
}

function listQuery(
  orm: ReturnType<typeof drizzle>,
  workspaceId: string,
  filter: JobFilter,
  page: PageRequest,
  beforeId: string | null,
) {
  const isOpenState = filter.state !== null && filter.state !== "completed";
  return (
    orm
      .select()
      .from(jobs)
      .where(
        and(
          // The plus keeps the planner off the index of whole workspaces where the one of open jobs is far shorter.
          isOpenState ? sql`+${jobs.workspaceId} = ${workspaceId}` : eq(jobs.workspaceId, workspaceId),
          isOpenState ? IS_OPEN : IS_LIVE,
          filter.state === null ? undefined : eq(jobs.state, filter.state),
          filter.kind === null ? undefined : eq(jobs.kind, filter.kind),
          filter.name === null ? undefined : sql`instr(${jobs.nameFolded}, ${foldName(filter.name)}) > 0`,
          beforeId === null ? undefined : lt(jobs.id, beforeId),
        ),
      )
      // The order of ids is the order of creation.
      .orderBy(desc(jobs.id))
      .limit(page.limit + 1)
      .offset(beforeId === null ? page.offset : 0)
  );
}
