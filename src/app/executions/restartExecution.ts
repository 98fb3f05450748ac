/** Begins a finished execution of a job with steps anew, from one of its steps; the original stays as it is. */

import { firstFailedStep, mergedInput } from "../../domain/engine/restart.ts";
import type { Execution } from "../../domain/execution/execution.ts";
import { isFinished } from "../../domain/execution/execution.ts";
import type { WorkflowRecord } from "../../domain/execution/stepRecord.ts";
import type { JsonValue } from "../../domain/json.ts";
import { ok } from "../../domain/result.ts";
import type { Outcome } from "../errors.ts";
import { invalid, refused } from "../errors.ts";
import { askToStart, backlogFull } from "../jobs/askToStart.ts";
import { findJob } from "../jobs/viewJob.ts";
import type { Services } from "../services.ts";
import { getExecution } from "./getExecution.ts";

export interface RestartFrom {
  /** The path or the id of a step; `null` for the first that failed. */
  readonly step: string | null;
  readonly overrideInput?: JsonValue;
  /** Laid, as `overrideInput` is over the input, over the body of the webhook that started the original. */
  readonly overrideBody?: JsonValue;
}

/** Step paths that a message names; more would not be read. */
const NAMED_MOST = 20;

export async function restartExecution(
  services: Services,
  workspaceId: string,
  executionId: string,
  from: RestartFrom,
): Promise<Outcome<Execution>> {
  const found = await getExecution(services, workspaceId, executionId);
  if (!found.ok) return found;
  const original = found.value;
  const { status, workflow } = original;
  if (workflow === null) return refused("no_steps", "This execution has no steps to begin from; replay runs it again.");
  if (!isFinished(status)) {
    return refused("not_finished", `This execution is ${status}; it can be restarted once it is finished.`, {
      details: { status },
    });
  }
  if (from.step !== null && !hasStep(workflow, from.step)) return unknownStep(workflow);
  const request = {
    workspaceId,
    original: from.overrideBody === undefined ? original : withBody(original, workflow, from.overrideBody),
    fromStep: from.step,
    ...(from.overrideInput === undefined ? {} : { overrideInput: from.overrideInput }),
  };
  const answer = await askToStart(services, workspaceId, original.jobId, async (actor) => {
    const given = await actor.restart(request);
    return given.type === "unknown_job" ? given.type : given;
  });
  if (!answer.ok) return answer;
  switch (answer.value.type) {
    case "started":
      return ok(answer.value.execution);
    case "invalid_input":
      return invalid(answer.value.issues);
    case "refused":
      return refused("not_restartable", answer.value.message);
    case "backlog_full":
      return backlogFull();
  }
}

/** The step that a retry begins at: the first that failed by itself, as the job is defined now. */
export async function findFailedStep(services: Services, execution: Execution): Promise<Outcome<string>> {
  const { workspaceId, jobId, workflow } = execution;
  const job = await findJob(services, workspaceId, jobId);
  if (!job.ok) return job;
  const step = firstFailedStep(job.value.steps ?? [], workflow?.steps ?? []);
  return step === null
    ? refused("not_restartable", "No step of this execution failed; name one to restart from.")
    : ok(step);
}

function withBody(original: Execution, workflow: WorkflowRecord, override: JsonValue): Execution {
  const { triggerInput } = workflow;
  if (typeof triggerInput !== "object" || triggerInput === null || !("body" in triggerInput)) return original;
  const body = mergedInput(triggerInput.body, override);
  return { ...original, workflow: { ...workflow, triggerInput: { ...triggerInput, body } } };
}

function hasStep({ steps }: WorkflowRecord, pathOrId: string): boolean {
  return steps.some(({ path, id }) => path === pathOrId || id === pathOrId);
}

function unknownStep({ steps }: WorkflowRecord) {
  const named = steps.slice(0, NAMED_MOST).map(({ path }) => path);
  const more = steps.length > named.length ? `, and ${steps.length - named.length} more` : "";
  const reached = named.length === 0 ? "it reached none" : `it reached ${named.join(", ")}${more}`;
  return invalid([
    { path: "from_step", message: `must be the id or the path of a step of this execution; ${reached}` },
  ]);
}
