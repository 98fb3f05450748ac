/** A person's decision, by somebody with a token that may write. */

import type { Execution } from "../../domain/execution/execution.ts";
import type { StepRecord } from "../../domain/execution/stepRecord.ts";
import { isExecutionId } from "../../domain/ids.ts";
import { ok } from "../../domain/result.ts";
import type { Token } from "../../domain/workspace/workspace.ts";
import type { Outcome } from "../errors.ts";
import { notFound, refused } from "../errors.ts";
import { getExecution } from "../executions/getExecution.ts";
import { ACTOR_RETRY_AFTER_SECONDS, callActor } from "../jobs/callActor.ts";
import type { Services } from "../services.ts";

export const COMMENT_CHARACTERS_MOST = 2_000;

export interface Decision {
  readonly executionId: string;
  /** The path of the step, or its id where only one step has it. */
  readonly step: string;
  readonly decision: "approve" | "reject";
  readonly comment: string | null;
}

/**
 * The actor decides, and only once: of two people the second is told what the first did. Read first, so that a step can
 * be named by its id, and so that what is refused is refused with its reason.
 */
export async function decideApproval(
  services: Services,
  token: Pick<Token, "id" | "name" | "workspaceId">,
  { executionId, step, decision, comment }: Decision,
): Promise<Outcome<Execution>> {
  const { workspaceId } = token;
  if (!isExecutionId(executionId)) return notFound("execution");
  const found = await getExecution(services, workspaceId, executionId);
  if (!found.ok) return found;
  const record = findStep(found.value, step);
  if (record === null) return notFound("step");
  if (record.type !== "approval") return refused("not_waiting", `The step ${record.path} is no approval.`);
  if (record.status !== "waiting") return notWaiting(record);
  const request = {
    executionId,
    step: record.path,
    decision,
    by: `${token.name} (${token.id})`,
    comment,
    authority: { workspaceId },
  };
  const answer = await callActor(services, executionId, (actor) => actor.decide(request));
  if (!answer.ok) {
    return refused("actor_unavailable", "What runs this execution could not be reached just now; try again.", {
      retryAfterSeconds: ACTOR_RETRY_AFTER_SECONDS,
    });
  }
  switch (answer.value.type) {
    case "decided":
      return ok(answer.value.execution);
    case "not_waiting":
      return notWaiting(findStep(answer.value.execution, record.path) ?? record);
    case "unknown":
      // It has ended since we looked.
      return notWaiting({ ...record, status: "cancelled" });
  }
}

function findStep({ workflow }: Execution, pathOrId: string): StepRecord | null {
  const steps = workflow?.steps ?? [];
  const exact = steps.find(({ path }) => path === pathOrId);
  if (exact !== undefined) return exact;
  const [only, ...others] = steps.filter(({ id }) => id === pathOrId);
  return others.length === 0 ? (only ?? null) : null;
}

function notWaiting({ path, status, output }: StepRecord) {
  return refused(
    "not_waiting",
    `The step ${path} is ${status}: it was decided, or its time or its execution is over.`,
    {
      details: { step: path, status, output },
    },
  );
}
