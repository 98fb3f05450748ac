/** Schedules as other API faces know them: each starts a task by cron. */

import type { Job } from "../../domain/job/job.ts";
import type { ScheduleBinding } from "../../domain/job/scheduleBinding.ts";
import type { Outcome } from "../errors.ts";
import type { Services } from "../services.ts";

export interface ScheduleInput {
  /** A job's id or name. */
  readonly task: string;
  readonly cron: string;
  /** IANA; UTC by default. */
  readonly timezone?: string;
  readonly externalId?: string | null;
}

export interface ScheduleView {
  /** The schedule itself. Its `name` is its task's name. */
  readonly job: Job;
  /** `null` for a job with a cron timing of its own, which is its own task. */
  readonly binding: ScheduleBinding | null;
  readonly cron: string;
  readonly timezone: string;
  /** Whether it fires. */
  readonly active: boolean;
  readonly nextRunAtMs: number | null;
}

export interface SchedulePage {
  readonly schedules: readonly ScheduleView[];
  readonly count: number;
}

/** Complaints about `cron`, `timezone` and `task` come as `invalid_request` with a sentence for each. */
export async function createOrUpdateSchedule(
  _services: Services,
  _workspaceId: string,
  _input: ScheduleInput & { readonly deduplicationKey: string | null },
): Promise<Outcome<ScheduleView>> {
  throw new Error("Comes with the next commits.");
}

/** `page` counts from 1. */
export async function listSchedules(
  _services: Services,
  _workspaceId: string,
  _page: { readonly page: number; readonly perPage: number },
): Promise<SchedulePage> {
  throw new Error("Comes with the next commits.");
}

export async function getSchedule(
  _services: Services,
  _workspaceId: string,
  _scheduleId: string,
): Promise<Outcome<ScheduleView>> {
  throw new Error("Comes with the next commits.");
}

export async function updateSchedule(
  _services: Services,
  _workspaceId: string,
  _scheduleId: string,
  _input: ScheduleInput,
): Promise<Outcome<ScheduleView>> {
  throw new Error("Comes with the next commits.");
}

export async function setScheduleActive(
  _services: Services,
  _workspaceId: string,
  _scheduleId: string,
  _active: boolean,
): Promise<Outcome<ScheduleView>> {
  throw new Error("Comes with the next commits.");
}

export async function removeSchedule(
  _services: Services,
  _workspaceId: string,
  _scheduleId: string,
): Promise<Outcome<null>> {
  throw new Error("Comes with the next commits.");
}

/** Due times that are still to come, epoch milliseconds; none of a schedule that is not active. */
export function upcomingTimes(_services: Pick<Services, "clock">, _view: ScheduleView, _count: number): number[] {
  throw new Error("Comes with the next commits.");
}
