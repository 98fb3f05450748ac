/** One line for each execution as it ends: what an operator greps for, what `npm start` shows, and what it cost. */

import type { ActorCost } from "../domain/engine/protocol.ts";
import { type Execution, isFinished, latenessMs } from "../domain/execution/execution.ts";
import { logEvent } from "./log.ts";

/** `cost` is known for an end that an attempt brought about; rows of D1 are counted by the history. */
export function logFinished(execution: Execution, cost: (ActorCost & { d1RowsWritten: number }) | null): void {
  if (!isFinished(execution.status)) return;
  const last = execution.attempts.at(-1);
  logEvent("execution.finished", {
    executionId: execution.id,
    jobId: execution.jobId,
    job: execution.jobName,
    status: execution.status,
    source: execution.source,
    latenessMs: latenessMs(execution),
    durationMs:
      execution.finishedAtMs === null
        ? null
        : execution.finishedAtMs - (execution.startedAtMs ?? execution.createdAtMs),
    attempts: execution.attempts.length,
    statusCode: last?.statusCode ?? null,
    errorClass: last?.errorClass ?? execution.error?.code ?? null,
    ...(cost ? { cost: { ...cost } } : {}),
  });
}
