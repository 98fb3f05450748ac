/** What the link of an approval shows and does. Its token is all the authority that there is, and all that is needed. */

import { approvalView } from "../../domain/engine/approvalView.ts";
import type { ApprovalView } from "../../domain/engine/protocol.ts";
import { isExecutionId } from "../../domain/ids.ts";
import { callActor } from "../jobs/callActor.ts";
import type { Services } from "../services.ts";

export interface ApprovalLink {
  readonly executionId: string;
  /** The path of its step. */
  readonly step: string;
  readonly token: string;
}

/** `unknown`: no such execution, no such step, a wrong token; which of these, nobody is told. */
export type LinkOutcome =
  | { readonly type: "open"; readonly approval: ApprovalView }
  | { readonly type: "decided"; readonly decision: "approve" | "reject" }
  /** It was used, or its time or its execution is over; or, as yet, the execution has not come to it. */
  | { readonly type: "closed"; readonly approval: ApprovalView }
  | { readonly type: "unknown" }
  | { readonly type: "unavailable" };

/** Changes nothing, however often it is asked: links are fetched by previews and scanners before people see them. */
export async function viewApproval(services: Services, link: ApprovalLink): Promise<LinkOutcome> {
  const { executionId, step, token } = link;
  if (!isExecutionId(executionId)) return { type: "unknown" };
  const live = await callActor(services, executionId, (actor) => actor.approval(executionId, step, token));
  if (!live.ok) return { type: "unavailable" };
  const view = live.value ?? (await viewRecorded(services, link));
  if (view === "unavailable") return { type: "unavailable" };
  if (view === null) return { type: "unknown" };
  return { type: view.open ? "open" : "closed", approval: view };
}

/** An execution that its actor has forgotten, as the history has it. */
async function viewRecorded(services: Services, link: ApprovalLink): Promise<ApprovalView | null | "unavailable"> {
  try {
    const execution = await services.executions.findForLink(link.executionId);
    return approvalView(execution, execution?.workflow?.key ?? null, link);
  } catch (fault) {
    services.report(fault, { call: "history", id: link.executionId });
    return "unavailable";
  }
}

export async function decideByLink(
  services: Services,
  link: ApprovalLink,
  decision: "approve" | "reject",
  comment: string | null,
): Promise<LinkOutcome> {
  const { executionId, step, token } = link;
  if (!isExecutionId(executionId)) return { type: "unknown" };
  const request = { executionId, step, decision, by: "link", comment, authority: { token } };
  const answer = await callActor(services, executionId, (actor) => actor.decide(request));
  if (!answer.ok) return { type: "unavailable" };
  switch (answer.value.type) {
    case "decided":
      return { type: "decided", decision };
    case "not_waiting":
    case "unknown":
      return await viewApproval(services, link);
  }
}
