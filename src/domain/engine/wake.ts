/** What parked steps wait for: times that pass, calls, decisions, and executions that end. Each counts once. */

import type { Execution } from "../execution/execution.ts";
import type { StepRecord } from "../execution/stepRecord.ts";
import type { JsonValue } from "../json.ts";
import type { ApprovalStep, StepDefinition } from "../workflow/definition.ts";
import { isLinkToken } from "../workflow/links.ts";
import { jsonBytes, STATE_BYTES_MOST } from "../workflow/size.ts";
import { keep, progressOf } from "./advance.ts";
import type { ChildEnd, ErrandOutcome } from "./errands.ts";
import type { Progress } from "./progress.ts";
import type { DecisionAnswer, DecisionRequest, SignalAnswer, SignalRequest } from "./protocol.ts";
import { CHILD_CHECK_MS, startErrand } from "./startStep.ts";
import { definitionFor, type JobState, type LiveExecution, putLive } from "./state.ts";

/** How a wait ends: the step is finished, and its execution goes on when it has a slot. */
function conclude(
  progress: Progress,
  path: string,
  status: "succeeded" | "failed",
  details: { output?: JsonValue; error?: StepRecord["error"] },
): void {
  progress.finish(path, status, details);
  progress.wake(path);
}

/** The time of a parked step is over. */
export function endWait(state: JobState, live: LiveExecution, path: string, nowMs: number): JobState {
  const progress = progressOf(live, definitionFor(state, live), nowMs);
  const step = progress?.stepAt(path);
  const record = progress?.records.get(path);
  if (!progress || !step || !record) return state;
  if (step.type === "run_job" && (record.waitUntilMs ?? 0) > nowMs) {
    // Not over: only time to make sure that the child exists. Asking twice starts nothing twice.
    progress.park(path, Math.min(record.waitUntilMs ?? nowMs, nowMs + CHILD_CHECK_MS));
    if (record.child !== null) progress.errands.push(startErrand(progress, step, path, record.child));
    return keep(state, progress);
  }
  timeOut(progress, step, record);
  return keep(state, progress);
}

function timeOut(progress: Progress, step: StepDefinition, record: StepRecord): void {
  const { path } = record;
  const lasted = `after ${"timeoutSeconds" in step ? step.timeoutSeconds : 0} s`;
  switch (step.type) {
    case "wait": {
      const output = { waited_until: new Date(record.waitUntilMs ?? progress.nowMs).toISOString() };
      return conclude(progress, path, "succeeded", { output });
    }
    case "wait_for_webhook":
      if (step.onTimeout === "continue") return conclude(progress, path, "succeeded", { output: { timed_out: true } });
      return conclude(progress, path, "failed", {
        error: { code: "webhook_timeout", message: `No call came to the callback URL; it was given up ${lasted}.` },
      });
    case "approval":
      if (step.onTimeout === "fail") {
        const error = { code: "approval_timeout", message: `Nobody decided; it was given up ${lasted}.` };
        return conclude(progress, path, "failed", { error });
      }
      return settleApproval(progress, step, path, step.onTimeout === "approve", {
        by: "timeout",
        comment: null,
        timedOut: true,
      });
    case "run_job":
      progress.abandonChild(record);
      return conclude(progress, path, "failed", {
        output: { execution_id: record.child },
        error: { code: "child_timeout", message: `The execution that it started had not ended ${lasted}.` },
      });
    case "condition":
    case "parallel":
    case "for_each":
      progress.cancelInside(path, { code: "cancelled", message: `Cancelled, because the time of "${path}" was over.` });
      return conclude(progress, path, "failed", {
        error: {
          code: "timeout",
          message: `Step "${path}" had not ended ${lasted}; what was unfinished in it was cancelled.`,
        },
      });
    default:
  }
}

function settleApproval(
  progress: Progress,
  step: ApprovalStep,
  path: string,
  approved: boolean,
  decision: { by: string; comment: string | null; timedOut: boolean },
): void {
  const output = {
    approved,
    decision: approved ? "approved" : "rejected",
    by: decision.by,
    at: new Date(progress.nowMs).toISOString(),
    comment: decision.comment,
    timed_out: decision.timedOut,
  };
  if (approved || step.onReject === "continue") return conclude(progress, path, "succeeded", { output });
  const comment = decision.comment === null ? "" : `: ${decision.comment}`;
  const error = { code: "approval_rejected", message: `Rejected by ${decision.by}${comment}` };
  conclude(progress, path, "failed", { output, error });
}

