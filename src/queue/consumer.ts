/**
 * The queue handler: claims, and frees the queue.
 *
 * Guarantee: one slow or hanging target delays no other job. The handler returns once every claim of its batch is
 * durable; the attempts go on in `waitUntil`, for which the platform leaves 30 s (an attempt that was granted more comes
 * on the long queue, whose handler awaits it). An invocation may hold only so many connections, so an attempt is claimed
 * only when one is free; a message that does not get one soon goes back to the queue for another invocation, and only
 * then is another consumer asked to claim it. ADR 0005 has the reasons and the measurements.
 *
 * Nothing here throws: an uncaught error would redeliver messages that are done.
 */

import type { JobActors } from "../app/ports.ts";
import type { AttemptWork, ClaimAnswer } from "../domain/engine/claim.ts";
import { type ExecutionMessage, parseMessage } from "./message.ts";
import { createSlots, type Slots } from "./slots.ts";

export interface ConsumerDeps {
  readonly actors: JobActors;
  readonly attempt: (work: AttemptWork) => Promise<void>;
  readonly collectHistory: (jobId: string) => Promise<void>;
  readonly runErrands: (jobId: string) => Promise<void>;
  readonly runBulkSlice: (id: string) => Promise<void>;
  readonly report: (event: string, error: unknown) => void;
  /** Keeps the invocation alive for work that outlives the handler. */
  readonly waitUntil: (work: Promise<unknown>) => void;
  /** How many requests one invocation may have open at a time. */
  readonly connections: number;
}

/** A claim that failed is infrastructure: the same message again, soon. */
const RETRY_CLAIM_SECONDS = 1;

/** How long a message waits for a connection that its batch-mates hold; a healthy target answers sooner. */
const CONNECTION_WAIT_MS = 200;

type AttemptMessageBody = Extract<ExecutionMessage, { type: "attempt" }>;

export async function consumeBatch(
  batch: MessageBatch,
  deps: ConsumerDeps,
  lane: "detached" | "awaited",
): Promise<void> {
  const slots = createSlots(deps.connections, (callback, delayMs) => {
    const timer = setTimeout(callback, delayMs);
    return () => clearTimeout(timer);
  });
  const started = await Promise.all(batch.messages.map((message) => accept(message, deps, slots)));
  const running = started.flatMap((each) => (each ? [each.done] : []));
  if (lane === "awaited") await Promise.all(running);
  else deps.waitUntil(Promise.all(running));
}

/**
 * Decides about one message. Resolves when the queue may forget it (or was told to deliver it again), to the work that
 * it started, if any; wrapped, because a promise for a promise would wait for both.
 */
async function accept(message: Message, deps: ConsumerDeps, slots: Slots): Promise<{ done: Promise<void> } | null> {
  const body = parseMessage(message.body);
  if (body === null) {
    deps.report("queue.unknown_message", new Error("Dropped a message of a form that this version does not know."));
    message.ack();
    return null;
  }
  switch (body.type) {
    case "history":
      message.ack();
      return { done: guarded("history.collect_failed", deps, () => deps.collectHistory(body.jobId)) };
    case "errands":
      message.ack();
      return { done: guarded("errands.failed", deps, () => deps.runErrands(body.jobId)) };
    case "bulk_action":
      message.ack();
      return { done: guarded("bulk_action.failed", deps, () => deps.runBulkSlice(body.id)) };
    case "attempt":
      return await acceptAttempt(body, message, deps, slots);
  }
}

async function acceptAttempt(
  body: AttemptMessageBody,
  message: Message,
  deps: ConsumerDeps,
  slots: Slots,
): Promise<{ done: Promise<void> } | null> {
  const release = await slots.take(CONNECTION_WAIT_MS);
  if (release === null) {
    message.retry();
    return null;
  }
  const answer = await claimFor(body, message, deps);
  if (answer?.verdict !== "run") {
    release();
    return null;
  }
  return { done: guarded("attempt.failed", deps, () => deps.attempt(answer.work)).finally(release) };
}

async function claimFor(body: AttemptMessageBody, message: Message, deps: ConsumerDeps): Promise<ClaimAnswer | null> {
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

/**
 * What fails here is healed: by the actor, when the lease of a claim ends or owed history is asked for again, and by the
 * watchdog, which resumes a bulk action that stands still.
 */
async function guarded(event: string, deps: ConsumerDeps, work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    deps.report(event, error);
  }
}
