/** What the link of an approval shows and does. Its token is all the authority that there is, and all that is needed. */

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

/** `unknown`: no such execution that is not finished, no such step, a wrong token; which of these, nobody is told. */
export type LinkOutcome =
  | { readonly type: "open"; readonly approval: ApprovalView }
  | { readonly type: "decided"; readonly decision: "approve" | "reject" }
  /** It was used, or its time is over. */
  | { readonly type: "closed" }
  | { readonly type: "unknown" }
  | { readonly type: "unavailable" };

/** Changes nothing, however often it is asked: links are fetched by previews and scanners before people see them. */
export async function viewApproval(services: Services, link: ApprovalLink): Promise<LinkOutcome> {
  const { executionId, step, token } = link;
  if (!isExecutionId(executionId)) return { type: "unknown" };
  const view = await callActor(services, executionId, (actor) => actor.approval(executionId, step, token));
  if (!view.ok) return { type: "unavailable" };
  if (view.value === null) return { type: "unknown" };
  return view.value.open ? { type: "open", approval: view.value } : { type: "closed" };
}

export async function decideByLink(
  services: Services,
  { executionId, step, token }: ApprovalLink,
  decision: "approve" | "reject",
  comment: string | null,
): Promise<LinkOutcome> {
  if (!isExecutionId(executionId)) return { type: "unknown" };
  const request = { executionId, step, decision, by: "link", comment, authority: { token } };
  const answer = await callActor(services, executionId, (actor) => actor.decide(request));
  if (!answer.ok) return { type: "unavailable" };
  switch (answer.value.type) {
    case "decided":
      return { type: "decided", decision };
    case "not_waiting":
      return { type: "closed" };
    case "unknown":
      return { type: "unknown" };
  }
}