/** A callback. One that comes before its step was reached is kept for it. */
export function signal(
  state: JobState,
  request: SignalRequest,
  nowMs: number,
): { state: JobState; answer: SignalAnswer } {
  const live = state.live.get(request.executionId);
  const progress = live && progressOf(live, definitionFor(state, live), nowMs);
  const { step: path, token, payload } = request;
  if (!live || !progress || progress.stepAt(path)?.type !== "wait_for_webhook") return { state, answer: "unknown" };
  if (!isLinkToken(token, progress.view.key, "callback", path)) return { state, answer: "unknown" };
  const record = progress.records.get(path);
  if (record && progress.runs.get(path)?.phase === "parked") {
    conclude(progress, path, "succeeded", { output: payload });
    return { state: keep(state, progress), answer: "accepted" };
  }
  if (record || Object.hasOwn(live.early, path)) return { state, answer: "already_received" };
  const early = { ...live.early, [path]: payload };
  if (jsonBytes(early, STATE_BYTES_MOST) > STATE_BYTES_MOST / 2) return { state, answer: "unknown" };
  return { state: putLive(state, { ...live, early }), answer: "accepted" };
}

export function decide(
  state: JobState,
  request: DecisionRequest,
  nowMs: number,
): { state: JobState; answer: DecisionAnswer } {
  const live = state.live.get(request.executionId);
  const progress = live && progressOf(live, definitionFor(state, live), nowMs);
  const { step: path } = request;
  const step = progress?.stepAt(path);
  if (!live || !progress || step?.type !== "approval" || !mayDecide(state, progress, request)) {
    return { state, answer: { type: "unknown" } };
  }
  if (progress.runs.get(path)?.phase !== "parked") {
    return { state, answer: { type: "not_waiting", execution: live.execution } };
  }
  const { by, comment } = request;
  settleApproval(progress, step, path, request.decision === "approve", { by, comment, timedOut: false });
  const next = keep(state, progress);
  return { state: next, answer: { type: "decided", execution: executionIn(next, live) } };
}

function mayDecide(state: JobState, progress: Progress, request: DecisionRequest): boolean {
  const { authority, step } = request;
  if ("workspaceId" in authority) return authority.workspaceId === state.job.workspaceId;
  return isLinkToken(authority.token, progress.view.key, "approval", step);
}

function executionIn(state: JobState, live: LiveExecution): Execution {
  return state.live.get(live.execution.id)?.execution ?? live.execution;
}

/** The end of an execution that a `run_job` step waits for. */
export function childEnded(state: JobState, ended: ChildEnd, nowMs: number): JobState {
  const live = state.live.get(ended.executionId);
  const progress = live && progressOf(live, definitionFor(state, live), nowMs);
  const record = progress?.records.get(ended.step);
  if (!progress || record?.child !== ended.childId || progress.runs.get(ended.step)?.phase !== "parked") return state;
  const output = { execution_id: ended.childId, status: ended.status, output: ended.output };
  const failed = ended.status !== "succeeded";
  const reason = ended.error === null ? "" : `: ${ended.error.message}`;
  const error = failed
    ? { code: "child_failed", message: `The execution ${ended.childId} that it started ${ended.status}${reason}` }
    : null;
  conclude(progress, ended.step, failed ? "failed" : "succeeded", { output, error });
  return dropErrand(keep(state, progress), `start:${ended.childId}`);
}

/** An errand was done, or will never be. The step that only starts a job ends here. */
export function errandDone(state: JobState, id: string, outcome: ErrandOutcome, nowMs: number): JobState {
  const errand = state.errands.get(id);
  if (!errand) return state;
  const next = dropErrand(state, id);
  if (errand.type !== "start_child") return next;
  const { parent, childId } = errand;
  const live = next.live.get(parent.executionId);
  const progress = live && progressOf(live, definitionFor(next, live), nowMs);
  if (!progress || progress.runs.get(parent.step)?.phase !== "parked") return next;
  if (progress.records.get(parent.step)?.child !== childId) return next;
  const output = { execution_id: childId };
  if (outcome.type === "refused") conclude(progress, parent.step, "failed", { output, error: outcome.error });
  else if (parent.waits) return next;
  else conclude(progress, parent.step, "succeeded", { output });
  return keep(next, progress);
}

function dropErrand(state: JobState, id: string): JobState {
  if (!state.errands.has(id)) return state;
  const errands = new Map(state.errands);
  errands.delete(id);
  return { ...state, errands };
}
