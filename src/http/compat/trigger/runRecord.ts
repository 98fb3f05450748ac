/** What is left of a run: its result, and the requests that were sent for it. */

import type { Attempt } from "../../../domain/execution/attempt.ts";
import type { Execution } from "../../../domain/execution/execution.ts";
import { resultOf } from "../../../domain/execution/result.ts";
import { iso } from "../../time.ts";
import { toRunId } from "../ids.ts";

/** The result of a run that has ended, as `triggerAndWait` would hand it on. */
export function toRunResult(execution: Execution) {
  const { id, jobName, status, error } = execution;
  const [runId, taskIdentifier] = [toRunId(id), jobName];
  if (status === "succeeded") {
    const output = resultOf(execution);
    return {
      ok: true,
      id: runId,
      taskIdentifier,
      ...(output === null ? {} : { output: JSON.stringify(output) }),
      outputType: "application/json",
    };
  }
  return {
    ok: false,
    id: runId,
    taskIdentifier,
    error: {
      type: "BUILT_IN_ERROR",
      name: error?.code ?? status,
      message: error?.message ?? "The run did not succeed.",
      stackTrace: "",
    },
  };
}

/** One event per request that was sent, those of steps among them, in the order of their beginning. */
export function toRunEvents(execution: Execution) {
  const steps = execution.workflow?.steps ?? [];
  const sent = [
    ...execution.attempts.map((attempt) => ({ attempt, path: null })),
    ...steps.flatMap(({ path, attempts }) => attempts.map((attempt) => ({ attempt, path }))),
  ];
  return sent
    .toSorted((one, other) => one.attempt.startedAtMs - other.attempt.startedAtMs)
    .map(({ attempt, path }) => toRunEvent(execution, attempt, path));
}

function toRunEvent({ id, jobName }: Execution, attempt: Attempt, path: string | null) {
  const outcome = attempt.errorMessage ?? (attempt.statusCode === null ? attempt.status : `HTTP ${attempt.statusCode}`);
  return {
    spanId: `${path === null ? "" : `${path}/`}${attempt.number}`,
    runId: toRunId(id),
    message: `${path === null ? "" : `${path}: `}attempt ${attempt.number}: ${outcome}`,
    startTime: iso(attempt.startedAtMs),
    /** Nanoseconds. */
    duration: attempt.latencyMs * 1_000_000,
    isError: attempt.status !== "SUCCESS",
    isPartial: false,
    isCancelled: false,
    level: "TRACE",
    attemptNumber: attempt.number,
    taskSlug: jobName,
  };
}
