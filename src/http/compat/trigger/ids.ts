/** Ids of what Trigger.dev's clients know and we keep as jobs: `sched_X` and `queue_X` are both `job_X`. */

import { isJobId } from "../../../domain/ids.ts";

const JOB_PREFIX = "job_";

export function toScheduleId(jobId: string): string {
  return `sched_${jobId.slice(JOB_PREFIX.length)}`;
}

export function toQueueId(jobId: string): string {
  return `queue_${jobId.slice(JOB_PREFIX.length)}`;
}

/** The job's id in `sched_X`, `job_X` or `X`; `null` for what cannot be one. */
export function fromScheduleId(text: string): string | null {
  return jobIdIn(text, "sched_");
}

/** The job's id in `queue_X`, `job_X` or `X`; `null` for what cannot be one. */
export function fromQueueId(text: string): string | null {
  return jobIdIn(text, "queue_");
}

function jobIdIn(text: string, prefix: string): string | null {
  const known = [prefix, JOB_PREFIX].find((each) => text.startsWith(each)) ?? "";
  const id = JOB_PREFIX + text.slice(known.length);
  return isJobId(id) ? id : null;
}
