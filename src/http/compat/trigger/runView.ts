/** Runs as the client reads them. An absent date is left out: the client takes `null` for 1970. */

import type { ExecutionSummary } from "../../../app/ports.ts";
import type { ScheduleView } from "../../../app/schedules/taskSchedules.ts";
import type { Execution } from "../../../domain/execution/execution.ts";
import type { Labels } from "../../../domain/execution/labels.ts";
import { inputOf, resultOf } from "../../../domain/execution/result.ts";
import { iso } from "../../time.ts";
import { toRunId } from "../ids.ts";
import { formatDuration } from "./duration.ts";
import { toScheduleId } from "./ids.ts";
import type { ApiDialect } from "./runStatus.ts";
import { runStatus, statusFlags } from "./runStatus.ts";
import { scheduleGenerator } from "./scheduleGenerator.ts";

/** How a view is made: for whom and when. */
export interface Viewing {
  readonly nowMs: number;
  readonly dialect: ApiDialect;
}

/** What surrounds a run, besides itself. */
export interface RunContext {
  readonly labels: Labels | undefined;
  readonly schedule: ScheduleView | null;
  readonly root: RelatedRun | null;
  readonly parent: RelatedRun | null;
  readonly children: readonly RelatedRun[];
}

export interface RelatedRun {
  readonly run: RunSource;
  readonly labels: Labels | undefined;
  readonly depth: number;
  readonly isAwaited: boolean;
}

/** The only environment that there is: a workspace. */
export const ENVIRONMENT_NAME = "prod";

/** An item of a list. */
export function toRunItem(summary: ExecutionSummary, labels: Labels | undefined, viewing: Viewing) {
  return {
    ...commonFields(summary, labels, viewing),
    env: { id: summary.workspaceId, name: ENVIRONMENT_NAME },
    attempts: [],
  };
}

export function toRun(execution: Execution, context: RunContext, viewing: Viewing) {
  const { start, parent, error } = execution;
  const { schedule } = context;
  const [payload, output] = [inputOf(execution), resultOf(execution)];
  const run = asRunSource(execution);
  return {
    ...commonFields(run, context.labels, viewing),
    ...(start?.idempotencyKey == null ? {} : { idempotencyKey: start.idempotencyKey }),
    ...(start?.ttlMs == null ? {} : { ttl: formatDuration(start.ttlMs) }),
    ...(start?.batchId == null ? {} : { batchId: start.batchId }),
    ...(payload === null ? {} : { payload }),
    ...(output === null ? {} : { output }),
    ...(error === null ? {} : { error: { message: error.message, name: error.code } }),
    ...(schedule === null ? {} : { schedule: toRunSchedule(schedule) }),
    depth: parent?.depth ?? 0,
    triggerFunction: triggerFunction(start?.batchId != null, parent?.waits === true),
    relatedRuns: {
      ...(context.root === null ? {} : { root: toRelatedRun(context.root, viewing) }),
      ...(context.parent === null ? {} : { parent: toRelatedRun(context.parent, viewing) }),
      ...(context.children.length === 0
        ? {}
        : { children: context.children.map((child) => toRelatedRun(child, viewing)) }),
    },
    attemptCount: run.attemptCount,
    attempts: [],
  };
}

/** What every view of a run needs of it; a line of a list has as much. */
export type RunSource = Pick<
  Execution,
  | "id"
  | "jobName"
  | "jobVersion"
  | "status"
  | "source"
  | "error"
  | "scheduledForMs"
  | "createdAtMs"
  | "startedAtMs"
  | "finishedAtMs"
> & { readonly attemptCount: number };

/** Attempts are requests of a plain job; what steps tried is not counted. */
export function asRunSource(execution: Execution): RunSource {
  return { ...execution, attemptCount: execution.attempts.length };
}

/** What items of lists, related runs and a run on its own have in common. */
function commonFields(source: RunSource, labels: Labels | undefined, { nowMs, dialect }: Viewing) {
  const { createdAtMs, startedAtMs, finishedAtMs, scheduledForMs } = source;
  const status = runStatus(source, nowMs, dialect);
  const updatedAtMs = Math.max(createdAtMs, startedAtMs ?? 0, finishedAtMs ?? 0, labels?.updatedAtMs ?? 0);
  const wasDelayed = source.source !== "schedule" && scheduledForMs > createdAtMs;
  return {
    id: toRunId(source.id),
    status,
    taskIdentifier: source.jobName,
    version: String(source.jobVersion),
    ...statusFlags(status),
    isTest: false,
    createdAt: iso(createdAtMs),
    updatedAt: iso(updatedAtMs),
    ...(startedAtMs === null ? {} : { startedAt: iso(startedAtMs) }),
    ...(finishedAtMs === null ? {} : { finishedAt: iso(finishedAtMs) }),
    ...(wasDelayed ? { delayedUntil: iso(scheduledForMs) } : {}),
    ...(status === "EXPIRED" && finishedAtMs !== null ? { expiredAt: iso(finishedAtMs) } : {}),
    tags: [...(labels?.tags ?? [])],
    costInCents: 0,
    baseCostInCents: 0,
    durationMs: startedAtMs === null ? 0 : Math.max(0, (finishedAtMs ?? nowMs) - startedAtMs),
    ...(labels?.metadata == null ? {} : { metadata: labels.metadata }),
  };
}

function toRelatedRun({ run, labels, depth, isAwaited }: RelatedRun, viewing: Viewing) {
  return { ...commonFields(run, labels, viewing), depth, triggerFunction: triggerFunction(false, isAwaited) };
}

function toRunSchedule({ job, binding, cron, timezone }: ScheduleView) {
  return {
    id: toScheduleId(job.id),
    ...(binding?.externalId == null ? {} : { externalId: binding.externalId }),
    ...(binding?.deduplicationKey == null ? {} : { deduplicationKey: binding.deduplicationKey }),
    generator: scheduleGenerator(cron, timezone),
  };
}

function triggerFunction(isOfBatch: boolean, isAwaited: boolean): "trigger" | "triggerAndWait" | "batchTrigger" {
  if (isAwaited) return "triggerAndWait";
  return isOfBatch ? "batchTrigger" : "trigger";
}
