/** An execution as a Trigger.dev run: `?view=trigger_dev_run`, for tools that read runs by that schema. */

import { z } from "@hono/zod-openapi";
import type { ExecutionSummary } from "../../../app/ports.ts";
import type { Attempt } from "../../../domain/execution/attempt.ts";
import { WORKER_LOST } from "../../../domain/execution/attempt.ts";
import type { Execution } from "../../../domain/execution/execution.ts";
import type { Labels } from "../../../domain/execution/labels.ts";
import { inputOf, resultOf } from "../../../domain/execution/result.ts";
import { narrowStatus } from "../../../domain/execution/statusFilter.ts";
import { toRunId } from "../../compat/ids.ts";
import { iso, isoOrNull } from "../../time.ts";
import { momentOut } from "./time.ts";

/** All that the schema knows; nothing here waits for a deployment. */
export const RUN_STATUSES = [
  "QUEUED",
  "EXECUTING",
  "REATTEMPTING",
  "WAITING_FOR_DEPLOY",
  "WAITING_TO_RESUME",
  "COMPLETED_SUCCESSFULLY",
  "COMPLETED_WITH_ERRORS",
  "INTERRUPTED",
  "CANCELLED",
  "CRASHED",
  "FAILED_TO_RUN",
  "TIMED_OUT",
  "EXPIRED",
  "DELAYED",
  "SYSTEM_FAILURE",
] as const;
type RunStatus = (typeof RUN_STATUSES)[number];

const RunReference = z.strictObject({
  id: z.string().regex(/^run_/),
  status: z.enum(RUN_STATUSES).optional(),
  taskIdentifier: z.string().optional(),
});

export const TriggerDevRunSchema = z
  .strictObject({
    id: z.string().regex(/^run_/),
    status: z.enum(RUN_STATUSES),
    taskIdentifier: z.string().openapi({ description: "The job's name." }),
    version: z.string().openapi({ description: "The job's version." }),
    createdAt: momentOut(),
    updatedAt: momentOut(),
    startedAt: momentOut().nullable(),
    finishedAt: momentOut().nullable(),
    isTest: z.boolean(),
    payload: z.unknown().optional(),
    output: z.unknown().optional(),
    tags: z.array(z.string()),
    metadata: z.record(z.string(), z.unknown()),
    relatedRuns: z.strictObject({
      root: RunReference.optional(),
      parent: RunReference.optional(),
      children: z.array(RunReference).optional(),
    }),
    attempts: z.array(
      z.strictObject({
        id: z.string(),
        status: z.enum(["COMPLETED", "FAILED"]),
        startedAt: momentOut(),
        completedAt: momentOut().nullable(),
        error: z.strictObject({ message: z.string() }).optional(),
      }),
    ),
  })
  .openapi("TriggerDevRun");

/** Errors of requests that were never sent. */
const NOT_SENT: ReadonlySet<string> = new Set([
  "target_refused",
  "invalid_request",
  "secret_unavailable",
  "signing_unavailable",
]);

/** What surrounds the run. */
export interface RunSurroundings {
  readonly labels: Labels | undefined;
  /** From its parent up to its root. */
  readonly ancestors: readonly Execution[];
  readonly children: readonly ExecutionSummary[];
}

export function fromExecutionAsRun(
  execution: Execution,
  { labels, ancestors, children }: RunSurroundings,
  nowMs: number,
): z.output<typeof TriggerDevRunSchema> {
  const { createdAtMs, startedAtMs, finishedAtMs } = execution;
  const [payload, output] = [inputOf(execution), resultOf(execution)];
  const [parent, root] = [ancestors[0], ancestors.at(-1)];
  const attempts = [...execution.attempts, ...(execution.workflow?.steps ?? []).flatMap((step) => step.attempts)];
  return {
    id: toRunId(execution.id),
    status: runStatus({ ...execution, attemptCount: execution.attempts.length }, nowMs),
    taskIdentifier: execution.jobName,
    version: String(execution.jobVersion),
    createdAt: iso(createdAtMs),
    updatedAt: iso(Math.max(createdAtMs, startedAtMs ?? 0, finishedAtMs ?? 0, labels?.updatedAtMs ?? 0)),
    startedAt: isoOrNull(startedAtMs),
    finishedAt: isoOrNull(finishedAtMs),
    isTest: false,
    ...(payload === null ? {} : { payload }),
    ...(output === null ? {} : { output }),
    tags: [...(labels?.tags ?? [])],
    metadata: { ...labels?.metadata },
    relatedRuns: {
      ...(root === undefined ? {} : { root: toReference(root, root.attempts.length, nowMs) }),
      ...(parent === undefined ? {} : { parent: toReference(parent, parent.attempts.length, nowMs) }),
      ...(children.length === 0
        ? {}
        : { children: children.map((child) => toReference(child, child.attemptCount, nowMs)) }),
    },
    attempts: attempts.map((attempt, index) => fromAttempt(attempt, index + 1)),
  };
}

type StatusSource = Pick<Execution, "status" | "error" | "scheduledForMs" | "startedAtMs"> & {
  readonly attemptCount: number;
};

function runStatus(execution: StatusSource, nowMs: number): RunStatus {
  const code = execution.error?.code ?? "";
  switch (narrowStatus(execution, nowMs)) {
    case "delayed":
      return "DELAYED";
    case "queued_only":
      return "QUEUED";
    case "running":
      return execution.attemptCount > 0 ? "REATTEMPTING" : "EXECUTING";
    case "waiting":
      return "WAITING_TO_RESUME";
    case "succeeded":
      return "COMPLETED_SUCCESSFULLY";
    case "timed_out":
      return "TIMED_OUT";
    case "failed_only":
      if (code === WORKER_LOST) return "CRASHED";
      if (code === "secret_store_unreachable") return "SYSTEM_FAILURE";
      return NOT_SENT.has(code) ? "FAILED_TO_RUN" : "COMPLETED_WITH_ERRORS";
    case "expired":
      return "EXPIRED";
    case "cancelled_only":
      return code === "cancelled_overlap" ? "INTERRUPTED" : "CANCELLED";
  }
}

function toReference(
  run: Pick<Execution, "id" | "jobName" | "status" | "error" | "scheduledForMs" | "startedAtMs">,
  attemptCount: number,
  nowMs: number,
): z.output<typeof RunReference> {
  return { id: toRunId(run.id), status: runStatus({ ...run, attemptCount }, nowMs), taskIdentifier: run.jobName };
}

function fromAttempt(attempt: Attempt, number: number) {
  return {
    id: `attempt_${number}`,
    status: attempt.status === "SUCCESS" ? ("COMPLETED" as const) : ("FAILED" as const),
    startedAt: iso(attempt.startedAtMs),
    completedAt: iso(attempt.startedAtMs + attempt.latencyMs),
    ...(attempt.errorMessage === null ? {} : { error: { message: attempt.errorMessage } }),
  };
}
