/** A job and a driver for the engine's tests: events in, state and commands out, time by hand. */

import type { Attempt } from "../execution/attempt.ts";
import type { Verdict } from "../execution/verdict.ts";
import { type Job, PLAIN_JOB, QUEUE_DEFAULTS } from "../job/job.ts";
import { REQUEST_DEFAULTS } from "../job/request.ts";
import { RETRY_DEFAULTS } from "../retry/policy.ts";
import type { Execution } from "../execution/execution.ts";
import type { Result } from "../result.ts";
import type { AttemptWork } from "./claim.ts";
import type { Deduped, KeyChange } from "./dedupe.ts";
import { type EngineEvent, reduce, type Reduction } from "./reduce.ts";
import type { TriggerEvent, TriggerRefusal } from "./start.ts";
import { type Command, initialState, type JobState } from "./state.ts";

export const MINUTE = 60_000;
/** A whole minute, so that interval and cron jobs made here are due at the same moments. */
export const START = Date.UTC(2026, 0, 5, 12, 0, 0);

export function makeJob(changes: Partial<Job> = {}): Job {
  return {
    id: "job_01kdefghjk0123456789abcdef",
    workspaceId: "wks_1",
    name: "sample",
    state: "active",
    schedule: { kind: "recurring", everyMinutes: 1 },
    request: { ...REQUEST_DEFAULTS, url: "https://example.com/" },
    retryPolicy: RETRY_DEFAULTS,
    ...PLAIN_JOB,
    ...QUEUE_DEFAULTS,
    concurrencyLimit: 1,
    overlapPolicy: "queue",
    misfirePolicy: "fire_once",
    createdAtMs: START,
    updatedAtMs: START,
    version: 1,
    scheduleFromMs: START,
    ...changes,
  };
}

export const SUCCEED: Verdict = { type: "succeed", output: null };

export class EngineDriver {
  state: JobState;
  commands: Command[] = [];
  /** What the actor would have in its table of keys. */
  readonly known = new Map<string, Deduped>();
  /** How many characters the actor would have room for. */
  room = Number.POSITIVE_INFINITY;
  #keyChanges: KeyChange[] = [];
  #seed = 1;

  /** The same numbers in every run. */
  readonly random = (): number => {
    this.#seed = (Math.imul(this.#seed, 1_103_515_245) + 12_345) & 0x7fffffff;
    return this.#seed / 0x80000000;
  };

  constructor(job: Job = makeJob()) {
    this.state = initialState(job);
  }

  send<Type extends EngineEvent["type"]>(
    event: Extract<EngineEvent, { type: Type }>,
    nowMs: number,
  ): Reduction<Type>["answer"] {
    const reduction = reduce<Type>(this.state, event, nowMs, this.random, this.known, this.room);
    this.state = reduction.state;
    this.#keyChanges.push(...reduction.keys);
    for (const change of reduction.keys) {
      if (change.type === "forget") this.known.delete(change.key);
      else this.known.set(change.key, change);
    }
    this.commands.push(...reduction.commands);
    return reduction.answer;
  }

  /** Starts one execution by hand, unless it is told otherwise. */
  trigger(start: Partial<TriggerEvent> & Pick<TriggerEvent, "id">, nowMs: number): Result<Execution, TriggerRefusal> {
    const starts = [{ source: "manual", replayedFrom: null, ...start } as const];
    const [answer] = this.send<"trigger">({ type: "trigger", starts }, nowMs);
    if (!answer) throw new Error("a start was not answered");
    return answer;
  }

  tick(nowMs: number): void {
    this.send<"tick">({ type: "tick" }, nowMs);
  }

  /** The dispatches that were commanded since the last call. */
  takeDispatches(): Extract<Command, { type: "dispatch" }>[] {
    const found = this.commands.filter((command) => command.type === "dispatch");
    this.commands = [];
    return found;
  }

  /** What the actor was told to remember and to forget since the last call. */
  takeKeyChanges(): KeyChange[] {
    return this.#keyChanges.splice(0);
  }

  claim(command: { executionId: string; step: string; fence: number }, nowMs: number): AttemptWork | string {
    const { executionId, step, fence } = command;
    const answer = this.send<"claim">({ type: "claim", executionId, step, fence, uuid: "uuid" }, nowMs);
    return answer.verdict === "run" ? answer.work : answer.verdict;
  }

  /** Claims, and fails the test when the claim is refused. */
  mustClaim(command: { executionId: string; step: string; fence: number } | undefined, nowMs: number): AttemptWork {
    if (!command) throw new Error("nothing was dispatched");
    const work = this.claim(command, nowMs);
    if (typeof work === "string") throw new Error(`the claim was refused: ${work}`);
    return work;
  }

  finish(work: AttemptWork, nowMs: number, verdict: Verdict = SUCCEED, recorded = true): boolean {
    const { executionId, step, fence } = work;
    const attempt = makeAttempt(work.attempt, verdict);
    const recordedRev = work.execution.rev + 1;
    const result = { executionId, step, fence, attempt, verdict, finishedAtMs: nowMs, recorded, recordedRev };
    return this.send<"finish">({ type: "finish", result }, nowMs).applied;
  }
}

export function makeAttempt(number: number, verdict: Verdict = SUCCEED): Attempt {
  const succeeded = verdict.type === "succeed";
  return {
    number,
    status: succeeded ? "SUCCESS" : "HTTP_ERROR",
    statusCode: succeeded ? 200 : 503,
    startedAtMs: START,
    latencyMs: 5,
    bodyPreview: "",
    responseHeaders: {},
    errorClass: succeeded ? null : "http_status",
    errorMessage: null,
    failedRules: [],
    late: false,
  };
}
