/** What is left of a deleted job, removed a bounded piece at a time. */

import type { StorageDeps } from "./calls.ts";
import { repeated } from "./calls.ts";
import { DELETE_MOST } from "./executionRepository.ts";
import { PURGE_LABELS } from "./labelSweep.ts";

/** Does nothing to a job that is not deleted, whoever asks. */
const DELETE_EXECUTIONS = `
DELETE FROM executions WHERE id IN (
  SELECT id FROM executions INDEXED BY executions_by_job WHERE job_id = ?1
  AND NOT EXISTS (SELECT 1 FROM jobs WHERE jobs.id = ?1 AND jobs.deleted_at IS NULL) LIMIT ?2
)`;

const DELETE_TRIGGER_TOKENS = `
DELETE FROM trigger_tokens WHERE job_id = ?1
AND NOT EXISTS (SELECT 1 FROM jobs WHERE jobs.id = ?1 AND jobs.deleted_at IS NULL)`;
const DELETE_WEBHOOK_SECRETS = `
DELETE FROM webhook_secrets WHERE job_id = ?1
AND NOT EXISTS (SELECT 1 FROM jobs WHERE jobs.id = ?1 AND jobs.deleted_at IS NULL)`;

const DELETE_VERSIONS = `
DELETE FROM job_versions WHERE job_id = ?1
AND NOT EXISTS (SELECT 1 FROM jobs WHERE jobs.id = ?1 AND jobs.deleted_at IS NULL)`;

/** The job goes last: while it is there, its executions are hidden, and the watchdog knows that there is work left. */
const DELETE_JOB = `
DELETE FROM jobs WHERE id = ?1 AND deleted_at IS NOT NULL
AND NOT EXISTS (SELECT 1 FROM executions INDEXED BY executions_by_job WHERE job_id = ?1)
AND NOT EXISTS (SELECT 1 FROM execution_labels INDEXED BY execution_labels_by_job WHERE job_id = ?1)`;

const IS_LEFT = `
SELECT EXISTS (SELECT 1 FROM jobs WHERE id = ?1)
OR EXISTS (SELECT 1 FROM executions INDEXED BY executions_by_job WHERE job_id = ?1)
OR EXISTS (SELECT 1 FROM execution_labels INDEXED BY execution_labels_by_job WHERE job_id = ?1) AS is_left`;

/** Removes up to `mostExecutions` and as many labels, in transactions of bounded size; says whether all is gone. Repeatable. */
export async function purgeJob(
  db: D1Database,
  deps: StorageDeps,
  jobId: string,
  mostExecutions: number,
): Promise<boolean> {
  let remaining = mostExecutions;
  for (;;) {
    const most = Math.min(DELETE_MOST, remaining);
    const answers = await repeated(deps, "jobs.purge", () =>
      db.batch<{ is_left: number }>([
        ...[DELETE_EXECUTIONS, ...PURGE_LABELS].map((sql) => db.prepare(sql).bind(jobId, most)),
        db.prepare(DELETE_TRIGGER_TOKENS).bind(jobId),
        db.prepare(DELETE_WEBHOOK_SECRETS).bind(jobId),
        db.prepare(DELETE_VERSIONS).bind(jobId),
        db.prepare(DELETE_JOB).bind(jobId),
        db.prepare(IS_LEFT).bind(jobId),
      ]),
    );
    remaining -= most;
    if (answers.at(-1)?.results[0]?.is_left === 0) return true;
    const removed = answers.slice(0, 1 + PURGE_LABELS.length).some((answer) => answer.meta.changes > 0);
    if (remaining <= 0 || !removed) return false;
  }
}
