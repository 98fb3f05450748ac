/** When a schedule would fire, in times and in words, without saving anything. */

import type { FieldIssue } from "../../domain/issue.ts";
import { mergeChanges } from "../../domain/job/editMerge.ts";
import type { JobChanges } from "../../domain/job/editMerge.ts";
import type { Job, JobKind } from "../../domain/job/job.ts";
import { scheduleOf } from "../../domain/job/job.ts";
import { onePerPath } from "../../domain/job/validate.ts";
import { scheduleSpecOf, validateSchedule } from "../../domain/job/validateSchedule.ts";
import { ok } from "../../domain/result.ts";
import { describeSchedule } from "../../domain/schedule/preview.ts";
import { upcoming } from "../../domain/schedule/schedule.ts";
import type { Outcome } from "../errors.ts";
import { invalid } from "../errors.ts";
import { upcomingOf } from "../jobs/viewJob.ts";
import type { Services } from "../services.ts";

export interface UpcomingTimes {
  /** One English sentence without a full stop. */
  readonly description: string;
  readonly timesMs: readonly number[];
}

/** The next due times of a saved job; none unless it is active. */
export function upcomingTimes(services: Pick<Services, "clock">, job: Job, count: number): UpcomingTimes {
  const { schedule, timesMs } = upcomingOf(job, services.clock.now(), count);
  return { description: describeSchedule(schedule), timesMs };
}

const NO_SCHEDULE: FieldIssue = { path: "schedule", message: "must have every_n_minutes, cron or run_at" };

function isAboutSchedule({ path }: FieldIssue): boolean {
  return path.startsWith("schedule");
}

/** An interval is counted from now, as it would be for a job created now. Without a kind, the schedule's members tell it. */
export function previewSchedule(
  services: Pick<Services, "clock">,
  input: { readonly changes: Pick<JobChanges, "kind" | "schedule">; readonly complaints: readonly FieldIssue[] },
  count: number,
): Outcome<UpcomingTimes & { readonly kind: JobKind }> {
  const nowMs = services.clock.now();
  const { schedule: draft } = mergeChanges(null, input.changes);
  const kind = input.changes.kind ?? kindOf(draft);
  const issues = onePerPath([
    ...input.complaints,
    ...validateSchedule(kind, draft, nowMs),
    ...(kind === undefined && !input.complaints.some(isAboutSchedule) ? [NO_SCHEDULE] : []),
  ]);
  const spec = kind === undefined ? null : scheduleSpecOf(kind, draft);
  if (issues.length > 0 || kind === undefined || spec === null) return invalid(issues);
  const schedule = scheduleOf({ schedule: spec, createdAtMs: nowMs, scheduleFromMs: nowMs });
  // One before, because a one_time job is due now.
  return ok({ kind, description: describeSchedule(schedule), timesMs: upcoming(schedule, nowMs - 1, count) });
}

function kindOf(draft: ReturnType<typeof mergeChanges>["schedule"]): JobKind | undefined {
  if (draft.cron !== undefined) return "cron";
  if (draft.everyMinutes !== undefined) return "recurring";
  return draft.runAtMs === undefined ? undefined : "scheduled";
}
