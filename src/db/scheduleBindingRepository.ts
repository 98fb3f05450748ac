/** Schedules of tasks in D1, and every job with a cron timing beside them. */

import { and, desc, eq, sql } from "drizzle-orm";
import { drizzle } from "drizzle-orm/d1";
import type { ScheduleBindingRepository } from "../app/ports/scheduleBindings.ts";
import type { ScheduleBinding } from "../domain/job/scheduleBinding.ts";
import type { StorageDeps } from "./calls.ts";
import { once, repeated } from "./calls.ts";
import { toJob } from "./jobRow.ts";
import { jobs, scheduleBindings } from "./schema.ts";

/** The kind stands in the index; whether a workflow has a cron timing is known to its definition alone. */
const CRON_JOBS = `FROM jobs INDEXED BY jobs_listed WHERE workspace_id = ?1 AND deleted_at IS NULL
AND (kind = 'cron' OR (kind = 'workflow' AND definition ->> '$.schedule.timing.kind' = 'cron'))`;

export function createScheduleBindingRepository(db: D1Database, deps: StorageDeps): ScheduleBindingRepository {
  const orm = drizzle(db);
  return {
    /** Repeatable: a row of this job was put there by an earlier try. */
    async insert(binding) {
      const { workspaceId, jobId, deduplicationKey } = binding;
      const byKey =
        deduplicationKey === null
          ? sql`0`
          : and(
              eq(scheduleBindings.workspaceId, workspaceId),
              eq(scheduleBindings.deduplicationKey, deduplicationKey),
              sql`${scheduleBindings.deduplicationKey} IS NOT NULL`,
            );
      const [, own, keyed] = await repeated(deps, "schedule_bindings.insert", () =>
        orm.batch([
          orm.insert(scheduleBindings).values(binding).onConflictDoNothing(),
          orm.select().from(scheduleBindings).where(eq(scheduleBindings.jobId, jobId)),
          orm.select().from(scheduleBindings).where(byKey),
        ]),
      );
      const [stored] = [...own, ...keyed];
      if (stored === undefined) throw new Error("A schedule was neither bound nor found by its key.");
      return stored;
    },

    async find(jobId) {
      const [row] = await once("schedule_bindings.find", () =>
        orm.select().from(scheduleBindings).where(eq(scheduleBindings.jobId, jobId)),
      );
      return row ?? null;
    },

    async replace({ jobId, taskJobId, externalId }: ScheduleBinding) {
      await repeated(deps, "schedule_bindings.replace", () =>
        orm.update(scheduleBindings).set({ taskJobId, externalId }).where(eq(scheduleBindings.jobId, jobId)),
      );
    },

    async listOfTask(workspaceId, taskJobId) {
      return await once("schedule_bindings.list_of_task", () =>
        orm
          .select()
          .from(scheduleBindings)
          .where(and(eq(scheduleBindings.taskJobId, taskJobId), eq(scheduleBindings.workspaceId, workspaceId))),
      );
    },

    async listSchedules(workspaceId, { limit, offset }) {
      const [counted, ids] = await once("schedule_bindings.list_schedules", () =>
        db.batch<{ count: number; id: string }>([
          db.prepare(`SELECT count(*) AS count ${CRON_JOBS}`).bind(workspaceId),
          db.prepare(`SELECT id ${CRON_JOBS} ORDER BY id DESC LIMIT ?2 OFFSET ?3`).bind(workspaceId, limit, offset),
        ]),
      );
      const page = JSON.stringify((ids?.results ?? []).map(({ id }) => id));
      const rows = await once("schedule_bindings.read_schedules", () =>
        orm
          .select({ job: jobs, binding: scheduleBindings })
          .from(jobs)
          .leftJoin(scheduleBindings, eq(scheduleBindings.jobId, jobs.id))
          .where(sql`${jobs.id} IN (SELECT value FROM json_each(${page}))`)
          .orderBy(desc(jobs.id)),
      );
      return {
        rows: rows.map(({ job, binding }) => ({ job: toJob(job), binding })),
        count: counted?.results[0]?.count ?? 0,
      };
    },
  };
}
