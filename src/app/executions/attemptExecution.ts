/**
 * One attempt, from a granted claim to a reported result: prepare the request, send it, judge the answer, record the end,
 * finish. Runs in the consumer; secrets exist nowhere else.
 */

import type { AttemptWork } from "../../domain/engine/claim.ts";
import type { AttemptResult } from "../../domain/engine/finish.ts";
import type { FinishAnswer } from "../../domain/engine/protocol.ts";
import type { Attempt } from "../../domain/execution/attempt.ts";
import type { Execution } from "../../domain/execution/execution.ts";
import { judgeAttempt, RETRY_AFTER_STATUSES, type Verdict } from "../../domain/execution/verdict.ts";
import type { Random } from "../../domain/clock.ts";
import type { OutboundRequest, OutboundResult } from "../../domain/net/exchange.ts";
import { parseRetryAfter } from "../../domain/retry/policy.ts";
import type { History, JobActors } from "../ports.ts";
import { describeResponse } from "./describeResponse.ts";
import { type PrepareDeps, prepareRequest, scopeOf } from "./prepareRequest.ts";

export interface AttemptDeps extends PrepareDeps {
  readonly random: Random;
  readonly actors: JobActors;
  readonly history: History;
  /** Sends under the target guard; never throws. */
  readonly send: (request: OutboundRequest) => Promise<OutboundResult>;
  readonly report: (event: string, error: unknown) => void;
  /** Does the work after the delay, unless the returned function is called before. */
  readonly later: (work: () => void, delayMs: number) => () => void;
}

export interface AttemptReport {
  /** The execution as this attempt leaves it, whether or not the actor accepted it. */
  readonly execution: Execution;
  readonly attempt: Attempt;
  /** `null`: the actor could not be reached; the lease will heal it. */
  readonly finish: FinishAnswer | null;
  readonly recorded: boolean;
}

/** A record may be written ahead of `finish` only while the lease is safely ours. */
const LEASE_MARGIN_MS = 3_000;
const FINISH_TRIES = 3;
/** An execution that is older is listed as running; not within the first moments of an attempt, which mostly end it. */
const LIST_RUNNING_AFTER_MS = 1_200;
const LIST_RUNNING_LEAST_MS = 300;
const STEP_PREVIEW_CHARACTERS = 4_096;

export async function attemptExecution(work: AttemptWork, deps: AttemptDeps): Promise<AttemptReport> {
  const startedAtMs = deps.clock.now();
  const listing = listIfSlow(work, deps);
  const prepared = await prepareRequest(work, deps);
  const sent = prepared.ok ? await deps.send(prepared.value.request) : prepared.error;
  const finishedAtMs = deps.clock.now();
  const listed = listing.answered();

  const unprepared = { redact: (text: string) => text, scope: scopeOf(work) };
  const described = describeResponse(work, sent, prepared.ok ? prepared.value : unprepared);
  const kept = work.data === null ? described.attempt : withoutOutput(described.attempt);
  const attempt: Attempt = { ...kept, number: work.attempt, startedAtMs, late: false };
  const verdict = judgeAttempt(attempt, {
    policy: work.target.retryPolicy,
    counted: work.countedBefore + 1,
    startedAtMs: work.stepStartedAtMs,
    finishedAtMs,
    retryAfterMs: retryAfterOf(sent, finishedAtMs),
    random: deps.random(),
    output: described.output,
  });

  const execution = executionAfter(work, attempt, verdict, finishedAtMs);
  // Guarantee: what is written ahead carries the odd revision after the claim's. Should the actor have moved on in the
  // meantime (a cancel, a lost lease), its own record has a higher one and holds.
  const ours = finishedAtMs < work.leaseUntilMs - LEASE_MARGIN_MS;
  // An execution that will be retried is listed with its attempts, unless it is over before anyone would look.
  const lastsUntilMs = finishedAtMs + (verdict.type === "retry" ? verdict.delayMs : 0);
  const worthListing = verdict.type !== "retry" || lastsUntilMs > work.execution.createdAtMs + LIST_RUNNING_AFTER_MS;
  const recorded =
    worthListing && work.data === null && ours
      ? await deps.history.record([{ execution, completesJob: work.completesJob }])
      : false;
  const { product } = described;
  const result = { attempt, verdict, finishedAtMs, recorded, recordedRev: execution.rev, product };
  const finish = await reportFinish(work, result, deps);
  await listed;
  return { execution, attempt, finish, recorded };
}

/**
 * Guarantee: lists are at most two seconds behind an execution that lasts longer. The picture of a plain execution that is
 * under way is written from here, under the claim's own revision, which costs the actor nothing; of one with steps the
 * actor has it collected.
 */
function listIfSlow(work: AttemptWork, deps: AttemptDeps): { answered(): Promise<unknown> } {
  let written: Promise<unknown> = Promise.resolve();
  if (work.data !== null) return { answered: () => written };
  const list = () => {
    written = deps.history.record([{ execution: work.execution, completesJob: false }]);
  };
  const dueMs = work.execution.createdAtMs + LIST_RUNNING_AFTER_MS;
  const cancel = deps.later(list, Math.max(LIST_RUNNING_LEAST_MS, dueMs - deps.clock.now()));
  return {
    answered: () => {
      cancel();
      return written;
    },
  };
}

/** A step's answer is its output, which is kept once; of one that failed enough is kept to see why. */
function withoutOutput<Described extends Pick<Attempt, "status" | "bodyPreview">>(attempt: Described): Described {
  const { status, bodyPreview } = attempt;
  return {
    ...attempt,
    bodyPreview: status === "SUCCESS" ? null : (bodyPreview?.slice(0, STEP_PREVIEW_CHARACTERS) ?? null),
  };
}

function executionAfter(work: AttemptWork, attempt: Attempt, verdict: Verdict, finishedAtMs: number): Execution {
  const attempts = [...work.execution.attempts, attempt];
  const rev = work.execution.rev + 1;
  switch (verdict.type) {
    case "retry":
      return { ...work.execution, attempts, rev };
    case "succeed":
      return {
        ...work.execution,
        attempts,
        rev,
        status: "succeeded",
        finishedAtMs,
        output: verdict.output,
        error: null,
      };
    case "fail":
      return { ...work.execution, attempts, rev, status: "failed", finishedAtMs, error: verdict.error };
  }
}

function retryAfterOf(sent: OutboundResult, nowMs: number): number | null {
  if (sent.kind !== "response" || !RETRY_AFTER_STATUSES.has(sent.status)) return null;
  const header = sent.headers["retry-after"];
  return header === undefined ? null : parseRetryAfter(header, nowMs);
}

async function reportFinish(
  work: AttemptWork,
  result: Omit<AttemptResult, "executionId" | "step" | "fence">,
  deps: AttemptDeps,
): Promise<FinishAnswer | null> {
  const { executionId, step, fence } = work;
  for (let attempt = 1; attempt <= FINISH_TRIES; attempt++) {
    try {
      // A fresh stub each time: one that failed stays broken. A repeated finish is refused by its fence.
      return await deps.actors.of(executionId).finish({ executionId, step, fence, ...result });
    } catch (error) {
      deps.report("attempt.finish_failed", error);
    }
  }
  return null;
}
