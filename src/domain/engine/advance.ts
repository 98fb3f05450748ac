/**
 * Executions with steps in the state of their job: how they begin, go on, park, are woken and end.
 *
 * Guarantee: an execution does nothing without a slot. What happens to it meanwhile (an answer, a call, a decision, the
 * end of a wait) is put into its records and marks it as `ready`; it goes on when it gets a slot, which is in the same
 * reduction where one is free. One that only waits has no slot, and no timer but those of its waits.
 */

import type { Random } from "../clock.ts";
import type { Execution, ExecutionError } from "../execution/execution.ts";
import { isStepFinished, type WaitingStep, type WorkflowRecord } from "../execution/stepRecord.ts";
import { newKey, randomUuid } from "../ids.ts";
import type { Job } from "../job/job.ts";
import type { JsonValue } from "../json.ts";
import { STATE_TOO_LARGE } from "../workflow/resolve.ts";
import { textIn } from "./approvalView.ts";
import { endExecution } from "./end.ts";
import { interpret } from "./interpret.ts";
import { type Begun, Progress } from "./progress.ts";
import type { JobState, LiveExecution } from "./state.ts";
import { definitionFor, occupiesSlot, putErrands, putLive, revise } from "./state.ts";

export function newWorkflow(from: Partial<WorkflowRecord>): WorkflowRecord {
  return {
    input: {},
    triggerInput: null,
    context: {},
    steps: [],
    waiting: null,
    finalOutput: null,
    children: [],
    restartedFrom: null,
    ...from,
  };
}

/** Uses the slot that an execution has: begins it, or goes on with what came in. It may end, and it may park again. */
export function goOn(state: JobState, live: LiveExecution, context: { nowMs: number; random: Random }): JobState {
  const { nowMs } = context;
  const isNew = live.execution.startedAtMs === null;
  const job = isNew ? state.job : definitionFor(state, live);
  const started = isNew ? begun(live, job, context) : live;
  const progress = progressOf(started, job, nowMs);
  if (progress === null) return state;
  for (const [path, run] of progress.runs) {
    if (run.phase === "ready" && !isHttpUnderWay(progress, path)) progress.runs.delete(path);
  }
  const outcome = progress.tooLarge ? STATE_TOO_LARGE : interpret(progress);
  if (outcome === "pending") return keep(state, progress);
  if (outcome !== "done") return end(state, progress, "failed", outcome);
  const finalOutput = progress.finalOutput();
  if (!finalOutput.ok) return end(state, progress, "failed", finalOutput.error);
  return end(state, progress, "succeeded", null, finalOutput.value);
}

/** Other runs are `ready` only to say that the execution has something to go on with. */
function isHttpUnderWay(progress: Progress, path: string): boolean {
  const record = progress.records.get(path);
  return record !== undefined && !isStepFinished(record.status);
}

function begun(live: LiveExecution, job: Job, context: { nowMs: number; random: Random }): LiveExecution {
  const { nowMs, random } = context;
  const changes: Partial<Execution> = {
    status: "running",
    startedAtMs: nowMs,
    jobVersion: job.version,
    jobName: job.name,
  };
  return {
    ...revise(live, changes, nowMs),
    frozen: { timestampMs: nowMs, uuid: randomUuid(random) },
    key: live.key ?? newKey(random),
  };
}

/** A working copy; `null` for a plain job's execution and for one that has not begun. */
export function progressOf(live: LiveExecution, job: Job, nowMs: number): Progress | null {
  const begun = begunOf(live);
  return begun === null ? null : new Progress(live, begun, job, nowMs);
}

function begunOf(live: LiveExecution): Begun | null {
  const { workflow } = live.execution;
  const { frozen, key } = live;
  return workflow === null || frozen === null || key === null ? null : { workflow, frozen, key };
}

/** Puts a changed execution back: its status, and what it waits for, follow from its steps. */
export function keep(state: JobState, progress: Progress): JobState {
  const live = progress.result();
  const isParked = !occupiesSlot(live) && live.steps.every((step) => step.phase === "parked");
  const changes = standing(live, progress, isParked ? "waiting" : "running");
  return putErrands(putLive(state, revise(live, changes, progress.nowMs)), progress.errands);
}

function standing(live: LiveExecution, progress: Progress, status: Execution["status"]): Partial<Execution> {
  const { workflow } = live.execution;
  return workflow === null ? { status } : { status, workflow: { ...workflow, waiting: waitingOf(progress) } };
}

/** A person's decision comes first, for it is the one that somebody has to know of. */
function waitingOf(progress: Progress): WaitingStep | null {
  const waiting = [...progress.records.values()].filter((record) => record.status === "waiting");
  const record = waiting.find((each) => each.type === "approval") ?? waiting[0];
  if (!record) return null;
  return {
    step: record.path,
    type: record.type,
    sinceMs: record.startedAtMs ?? progress.nowMs,
    untilMs: record.waitUntilMs,
    callbackUrl: textIn(record.input, "callback_url"),
    message: textIn(record.input, "message"),
  };
}

/** The end of an execution with steps, and of everything in it that was under way. */
export function end(
  state: JobState,
  progress: Progress,
  status: "succeeded" | "failed" | "cancelled",
  error: ExecutionError | null,
  finalOutput: JsonValue = null,
): JobState {
  progress.cancelWithin("");
  const live = progress.result();
  const { workflow } = live.execution;
  const ended: LiveExecution = {
    ...live,
    execution: {
      ...live.execution,
      workflow:
        workflow === null
          ? null
          : { ...workflow, waiting: null, finalOutput, ...(live.key !== null && { key: live.key }) },
    },
  };
  const details = { nowMs: progress.nowMs, error, recorded: false };
  return endExecution(putErrands(state, progress.errands), ended, status, details);
}

/** Ends it with everything in it: whatever it waits for is released, executions that it waits for are cancelled too. */
export function cancelLive(state: JobState, live: LiveExecution, nowMs: number, error: ExecutionError): JobState {
  const progress = progressOf(live, definitionFor(state, live), nowMs);
  if (progress !== null) return end(state, progress, "cancelled", error);
  return endExecution(state, live, "cancelled", { nowMs, error, recorded: false });
}
