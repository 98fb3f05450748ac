/** What a schedule takes over from its task. */

import type { JsonValue } from "../json.ts";
import { jsonEqual } from "../response/operators.ts";
import type { JobChanges } from "./editMerge.ts";
import type { Job, Timing } from "./job.ts";

export type CronTiming = Extract<Timing, { kind: "cron" }>;

/** The cron timing of a job, whether it is the job's kind or a part of a workflow; `null` for any other job. */
export function cronTimingOf({ schedule }: Pick<Job, "schedule">): CronTiming | null {
  const timing = schedule.kind === "workflow" ? schedule.timing : schedule;
  return timing?.kind === "cron" ? timing : null;
}

/**
 * Makes a job the schedule of a task: its name, what it does, its policies and how its queue moves are the task's, when
 * it is due is its own. A schedule of a task with steps is a `workflow`, which runs them without an input.
 */
export function scheduleChanges(
  task: Job,
  timing: Pick<CronTiming, "cron" | "timezone"> & Partial<Pick<CronTiming, "dst">>,
): JobChanges {
  const shared = {
    name: task.name,
    schedule: {
      cron: timing.cron,
      timezone: timing.timezone,
      ...(timing.dst === undefined ? {} : { dst: timing.dst }),
    },
    concurrencyLimit: task.concurrencyLimit,
    overlapPolicy: task.overlapPolicy,
    misfirePolicy: task.misfirePolicy,
    queuePaused: task.queuePaused,
    concurrencyOverride: task.concurrencyOverride?.limit ?? null,
  };
  if (task.steps === null) return { ...shared, kind: "cron", request: task.request, retryPolicy: task.retryPolicy };
  const { steps, env, inputSchema, responseOutputTemplate } = task;
  return { ...shared, kind: "workflow", steps, env, inputSchema, responseOutputTemplate };
}

/** Whether an edit came to the same definition: then there is no new version to make. */
export function isSameDefinition(one: Job, other: Job): boolean {
  return jsonEqual(definitionOf(one), definitionOf(other));
}

/** As it is stored, which is JSON. */
function definitionOf(job: Job): JsonValue {
  const { name, schedule, request, retryPolicy, steps, env, inputSchema, responseOutputTemplate } = job;
  const { concurrencyLimit, overlapPolicy, misfirePolicy, queuePaused, concurrencyOverride } = job;
  const policies = [concurrencyLimit, overlapPolicy, misfirePolicy, queuePaused, concurrencyOverride?.limit ?? null];
  const definition = [name, schedule, request, retryPolicy, steps, env, inputSchema, responseOutputTemplate, policies];
  return JSON.parse(JSON.stringify(definition)) as JsonValue;
}
