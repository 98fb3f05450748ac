/** A schedule of a task: a job of its own that follows the definition of another one. */

export interface ScheduleBinding {
  /** The schedule: a `cron` job, or a `workflow` with a cron timing where the task has steps. */
  readonly jobId: string;
  readonly workspaceId: string;
  /** The job whose name, request, steps and policies the schedule takes over. */
  readonly taskJobId: string;
  /** What its creator remembers with it. */
  readonly externalId: string | null;
  /** At most one schedule of a workspace has it: creating it again changes that one. */
  readonly deduplicationKey: string | null;
}
