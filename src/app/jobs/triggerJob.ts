/** Starts an execution that no schedule caused: run-now and replay. */

import type { JobActorProtocol, TriggerAnswer, TriggerRequest } from "../../domain/engine/protocol.ts";
import type { Execution } from "../../domain/execution/execution.ts";
import { isJobId } from "../../domain/ids.ts";
import type { FieldIssue } from "../../domain/issue.ts";
import type { Job } from "../../domain/job/job.ts";
import type { JsonValue } from "../../domain/json.ts";
import { ok } from "../../domain/result.ts";
import { checkInput } from "../../domain/schema/inputSchema.ts";
import type { Outcome } from "../errors.ts";
import { invalid, notFound, refused } from "../errors.ts";
import type { Services } from "../services.ts";
import { applyJob } from "./applyJob.ts";
import { ACTOR_RETRY_AFTER_SECONDS } from "./callActor.ts";
import { findJob } from "./viewJob.ts";

/** A slot frees when an execution ends, which takes seconds. */
const BACKLOG_RETRY_AFTER_SECONDS = 10;

/** A run without an `input` (`undefined`) costs no read of the database; one with it is held against the job first. */
export async function runNow(
  services: Services,
  workspaceId: string,
  jobId: string,
  input?: JsonValue,
): Promise<Outcome<Execution>> {
  if (!isJobId(jobId)) return notFound("job");
  const request = { workspaceId, source: "manual", replayedFrom: null } as const;
  if (input === undefined) return await triggerJob(services, jobId, request);
  const job = await findJob(services, workspaceId, jobId);
  if (!job.ok) return job;
  const issues = inputIssues(job.value, input);
  if (issues.length > 0) return invalid(issues);
  return await triggerJob(services, jobId, job.value.steps === null ? request : { ...request, input });
}

function inputIssues({ steps, inputSchema, schedule }: Job, input: JsonValue): FieldIssue[] {
  if (steps !== null) return checkInput(inputSchema, input, "input");
  const isEmpty = input === null || (typeof input === "object" && Object.keys(input).length === 0);
  if (isEmpty) return [];
  const message = `is for the kinds "workflow" and "webhook_trigger"; nothing of a job of kind "${schedule.kind}" could use it`;
  return [{ path: "input", message }];
}

export async function triggerJob(
  services: Services,
  jobId: string,
  request: TriggerRequest,
): Promise<Outcome<Execution>> {
  const answer = await askToStart(services, request.workspaceId, jobId, (actor) => actor.trigger(request));
  return answer.ok ? executionOf(answer.value) : answer;
}

/**
 * Asks the actor straight away: it knows its job and workspace, so the database is not read. Only an actor that does
 * not know the job makes us look there; a job that was saved and never arrived is applied, and its actor asked once more.
 */
export async function askToStart<Answer extends { readonly type: string }>(
  services: Services,
  workspaceId: string,
  jobId: string,
  ask: (actor: JobActorProtocol) => Promise<Answer>,
): Promise<Outcome<Answer>> {
  const first = await askOnce(services, jobId, ask);
  if (!first.ok || first.value.type !== "unknown_job") return first;
  const job = await services.jobs.find(workspaceId, jobId);
  if (job === null) return notFound("job");
  const applied = await applyJob(services, job);
  return applied.ok ? await askOnce(services, jobId, ask) : applied;
}

function executionOf(answer: TriggerAnswer): Outcome<Execution> {
  switch (answer.type) {
    case "started":
      return ok(answer.execution);
    case "duplicate":
      return answer.execution === null
        ? refused("already_finished", `The execution ${answer.executionId} of this event has ended already.`, {
            details: { execution_id: answer.executionId },
          })
        : ok(answer.execution);
    case "backlog_full":
      return backlogFull();
    case "invalid_input":
      return invalid(answer.issues);
    case "unknown_job":
      return notFound("job");
  }
}

export function backlogFull() {
  return refused(
    "backlog_full",
    "So many executions of this job are waiting already that no more are taken. Wait for some to finish, or raise " +
      "concurrency_limit.",
    { retryAfterSeconds: BACKLOG_RETRY_AFTER_SECONDS },
  );
}

/** Not repeated on a fault: the call may have started an execution before its answer was lost. */
async function askOnce<Answer>(
  services: Services,
  jobId: string,
  ask: (actor: JobActorProtocol) => Promise<Answer>,
): Promise<Outcome<Answer>> {
  try {
    return ok(await ask(services.actors.of(jobId)));
  } catch (fault) {
    services.report(fault, { call: "trigger", id: jobId });
    return refused(
      "actor_unavailable",
      "What runs this job could not be reached just now. Look at its executions before you try again: one may have started.",
      { retryAfterSeconds: ACTOR_RETRY_AFTER_SECONDS },
    );
  }
}
