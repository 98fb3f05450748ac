/**
 * The queue handler: claims, and frees the queue.
 *
 * Guarantee: one slow or hanging target delays no other job. The handler returns once every claim of its batch is
 * durable; the attempts go on in `waitUntil`, for which the platform leaves 30 s. An attempt that was granted more time
 * comes on the long queue, whose handler awaits it (ADR 0005). Nothing here throws: an uncaught error would redeliver
 * messages that are done.
 */

import type { AttemptWork } from "../domain/engine/claim.ts";
import type { JobActors } from "../app/ports.ts";
import { type ExecutionMessage, parseMessage } from "./message.ts";

export interface ConsumerDeps {
  readonly actors: JobActors;
  readonly attempt: (work: AttemptWork) => Promise<void>;
  readonly collectHistory: (jobId: string) => Promise<void>;
  readonly report: (event: string, error: unknown) => void;
  /** Keeps the invocation alive for work that outlives the handler. */
  readonly waitUntil: (work: Promise<unknown>) => void;
}

/** A claim that failed is infrastructure: the same message again, soon. */
const RETRY_CLAIM_SECONDS = 1;

export async function consumeBatch(
  batch: MessageBatch,
  deps: ConsumerDeps,
  lane: "detached" | "awaited",
): Promise<void> {
  const work = await Promise.all(batch.messages.map((message) => accept(message, deps)));
  const running = work.map((start) => start?.());
  if (lane === "awaited") await Promise.all(running);
  else for (const each of running) if (each) deps.waitUntil(each);
}

/** Decides about one message, and returns what is to be run for it. */
async function accept(message: Message, deps: ConsumerDeps): Promise<(() => Promise<void>) | null> {
  const body = parseMessage(message.body);
  if (body === null) {
    deps.report("queue.unknown_message", new Error("A message of a form that this version does not know was dropped."));
    message.ack();
    return null;
  }
  switch (body.type) {
    case "history":
      message.ack();
      return () => guarded("history.collect_failed", deps, () => deps.collectHistory(body.jobId));
    case "attempt": {
      const answer = await claimFor(body, message, deps);
      if (answer?.verdict !== "run") return null;
      return () => guarded("attempt.failed", deps, () => deps.attempt(answer.work));
    }
  }
}

async function claimFor(
  body: Extract<ExecutionMessage, { type: "attempt" }>,
  message: Message,
  deps: ConsumerDeps,
): Promise<Awaited<ReturnType<ReturnType<JobActors["of"]>["claim"]>> | null> {
  try {
    const { executionId, step, fence } = body;
    const answer = await deps.actors.of(executionId).claim({ executionId, step, fence });
    message.ack();
    return answer;
  } catch (error) {
    deps.report("queue.claim_failed", error);
    message.retry({ delaySeconds: RETRY_CLAIM_SECONDS });
    return null;
  }
}

/** What fails here is healed by the actor: the lease of a claim ends, owed history is asked for again. */
async function guarded(event: string, deps: ConsumerDeps, work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    deps.report(event, error);
  }
}
