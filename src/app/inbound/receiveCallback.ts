/** A call to the link of a `wait_for_webhook` step. */

import { isExecutionId } from "../../domain/ids.ts";
import { ok } from "../../domain/result.ts";
import type { Outcome } from "../errors.ts";
import { notFound } from "../errors.ts";
import { actorUnavailable, callActor } from "../jobs/callActor.ts";
import type { Services } from "../services.ts";
import type { InboundBody } from "./inboundBody.ts";
import { parseInboundBody } from "./inboundBody.ts";

export interface CallbackLink {
  readonly executionId: string;
  /** The path of its step. */
  readonly step: string;
  readonly token: string;
}

/** Takes the first call and says of every later one that it was not needed. A call that we repeat counts once. */
export async function receiveCallback(
  services: Services,
  link: CallbackLink,
  body: InboundBody,
): Promise<Outcome<"accepted" | "already_received">> {
  const { executionId } = link;
  if (!isExecutionId(executionId)) return notFound("step");
  const request = { ...link, payload: await parseInboundBody(body) };
  const answer = await callActor(services, executionId, (actor) => actor.signal(request));
  if (!answer.ok) {
    return actorUnavailable("What waits for this call could not be reached just now; send it again.");
  }
  return answer.value === "unknown" ? notFound("step") : ok(answer.value);
}
