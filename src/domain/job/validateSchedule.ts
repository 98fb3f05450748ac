/** Whether the members of a schedule are those of its kind, and what is wrong with each of them. */

import type { FieldIssue } from "../issue.ts";
import { parseCron } from "../schedule/cron.ts";
import { DEFAULT_DST_POLICY } from "../schedule/schedule.ts";
import type { DstPolicy } from "../schedule/schedule.ts";
import { validateTimezone } from "../schedule/timezone.ts";
import type { JobKind, ScheduleSpec, Timing } from "./job.ts";

/** Bounds of `every_n_minutes` (seed: TrigRun "Job kinds"). */
export const EVERY_MINUTES_LEAST = 1;
export const EVERY_MINUTES_MOST = 1_440;

/** The last moment that ISO 8601 writes with a year of four digits. */
const LATEST_RUN_AT_MS = Date.UTC(10_000, 0, 1) - 1;

/** The members of a schedule as far as they are known; which of them a job needs depends on its kind. */
export interface ScheduleDraft {
  readonly everyMinutes?: number | undefined;
  readonly cron?: string | undefined;
  readonly timezone?: string | undefined;
  readonly dst?: Partial<DstPolicy> | undefined;
  readonly runAtMs?: number | undefined;
}

/** Names on the wire, and the one kind that each member is for. A time zone is understood, and idle, with any kind. */
const MEMBERS = [
  ["everyMinutes", "every_n_minutes", "recurring"],
  ["cron", "cron", "cron"],
  ["dst", "dst", "cron"],
  ["runAtMs", "run_at", "scheduled"],
] as const satisfies readonly (readonly [keyof ScheduleDraft, string, JobKind])[];

const TAKES: Readonly<Record<JobKind, string>> = {
  recurring: "every_n_minutes",
  cron: "cron, timezone and dst",
  scheduled: "run_at",
  one_time: "no schedule, because it runs at once",
  workflow: "one of every_n_minutes, cron and run_at, or none",
  webhook_trigger: "no schedule, because it runs when its webhook is called",
};

/**
 * Everything wrong with a schedule. A `kind` of `undefined` is one that was refused already: what can be judged without
 * it is. `runAtAfterMs` is the moment that `run_at` must come after, or `null` when it may be past.
 */
export function validateSchedule(
  kind: JobKind | undefined,
  draft: ScheduleDraft,
  runAtAfterMs: number | null,
): FieldIssue[] {
  return [
    ...misplacedMembers(kind, draft),
    ...(draft.everyMinutes === undefined ? [] : validateInterval(draft.everyMinutes)),
    ...(draft.cron === undefined ? [] : errorsOf(parseCron(draft.cron, "schedule.cron"))),
    ...(draft.timezone === undefined ? [] : errorsOf(validateTimezone(draft.timezone, "schedule.timezone"))),
    ...(draft.runAtMs === undefined ? [] : validateRunAt(draft.runAtMs, runAtAfterMs)),
  ];
}

/** The schedule that a draft without issues describes; `null` while a member that its kind needs is missing. */
export function scheduleSpecOf(kind: JobKind, draft: ScheduleDraft): ScheduleSpec | null {
  switch (kind) {
    case "recurring":
      return draft.everyMinutes === undefined ? null : { kind, everyMinutes: draft.everyMinutes };
    case "cron":
      if (draft.cron === undefined) return null;
      return {
        kind,
        cron: draft.cron,
        timezone: draft.timezone ?? "UTC",
        dst: {
          gap: draft.dst?.gap ?? DEFAULT_DST_POLICY.gap,
          repeat: draft.dst?.repeat ?? DEFAULT_DST_POLICY.repeat,
        },
      };
    case "scheduled":
      return draft.runAtMs === undefined ? null : { kind, runAtMs: draft.runAtMs };
    case "one_time":
    case "webhook_trigger":
      return { kind };
    case "workflow": {
      const timed = TIMED.find(([member]) => draft[member] !== undefined);
      const timing = timed && scheduleSpecOf(timed[1], draft);
      return { kind, timing: (timing as Timing | undefined | null) ?? null };
    }
  }
}

/** The members that make a timing, one of which a workflow may have. */
const TIMED = [
  ["everyMinutes", "recurring"],
  ["cron", "cron"],
  ["runAtMs", "scheduled"],
] as const satisfies readonly (readonly [keyof ScheduleDraft, Timing["kind"]])[];

/** The members of a saved schedule, to be changed one by one. */
export function scheduleDraftOf(spec: ScheduleSpec): ScheduleDraft {
  switch (spec.kind) {
    case "recurring":
      return { everyMinutes: spec.everyMinutes };
    case "cron":
      return { cron: spec.cron, timezone: spec.timezone, dst: spec.dst };
    case "scheduled":
      return { runAtMs: spec.runAtMs };
    case "one_time":
    case "webhook_trigger":
      return {};
    case "workflow":
      return spec.timing === null ? {} : scheduleDraftOf(spec.timing);
  }
}

function misplacedMembers(kind: JobKind | undefined, draft: ScheduleDraft): FieldIssue[] {
  if (kind === undefined) return [];
  if (kind === "workflow") return misplacedInWorkflow(draft);
  return MEMBERS.flatMap(([member, name, owner]): FieldIssue[] => {
    const path = `schedule.${name}`;
    const isGiven = draft[member] !== undefined;
    if (isGiven && owner !== kind) {
      return [{ path, message: `is for kind "${owner}"; a job of kind "${kind}" takes ${TAKES[kind]}` }];
    }
    if (isGiven || owner !== kind || member === "dst") return [];
    return [{ path, message: `is required for kind "${kind}"${EXAMPLES[member]}` }];
  });
}

function misplacedInWorkflow(draft: ScheduleDraft): FieldIssue[] {
  if (TIMED.filter(([member]) => draft[member] !== undefined).length > 1) {
    return [{ path: "schedule", message: `may have only ${TAKES.workflow}` }];
  }
  if (draft.dst === undefined || draft.cron !== undefined) return [];
  return [{ path: "schedule.dst", message: "is for a cron expression, which is not given" }];
}

const EXAMPLES = {
  everyMinutes: `: a whole number of minutes from ${EVERY_MINUTES_LEAST} to ${EVERY_MINUTES_MOST}`,
  cron: ': five cron fields, such as "0 2 * * *"',
  runAtMs: ": a moment in the future, such as 2030-01-31T09:00:00Z",
} as const;

function validateInterval(everyMinutes: number): FieldIssue[] {
  if (Number.isInteger(everyMinutes) && everyMinutes >= EVERY_MINUTES_LEAST && everyMinutes <= EVERY_MINUTES_MOST) {
    return [];
  }
  const range = `from ${EVERY_MINUTES_LEAST} to ${EVERY_MINUTES_MOST}`;
  return [{ path: "schedule.every_n_minutes", message: `must be a whole number of minutes ${range}` }];
}

function validateRunAt(runAtMs: number, afterMs: number | null): FieldIssue[] {
  const path = "schedule.run_at";
  if (runAtMs > LATEST_RUN_AT_MS) return [{ path, message: "must be before the year 10000" }];
  if (afterMs === null || runAtMs > afterMs) return [];
  const [given, now] = [runAtMs, afterMs].map((ms) => new Date(ms).toISOString());
  return [{ path, message: `must be in the future; ${given} has passed (it is ${now} now)` }];
}

function errorsOf(checked: { readonly ok: true } | { readonly ok: false; readonly error: FieldIssue }): FieldIssue[] {
  return checked.ok ? [] : [checked.error];
}
