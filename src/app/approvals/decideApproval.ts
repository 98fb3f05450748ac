/** A person's decision, by somebody with a token that may write and that the step names, if it names any. */

import { approversIn } from "../../domain/engine/approvalView.ts";
import type { Execution } from "../../domain/execution/execution.ts";
import type { StepRecord } from "../../domain/execution/stepRecord.ts";
import { isExecutionId } from "../../domain/ids.ts";
import { foldName } from "../../domain/names.ts";
import { ok } from "../../domain/result.ts";
import type { Token } from "../../domain/workspace/workspace.ts";
import type { Outcome } from "../errors.ts";
import { notFound, refused } from "../errors.ts";
import { getExecution } from "../executions/getExecution.ts";
import { actorUnavailable, callActor } from "../jobs/callActor.ts";
import type { Services } from "../services.ts";

export const COMMENT_CHARACTERS_MOST = 2_000;

export interface Decision {
  readonly executionId: string;
  /** The path of the step, or its id where only one step has it. */
  readonly step: string;
  readonly decision: "approve" | "reject";
  readonly comment: string | null;
}

/** Approvers that a refusal names; more would not be read. */
const NAMED_MOST = 10;

/**
 * The actor decides, and only once: of two people the second is told what the first did. Read first, so that a step can
 * be named by its id, and so that what is refused is refused with its reason.
 */
export async function decideApproval(
  services: Services,
  token: Pick<Token, "id" | "name" | "role" | "workspaceId">,
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
  // As they stood when the step began: an edit of the job does not change who decides what waits already.
  const approvers = approversIn(record.input);
  if (!mayDecide(token, approvers)) return notAnApprover(token, record, approvers);
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
    return actorUnavailable("What runs this execution could not be reached just now; try again.");
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

/** Owners name the tokens, so they could give themselves any name. */
function mayDecide({ name, role }: Pick<Token, "name" | "role">, approvers: readonly string[]): boolean {
  return approvers.length === 0 || role === "owner" || approvers.some((each) => foldName(each) === foldName(name));
}

function notAnApprover({ name }: Pick<Token, "name">, { path }: StepRecord, approvers: readonly string[]) {
  const named = approvers.slice(0, NAMED_MOST).join(", ");
  const more = approvers.length > NAMED_MOST ? ` and ${approvers.length - NAMED_MOST} more` : "";
  return refused(
    "forbidden",
    `The step ${path} is for ${named}${more} to decide. The token "${name}" is none of them; use one of that name, an owner's token, or the approval's link.`,
    { details: { step: path, approvers } },
  );
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
