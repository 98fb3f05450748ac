/** A job: a saved definition of what to call, when, and what to do when things go wrong. */

import type { JsonValue } from "../json.ts";
import type { RetryPolicy } from "../retry/policy.ts";
import type { DstPolicy, Schedule } from "../schedule/schedule.ts";
import type { WebhookSpec } from "../trigger/webhook.ts";
import type { StepDefinition } from "../workflow/definition.ts";
import type { RequestSpec } from "./request.ts";
import { REQUEST_DEFAULTS } from "./request.ts";

/** The first four are plain: one request. `workflow` and `webhook_trigger` have steps. */
export const JOB_KINDS = ["recurring", "cron", "scheduled", "one_time", "workflow", "webhook_trigger"] as const;
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

/** An interval, a cron expression or one moment: of a plain job its kind, of a workflow a part that may be missing. */
export type Timing =
  | { readonly kind: "recurring"; readonly everyMinutes: number }
  | { readonly kind: "cron"; readonly cron: string; readonly timezone: string; readonly dst: DstPolicy }
  | { readonly kind: "scheduled"; readonly runAtMs: number };

/** When a job fires, as its author wrote it; the kind is the job's. */
export type ScheduleSpec =
  | Timing
  | { readonly kind: "one_time" }
  /** Without a timing it is started by people and programs only. */
  | { readonly kind: "workflow"; readonly timing: Timing | null }
  | { readonly kind: "webhook_trigger" };

export interface Job {
  readonly id: string;
  readonly workspaceId: string;
  readonly name: string;
  readonly state: JobState;
  /** Carries the job's kind. */
  readonly schedule: ScheduleSpec;
  /** What a plain job sends; `NO_REQUEST` in a job with steps, whose `http` steps carry their own. */
  readonly request: RequestSpec;
  readonly retryPolicy: RetryPolicy;
  /** `null` for a plain job, which is one `http` step made of `request` and `retryPolicy`. */
  readonly steps: readonly StepDefinition[] | null;
  /** What templates of steps see as `env`. Not for secrets: it is shown. */
  readonly env: Readonly<Record<string, JsonValue>>;
  /** JSON Schema of the input of a run; `null` takes anything. */
  readonly inputSchema: JsonValue;
  /** JSON with templates: what an execution gives as `final_output`; `null` for none. */
  readonly responseOutputTemplate: JsonValue;
  /** Where this instance is reached, without a slash at its end: callback and approval links begin with it. */
  readonly publicUrl: string | null;
  /** `null` unless the kind is `webhook_trigger`. */
  readonly webhook: WebhookSpec | null;
  /** 1 to 100 executions of the job at a time, whatever started them. */
  readonly concurrencyLimit: number;
  /** Nothing of the job is sent while this is set, nor what was asked for; starts are taken and stay queued. */
  readonly queuePaused: boolean;
  /** Takes the place of `concurrencyLimit`, which it leaves as its author set it; `atMs` is when it did. */
  readonly concurrencyOverride: { readonly limit: number; readonly atMs: number } | null;
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

/** How many executions with one concurrency key, or without one, may have a slot at a time. */
export function slotsOf(job: Pick<Job, "concurrencyLimit" | "concurrencyOverride">): number {
  return job.concurrencyOverride?.limit ?? job.concurrencyLimit;
}

/** Whether a job with this schedule fires once and is then `completed`. */
export function isOneShot(spec: ScheduleSpec): boolean {
  if (spec.kind === "workflow") return spec.timing?.kind === "scheduled";
  return spec.kind === "scheduled" || spec.kind === "one_time";
}

/** Whether a job of this kind has steps rather than one request. */
export function hasSteps(kind: JobKind): boolean {
  return kind === "workflow" || kind === "webhook_trigger";
}

/** What every plain job has in place of steps and what belongs to them. */
export const PLAIN_JOB = {
  steps: null,
  env: {},
  inputSchema: null,
  responseOutputTemplate: null,
  publicUrl: null,
  webhook: null,
} as const satisfies Partial<Job>;

/** The queue of a job that nobody has interfered with. */
export const QUEUE_DEFAULTS = { queuePaused: false, concurrencyOverride: null } as const satisfies Partial<Job>;

/** The request of a job that has steps. */
export const NO_REQUEST: RequestSpec = { ...REQUEST_DEFAULTS, url: "" };

/**
 * The due times of a job's definition, whatever state it is in. An interval is counted from the job's creation, so it
 * never drifts; a `one_time` job is due at the moment from which its schedule counts.
 */
export function scheduleOf(job: Pick<Job, "schedule" | "createdAtMs" | "scheduleFromMs">): Schedule {
  const spec = job.schedule.kind === "workflow" ? job.schedule.timing : job.schedule;
  switch (spec?.kind) {
    case "recurring":
      return { type: "interval", everyMs: spec.everyMinutes * 60_000, anchorMs: job.createdAtMs };
    case "cron":
      return { type: "cron", expression: spec.cron, timezone: spec.timezone, dst: spec.dst };
    case "scheduled":
      return { type: "once", atMs: spec.runAtMs };
    case "one_time":
      return { type: "once", atMs: job.scheduleFromMs };
    case "webhook_trigger":
    case undefined:
      return { type: "none" };
  }
}
