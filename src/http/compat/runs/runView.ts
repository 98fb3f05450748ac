/** An execution as a run: a line of the list, the run itself, and its logs. */

import type { ExecutionSummary } from "../../../app/ports.ts";
import type { Execution } from "../../../domain/execution/execution.ts";
import type { JsonValue } from "../../../domain/json.ts";
import { outputOf } from "../../../domain/workflow/scope.ts";
import { iso, isoOrNull } from "../../time.ts";
import { toRunId, toWorkflowId } from "../ids.ts";
import type { RunStatus } from "./runStatus.ts";
import { runError, runStatus, TRIGGER_TYPES } from "./runStatus.ts";
import { wireOutput } from "./stepFields.ts";
import type { StepLog, StepResult } from "./stepResults.ts";
import { durationMs, plainOutput, stepLogs, stepResult } from "./stepResults.ts";

interface RunEnd {
  readonly startedAt: string | null;
  readonly completedAt: string | null;
  readonly durationMs: number | null;
  readonly error: { readonly code: string; readonly message: string } | null;
}

interface RunHead {
  readonly id: string;
  readonly workflowId: string;
  readonly status: RunStatus;
  readonly triggerType: "api" | "webhook" | "schedule" | "manual";
}

export type RunItem = RunHead & RunEnd & { readonly createdAt: string };

export type Run = RunItem & {
  readonly input: JsonValue;
  readonly output: JsonValue;
  readonly stepResults: readonly StepResult[];
  /** Only of a run that repeats another, wholly or from one of its steps. */
  readonly restartedFromRunId?: string;
};

export interface RunLogs extends RunEnd {
  readonly runId: string;
  readonly workflowId: string;
  readonly status: RunStatus;
  readonly logs: readonly StepLog[];
}

export function toRunItem(execution: ExecutionSummary | Execution): RunItem {
  return { ...headOf(execution), ...endOf(execution), createdAt: iso(execution.createdAtMs) };
}

export function toRun(execution: Execution): Run {
  const restartedFrom = execution.workflow?.restartedFrom ?? execution.replayedFrom;
  return {
    ...headOf(execution),
    input: inputOf(execution),
    output: execution.status === "succeeded" ? runOutput(execution) : null,
    stepResults: stepLogs(execution).map(stepResult),
    ...endOf(execution),
    createdAt: iso(execution.createdAtMs),
    ...(restartedFrom === null ? {} : { restartedFromRunId: toRunId(restartedFrom) }),
  };
}

export function toRunLogs(execution: Execution): RunLogs {
  return {
    runId: toRunId(execution.id),
    workflowId: toWorkflowId(execution.jobId),
    status: runStatus(execution),
    logs: stepLogs(execution),
    ...endOf(execution),
  };
}

function headOf(execution: ExecutionSummary | Execution): RunHead {
  return {
    id: toRunId(execution.id),
    workflowId: toWorkflowId(execution.jobId),
    status: runStatus(execution),
    triggerType: TRIGGER_TYPES[execution.source],
  };
}

function endOf(execution: ExecutionSummary | Execution): RunEnd {
  const { startedAtMs, finishedAtMs } = execution;
  return {
    startedAt: isoOrNull(startedAtMs),
    completedAt: isoOrNull(finishedAtMs),
    durationMs: durationMs(startedAtMs, finishedAtMs),
    error: runError(execution),
  };
}

/** What came with a webhook is the input of the run that it started, as in the seed's example. */
function inputOf({ workflow, start }: Execution): JsonValue {
  if (workflow === null) return start?.input ?? {};
  const { triggerInput, input } = workflow;
  return typeof triggerInput === "object" && triggerInput !== null && "body" in triggerInput
    ? triggerInput.body
    : input;
}

/** What `response_output_template` came to; without one, the output of the last step of the definition's own list. */
function runOutput(execution: Execution): JsonValue {
  const { workflow } = execution;
  if (workflow === null) return plainOutput(execution);
  if (workflow.finalOutput !== null) return workflow.finalOutput;
  const last = workflow.steps.findLast(({ path, id, status }) => path === id && status === "succeeded");
  if (last === undefined) return null;
  return wireOutput(last, outputOf(new Map(workflow.steps.map((record) => [record.path, record])), last));
}
