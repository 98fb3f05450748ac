/** Ends an execution that is queued, running or waiting. */

import type { Execution } from "../../domain/execution/execution.ts";
import { isExecutionId } from "../../domain/ids.ts";
import { ok } from "../../domain/result.ts";
import type { Outcome } from "../errors.ts";
import { notFound, refused } from "../errors.ts";
import { actorUnavailable, callActor } from "../jobs/callActor.ts";
import type { Services } from "../services.ts";
import { getExecution } from "./getExecution.ts";

/** The actor decides: only what is live there can be cancelled, and what it cancels has ended when it answers. */
export async function cancelExecution(
  services: Services,
  workspaceId: string,
  executionId: string,
): Promise<Outcome<Execution>> {
  if (!isExecutionId(executionId)) return notFound("execution");
  const ended = await callActor(services, executionId, (actor) => actor.cancel(workspaceId, executionId));
  if (!ended.ok) {
    return actorUnavailable("What runs this execution's job could not be reached just now; try again.");
  }
  if (ended.value !== null) return ok(ended.value);
  const execution = await getExecution(services, workspaceId, executionId);
  if (!execution.ok) return execution;
  const { status } = execution.value;
  return refused("already_finished", `This execution has ended already (${status}); there is nothing to cancel.`, {
    details: { status },
  });
}
