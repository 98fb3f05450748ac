/** How a job comes to be and changes: defaults, merging, and from when its schedule counts. Pure. */

import type { Random } from "../clock.ts";
import type { FieldIssue } from "../issue.ts";
import type { TargetPolicy } from "../net/target.ts";
import { err, ok } from "../result.ts";
import type { Result } from "../result.ts";
import type { JobChanges } from "./editMerge.ts";
import { mergeChanges } from "./editMerge.ts";
import type { Job, JobState, ScheduleSpec } from "./job.ts";
import { isOneShot } from "./job.ts";
import { newJobId } from "./newJobId.ts";
import { validateJob } from "./validate.ts";

export interface EditContext {
  readonly nowMs: number;
  readonly targetPolicy: TargetPolicy;
  /** Where the instance is reached now; what a job with steps remembers of it is kept where nothing is given. */
  readonly publicUrl?: string;
  /** What the reader of the input has to complain about already. */
  readonly complaints?: readonly FieldIssue[] | undefined;
}

/** A new job with an id of its own, or everything that is wrong with what was asked for. */
export function createJob(
  workspaceId: string,
  changes: JobChanges,
  context: EditContext & { readonly random: Random },
): Result<Job, FieldIssue[]> {
  const { nowMs, random } = context;
  const draft = mergeChanges(null, changes, context.publicUrl);
  const definition = validateJob(
    draft,
    { targetPolicy: context.targetPolicy, runAtAfterMs: nowMs },
    context.complaints,
  );
  if (!definition.ok) return definition;
  const job = {
    workspaceId,
    ...definition.value,
    concurrencyOverride: overrideOf(null, draft.concurrencyOverride, nowMs),
    state: changes.state ?? "active",
    createdAtMs: nowMs,
    updatedAtMs: nowMs,
    version: 1,
    scheduleFromMs: nowMs,
  };
  return ok({ id: newJobId(job, random), ...job });
}

export type EditRefusal =
  | { readonly type: "invalid"; readonly issues: FieldIssue[] }
  /** A job that has run for good takes no new state; a new schedule or a run by hand is what its owner wants. */
  | { readonly type: "completed" };

/**
 * The next version of a job: what the changes name is replaced, the whole is judged again.
 *
 * - A new schedule or kind counts from now, and wakes a `completed` job unless the changes name a state.
 * - So does becoming `active`: nothing that passed meanwhile is made up for. The exception is a one-shot job whose one
 *   execution exists already (`hasFired`): it must not run a second time because it was paused and resumed.
 * - `run_at` must be in the future whenever the job would still have to wait for it.
 */
export function editJob(
  job: Job,
  changes: JobChanges,
  context: EditContext & { readonly hasFired: boolean },
): Result<Job, EditRefusal> {
  const { nowMs, hasFired } = context;
  const draft = mergeChanges(job, changes, context.publicUrl);
  const becomesActive = changes.state === "active" && job.state !== "active";
  const namesNewRunAt = draft.schedule.runAtMs !== scheduledFor(job);
  const mustComeTrue = namesNewRunAt || (becomesActive && !hasFired && job.state !== "completed");
  const definition = validateJob(
    draft,
    { targetPolicy: context.targetPolicy, runAtAfterMs: mustComeTrue ? nowMs : null },
    context.complaints,
  );
  if (!definition.ok) return err({ type: "invalid", issues: definition.error });

  const isRescheduled = !isSameSchedule(job.schedule, definition.value.schedule);
  if (job.state === "completed" && changes.state !== undefined && !isRescheduled) return err({ type: "completed" });
  const state = nextState(job, changes.state, isRescheduled);
  const counts = isRescheduled || (state === "active" && job.state !== "active" && !hasFired);
  return ok({
    ...job,
    ...definition.value,
    concurrencyOverride: overrideOf(job, draft.concurrencyOverride, nowMs),
    state,
    updatedAtMs: nowMs,
    version: job.version + 1,
    scheduleFromMs: counts ? nowMs : job.scheduleFromMs,
  });
}

/** An override that stays as it is keeps the moment from which it held. */
function overrideOf(before: Job | null, limit: number | null, nowMs: number): Job["concurrencyOverride"] {
  if (limit === null) return null;
  const override = before?.concurrencyOverride ?? null;
  return override?.limit === limit ? override : { limit, atMs: nowMs };
}

/** Whether `editJob` needs to be told truly if the job's one execution exists: its due time may have passed already. */
export function dependsOnFiring(job: Job, changes: JobChanges): boolean {
  return isOneShot(job.schedule) && (job.state === "paused" || job.state === "draft") && changes.state === "active";
}

function nextState(job: Job, asked: JobChanges["state"], isRescheduled: boolean): JobState {
  if (asked !== undefined) return asked;
  return job.state === "completed" && isRescheduled ? "active" : job.state;
}

function scheduledFor(job: Job): number | undefined {
  const timing = job.schedule.kind === "workflow" ? job.schedule.timing : job.schedule;
  return timing?.kind === "scheduled" ? timing.runAtMs : undefined;
}

function isSameSchedule(one: ScheduleSpec, other: ScheduleSpec): boolean {
  if (one.kind === "cron" && other.kind === "cron") {
    return (
      one.cron === other.cron &&
      one.timezone === other.timezone &&
      one.dst.gap === other.dst.gap &&
      one.dst.repeat === other.dst.repeat
    );
  }
  if (one.kind === "recurring" && other.kind === "recurring") return one.everyMinutes === other.everyMinutes;
  if (one.kind === "workflow" && other.kind === "workflow") {
    if (one.timing === null || other.timing === null) return one.timing === other.timing;
    return isSameSchedule(one.timing, other.timing);
  }
  if (one.kind === "scheduled" && other.kind === "scheduled") return one.runAtMs === other.runAtMs;
  return one.kind === other.kind;
}

/** What `pause`, `resume` and `activate` ask for. */
const TRANSITIONS = ["pause", "resume", "activate"] as const;
export type Transition = (typeof TRANSITIONS)[number];

/**
 * Where a transition leads: a state, `"unchanged"` when the job is there already, or a sentence that says why it leads
 * nowhere and what would. Diagram: docs/state-machines.md.
 */
export function transitionFrom(
  state: Exclude<JobState, "completed">,
  transition: Transition,
): Result<"active" | "paused" | "unchanged", string> {
  switch (transition) {
    case "pause":
      if (state === "draft") return err("A draft does not run, so there is nothing to pause; activate it to start it.");
      return ok(state === "paused" ? "unchanged" : "paused");
    case "resume":
      if (state === "draft") return err("This job is a draft and was never started; activate it instead.");
      return ok(state === "active" ? "unchanged" : "active");
    case "activate":
      if (state === "paused") return err("This job is paused; resume it instead.");
      return ok(state === "active" ? "unchanged" : "active");
  }
}
