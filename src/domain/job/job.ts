/** A job: a saved definition of what to call, when, and what to do when things go wrong. */

import type { RetryPolicy } from "../retry/policy.ts";
import type { DstPolicy, Schedule } from "../schedule/schedule.ts";
import type { RequestSpec } from "./request.ts";

export const JOB_KINDS = ["recurring", "cron", "scheduled", "one_time"] as const;
export type JobKind = (typeof JOB_KINDS)[number];

/** `draft` was never armed; `completed` is where one-shot jobs end. Diagram: docs/state-machines.md. */
export const JOB_STATES = ["active", "paused", "draft", "completed"] as const;
export type JobState = (typeof JOB_STATES)[number];

/** What a due time does when every slot of the job is taken. */
export const OVERLAP_POLICIES = ["queue", "skip", "cancel_running"] as const;
export type OverlapPolicy = (typeof OVERLAP_POLICIES)[number];

/** What becomes of due times that passed while the instance was down. */
export const MISFIRE_POLICIES = ["fire_once", "skip", "catch_up"] as const;
export type MisfirePolicy = (typeof MISFIRE_POLICIES)[number];

/** When a job fires, as its author wrote it; the kind says which member applies. */
export type ScheduleSpec =
  | { readonly kind: "recurring"; readonly everyMinutes: number }
  | { readonly kind: "cron"; readonly cron: string; readonly timezone: string; readonly dst: DstPolicy }
  | { readonly kind: "scheduled"; readonly runAtMs: number }
  | { readonly kind: "one_time" };

export interface Job {
  readonly id: string;
  readonly workspaceId: string;
  readonly name: string;
  readonly state: JobState;
  /** Carries the job's kind. */
  readonly schedule: ScheduleSpec;
  readonly request: RequestSpec;
  readonly retryPolicy: RetryPolicy;
  /** 1 to 100 executions of the job at a time, whatever started them. */
  readonly concurrencyLimit: number;
  readonly overlapPolicy: OverlapPolicy;
  readonly misfirePolicy: MisfirePolicy;
  readonly createdAtMs: number;
  readonly updatedAtMs: number;
  /** Starts at 1 and rises with every change; an execution runs under the version that it started with. */
  readonly version: number;
  /**
   * Due times before this moment are not this job's business: set at creation and moved to "now" by activate, resume
   * and every change of the schedule, so that nothing that passed while a job was paused is made up for.
   */
  readonly scheduleFromMs: number;
}

/** Default of `concurrency_limit`: kinds that repeat do not overlap themselves unless asked to. */
export function defaultConcurrencyLimit(kind: JobKind): number {
  return kind === "recurring" || kind === "cron" ? 1 : 10;
}

/** Whether a job of this kind fires once and is then `completed`. */
export function isOneShot(kind: JobKind): boolean {
  return kind === "scheduled" || kind === "one_time";
}

/**
 * The due times of a job's definition, whatever state it is in. An interval is counted from the job's creation, so it
 * never drifts; a `one_time` job is due at the moment from which its schedule counts.
 */
export function scheduleOf(job: Pick<Job, "schedule" | "createdAtMs" | "scheduleFromMs">): Schedule {
  const spec = job.schedule;
  switch (spec.kind) {
    case "recurring":
      return { type: "interval", everyMs: spec.everyMinutes * 60_000, anchorMs: job.createdAtMs };
    case "cron":
      return { type: "cron", expression: spec.cron, timezone: spec.timezone, dst: spec.dst };
    case "scheduled":
      return { type: "once", atMs: spec.runAtMs };
    case "one_time":
      return { type: "once", atMs: job.scheduleFromMs };
  }
}
