/** Starts executions that no schedule caused: run-now, replay, and whatever the API faces call it. */

import type { JobActorProtocol, TriggerAnswer, TriggerRequest } from "../../domain/engine/protocol.ts";
import type { Execution, ExecutionSource } from "../../domain/execution/execution.ts";
import { isJobId } from "../../domain/ids.ts";
import type { JsonValue } from "../../domain/json.ts";
import { ok } from "../../domain/result.ts";
import type { Outcome } from "../errors.ts";
import { invalid, notFound, refused } from "../errors.ts";
import { askToStart, backlogFull } from "../jobs/askToStart.ts";
import type { Services } from "../services.ts";
import { getExecution } from "./getExecution.ts";

/** How long a key that a caller chose counts, where nothing else is said: as in Trigger.dev (facts 3.1). */
export const IDEMPOTENCY_WINDOW_MS = 30 * 24 * 60 * 60 * 1_000;

export interface StartRequest {
  readonly source: ExecutionSource;
  /** Absent: templates see `{}`. */
  readonly input?: JsonValue;
  /** What came with the webhook that started the original of a replay. */
  readonly triggerInput?: JsonValue;
  readonly replayedFrom?: string | null;
  /** When it is due; one that has passed is now. */
  readonly delayUntilMs?: number;
  /** How long after its due time it is given up, if it has not begun. */
  readonly ttlMs?: number;
  readonly maxAttempts?: number;
  readonly concurrencyKey?: string;
  /** The same key within the window is answered with the first execution. `shown` is what the caller calls it. */
  readonly idempotency?: { readonly key: string; readonly shown: string; readonly windowMs: number };
  readonly batchId?: string;
  readonly bulkActionId?: string;
  /**
   * An id of the caller's making (`requestedExecutionId` of the due time), so that a repeated call starts one execution: for
   * as long as that one is live or its record owed, and for `rememberIdMs` after its start, which costs a row. A key in
   * `idempotency` counts instead, where there is one.
   */
  readonly executionId?: string;
  readonly rememberIdMs?: number;
}

export interface Started {
  readonly execution: Execution;
  /** Nothing was started: the execution is the one that the same key or id started before. */
  readonly isDuplicate: boolean;
}

export async function startExecution(
  services: Services,
  workspaceId: string,
  jobId: string,
  request: StartRequest,
): Promise<Outcome<Started>> {
  if (!isJobId(jobId)) return notFound("job");
  const asked = await toTrigger(services, workspaceId, request);
  const answer = await askToStart(services, workspaceId, jobId, async (actor) => {
    const given = await triggerHere(services, actor, asked);
    return given.type === "unknown_job" ? "unknown_job" : given;
  });
  return answer.ok ? await toStarted(services, workspaceId, answer.value) : answer;
}

/**
 * Asks for the execution and, where there is room, for its attempt, which this invocation then makes.
 *
 * Guarantee: a claim that was granted is made good. From the moment it is asked for, asking and the attempt are held by the
 * platform's `waitUntil`, so a client that goes away ends neither. An answer that is lost on its way takes the claim with
 * it, and so does an invocation that dies; nobody is told, and it heals as every lost claim does: its lease ends (timeout
 * and 15 s), the attempt is shown as `worker_lost`, and the next one is made.
 */
async function triggerHere(
  { ownAttempt }: Services,
  actor: JobActorProtocol,
  request: TriggerRequest,
): Promise<TriggerAnswer> {
  if (!ownAttempt.hasRoom()) return await actor.trigger(request);
  const answer = actor.trigger({ ...request, takesWork: true });
  ownAttempt.begin(answer.then((given) => (given.type === "started" ? (given.work ?? null) : null)));
  return await answer;
}

/**
 * In one call of the job's actor, which is whole: a fault leaves all of it done or nothing. Each request has its own answer, in
 * their order. One that a full backlog or a bad input keeps from starting keeps no other from it.
 */
export async function startMany(
  services: Services,
  workspaceId: string,
  jobId: string,
  requests: readonly StartRequest[],
): Promise<Outcome<readonly Outcome<Started>[]>> {
  if (!isJobId(jobId)) return notFound("job");
  const asked = await Promise.all(requests.map((request) => toTrigger(services, workspaceId, request)));
  const answers = await askToStart(services, workspaceId, jobId, async (actor) => {
    const [only] = asked;
    // What most calls are about has been in the protocol for longest.
    const given = asked.length === 1 && only ? [await actor.trigger(only)] : await actor.triggerMany(asked);
    return given.some(({ type }) => type === "unknown_job") ? "unknown_job" : given;
  });
  if (!answers.ok) return answers;
  return ok(await Promise.all(answers.value.map((answer) => toStarted(services, workspaceId, answer))));
}

async function toTrigger(services: Services, workspaceId: string, request: StartRequest): Promise<TriggerRequest> {
  const { idempotency, rememberIdMs, replayedFrom = null, ...asked } = request;
  if (idempotency === undefined) {
    const { executionId } = asked;
    if (rememberIdMs === undefined || executionId === undefined) return { ...asked, workspaceId, replayedFrom };
    // No digest looks like an id.
    const dedupe = { key: executionId, windowMs: rememberIdMs, kind: "idempotency" } as const;
    return { ...asked, workspaceId, replayedFrom, dedupe };
  }
  const { key, shown, windowMs } = idempotency;
  const dedupe = { key: await services.digest(key), windowMs, kind: "idempotency" } as const;
  return { ...asked, workspaceId, replayedFrom, idempotencyKey: shown, dedupe };
}

async function toStarted(services: Services, workspaceId: string, answer: TriggerAnswer): Promise<Outcome<Started>> {
  switch (answer.type) {
    case "started":
      return ok({ execution: answer.execution, isDuplicate: false });
    case "duplicate":
      if (answer.execution !== null) return ok({ execution: answer.execution, isDuplicate: true });
      return await finishedDuplicate(services, workspaceId, answer.executionId);
    case "backlog_full":
      return backlogFull();
    case "invalid_input":
      return invalid(answer.issues);
    case "unknown_job":
      return notFound("job");
  }
}

/** The actor remembers the id alone; the execution is in the history, unless it has grown too old for that. */
async function finishedDuplicate(services: Services, workspaceId: string, id: string): Promise<Outcome<Started>> {
  const found = await getExecution(services, workspaceId, id);
  if (found.ok) return ok({ execution: found.value, isDuplicate: true });
  if (found.error.code !== "not_found") return found;
  return refused("already_finished", `What this key started, ${id}, has ended and is not in the history any more.`, {
    details: { execution_id: id },
  });
}
