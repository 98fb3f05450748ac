/** Moves the due time of an execution that is delayed. */

import { DELAY_MOST_MS } from "../../domain/engine/start.ts";
import type { Execution } from "../../domain/execution/execution.ts";
import { isExecutionId } from "../../domain/ids.ts";
import { ok } from "../../domain/result.ts";
import type { Outcome } from "../errors.ts";
import { invalid, notFound, refused } from "../errors.ts";
import { actorUnavailable, callActor } from "../jobs/callActor.ts";
import type { Services } from "../services.ts";
import { getExecution } from "./getExecution.ts";

/** Keeps its id, and lets its time to live count from `untilMs`. The actor decides: whatever began there is not delayed. */
export async function rescheduleExecution(
  services: Services,
  workspaceId: string,
  executionId: string,
  untilMs: number,
): Promise<Outcome<Execution>> {
  if (!isExecutionId(executionId)) return notFound("execution");
  if (untilMs > services.clock.now() + DELAY_MOST_MS) {
    return invalid([{ path: "run_at", message: "must be within 365 days" }]);
  }
  const moved = await callActor(services, executionId, (actor) => actor.reschedule(workspaceId, executionId, untilMs));
  if (!moved.ok) {
    return actorUnavailable("What runs this execution's job could not be reached just now; try again.");
  }
  if (moved.value.type === "rescheduled") return ok(moved.value.execution);
  if (moved.value.type === "not_delayed") return notDelayed(moved.value.execution);
  const finished = await getExecution(services, workspaceId, executionId);
  return finished.ok ? notDelayed(finished.value) : finished;
}

function notDelayed({ status }: Execution) {
  const what = status === "queued" ? "is due already" : `is ${status}`;
  return refused("not_delayed", `This execution ${what}; only one whose due time is still to come can be moved.`, {
    details: { status },
  });
}
