/** One execution with all its attempts, in its newest picture. */

import type { Execution } from "../../domain/execution/execution.ts";
import { isFinished } from "../../domain/execution/execution.ts";
import { isExecutionId } from "../../domain/ids.ts";
import { ok } from "../../domain/result.ts";
import type { Outcome } from "../errors.ts";
import { notFound } from "../errors.ts";
import { actorUnavailable, callActor } from "../jobs/callActor.ts";
import type { Services } from "../services.ts";

/**
 * The history has what is finished, the actor what is live or not in the history yet. An execution moves from the one
 * to the other while we look, so an actor that has nothing (any more) sends us back to the history once.
 */
export async function getExecution(
  services: Services,
  workspaceId: string,
  executionId: string,
): Promise<Outcome<Execution>> {
  if (!isExecutionId(executionId)) return notFound("execution");
  const recorded = await services.executions.find(workspaceId, executionId);
  if (recorded !== null && isFinished(recorded.status)) return ok(recorded);
  const live = await callActor(services, executionId, (actor) => actor.describe(workspaceId, executionId));
  if (!live.ok) {
    if (recorded !== null) return ok(recorded);
    return actorUnavailable(
      "What runs this execution's job could not be reached just now, so it is not known whether it exists; try again.",
    );
  }
  if (live.value !== null) return ok(newer(live.value, recorded));
  const settled = await services.executions.find(workspaceId, executionId);
  return settled === null ? notFound("execution") : ok(settled);
}

function newer(live: Execution, recorded: Execution | null): Execution {
  return recorded !== null && recorded.rev > live.rev ? recorded : live;
}
