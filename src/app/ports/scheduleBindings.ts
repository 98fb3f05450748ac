/** What use cases need to keep schedules of tasks. */

import type { Job } from "../../domain/job/job.ts";
import type { ScheduleBinding } from "../../domain/job/scheduleBinding.ts";

/** `null`: a job with a cron timing of its own. */
export interface ScheduleRow {
  readonly job: Job;
  readonly binding: ScheduleBinding | null;
}

export interface ScheduleBindingRepository {
  /** The binding itself, or the one that has its deduplication key: the unique index decides. */
  insert(binding: ScheduleBinding): Promise<ScheduleBinding>;
  find(jobId: string): Promise<ScheduleBinding | null>;
  replace(binding: ScheduleBinding): Promise<void>;
  /** Every schedule of a task. */
  listOfTask(workspaceId: string, taskJobId: string): Promise<readonly ScheduleBinding[]>;
  /** Jobs with a cron timing, newest first, and how many there are. */
  listSchedules(
    workspaceId: string,
    page: { readonly limit: number; readonly offset: number },
  ): Promise<{ readonly rows: readonly ScheduleRow[]; readonly count: number }>;
}
