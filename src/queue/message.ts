/**
 * What travels on the execution queues: ids, never truth. A message that is lost, doubled or late changes nothing but
 * latency, because the actor decides at the claim.
 */

import { z } from "zod";

/** Additive only; a consumer must understand every version that the release before it sent. */
const attemptMessage = z.object({
  v: z.literal(1),
  type: z.literal("attempt"),
  executionId: z.string(),
  step: z.string(),
  fence: z.number().int(),
});

/** Asks a consumer to carry what an actor owes into the history. */
const historyMessage = z.object({ v: z.literal(1), type: z.literal("history"), jobId: z.string() });

/** Asks a consumer to tell other actors what this job's has to tell them. */
const errandsMessage = z.object({ v: z.literal(1), type: z.literal("errands"), jobId: z.string() });

/** Asks a consumer to carry a bulk action on by one slice. */
const bulkActionMessage = z.object({ v: z.literal(1), type: z.literal("bulk_action"), id: z.string() });

const executionMessage = z.discriminatedUnion("type", [
  attemptMessage,
  historyMessage,
  errandsMessage,
  bulkActionMessage,
]);

export type ExecutionMessage = z.infer<typeof executionMessage>;

/** `null` for anything that this version does not understand. */
export function parseMessage(body: unknown): ExecutionMessage | null {
  const parsed = executionMessage.safeParse(body);
  return parsed.success ? parsed.data : null;
}
