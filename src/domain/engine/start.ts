/** Executions that no schedule caused: each is asked for once, or is the one that the same key or id started before. */

import type { Execution, StartOptions } from "../execution/execution.ts";
import type { FieldIssue } from "../issue.ts";
import type { Job } from "../job/job.ts";
import type { JsonValue } from "../json.ts";
import { err, ok, type Result } from "../result.ts";
import { checkInput } from "../schema/inputSchema.ts";
import { jsonBytes } from "../workflow/size.ts";
import { type KeyChange, type KnownKeys, startKey } from "./dedupe.ts";
import { isBacklogFull, newExecution, newLive } from "./fire.ts";
import type { TriggerRequest } from "./protocol.ts";
import { counted, type JobState, putLive } from "./state.ts";

/** What starts an execution; `id` is its id, unless the same thing started one before. */
export type TriggerEvent = Omit<TriggerRequest, "workspaceId" | "executionId" | "takesWork"> & { readonly id: string };

export type TriggerRefusal =
  | "backlog_full"
  | { readonly duplicateOf: string; readonly execution: Execution | null }
  /** What in the request cannot be taken, such as an input that does not fit the job's `input_schema`. */
  | { readonly invalidInput: readonly FieldIssue[] };

/** Sources whose input somebody chose just now; a replay has the input of its original, a webhook a body. */
const SOURCES_WITH_INPUT: ReadonlySet<string> = new Set(["manual", "api", "job"]);

/** What a plain job keeps of its input, beside what its attempts and its output take of a row in the history. */
export const PLAIN_INPUT_BYTES_MOST = 500_000;
/** More than any face offers; what is asked for beyond it is a fault of the caller. */
export const START_ATTEMPTS_MOST = 100;
/** A year: what is due later is a schedule. */
export const DELAY_MOST_MS = 365 * 24 * 60 * 60 * 1_000;
export const CONCURRENCY_KEY_CHARACTERS_MOST = 255;

/**
 * Starts what is asked for, in that order. Each takes the next free slot; the schedule is unaffected.
 *
 * `room` is as in `reduce`. What a start takes of it is known when its row is written. So each is taken while there is any
 * room left, which what those before it brought along has taken away by then: a call exceeds the room by little more than its
 * last start, which is no larger than a row (2 MB, facts 1.1).
 */
export function trigger(
  state: JobState,
  starts: readonly TriggerEvent[],
  knownBefore: KnownKeys,
  { nowMs, room }: { readonly nowMs: number; readonly room: number },
): { state: JobState; answer: Result<Execution, TriggerRefusal>[]; keys: KeyChange[] } {
  const known = new Map(knownBefore);
  const keys: KeyChange[] = [];
  let next = state;
  let left = room;
  const answer = starts.map((start, index) => {
    const started = triggerOne(next, start, known, { nowMs, room: left });
    if (!started.ok) return started;
    if (index < starts.length - 1) left -= broughtAlong(start);
    next = putLive(counted(next), newLive(started.value, nowMs));
    const key = startKey(start);
    if (key !== null) {
      const remembered = { executionId: start.id, untilMs: nowMs + key.windowMs };
      known.set(key.key, remembered);
      keys.push({ type: "remember", key: key.key, ...remembered });
    }
    return started;
  });
  return { state: next, answer, keys };
}

function triggerOne(
  state: JobState,
  start: TriggerEvent,
  known: KnownKeys,
  { nowMs, room }: { readonly nowMs: number; readonly room: number },
): Result<Execution, TriggerRefusal> {
  const isThere = state.live.has(start.id) || state.outbox.has(start.id);
  const first = isThere ? start.id : startedBefore(start, known, nowMs);
  if (first !== null) {
    const execution = state.live.get(first)?.execution ?? state.outbox.get(first)?.execution ?? null;
    return err({ duplicateOf: first, execution });
  }
  if (room <= 0 || isBacklogFull(state)) return err("backlog_full");
  const invalidInput = [...optionIssues(start, nowMs), ...inputIssues(state.job, start)];
  if (invalidInput.length > 0) return err({ invalidInput });
  const { id, source, replayedFrom, parent, input, triggerInput } = start;
  return ok(
    newExecution(state, {
      id,
      source,
      replayedFrom,
      parent,
      workflow: { input: input ?? {}, triggerInput: triggerInput ?? null },
      start: startOptionsOf(state.job, start),
      scheduledForMs: Math.max(nowMs, start.delayUntilMs ?? nowMs),
      nowMs,
    }),
  );
}

function broughtAlong({ input, triggerInput }: TriggerEvent): number {
  return jsonBytes([input ?? null, triggerInput ?? null], Number.POSITIVE_INFINITY);
}

function startedBefore(start: TriggerEvent, known: KnownKeys, nowMs: number): string | null {
  const key = startKey(start);
  const before = key === null ? undefined : known.get(key.key);
  return before && before.untilMs > nowMs ? before.executionId : null;
}

/** `null` where nothing was asked for, so that such an execution does not grow by it. */
function startOptionsOf(job: Job, start: TriggerEvent): StartOptions | null {
  const options: StartOptions = {
    input: job.steps === null ? plainInput(start) : null,
    ttlMs: start.ttlMs ?? null,
    maxAttempts: start.maxAttempts ?? null,
    concurrencyKey: start.concurrencyKey ?? null,
    idempotencyKey: start.idempotencyKey ?? null,
    batchId: start.batchId ?? null,
    bulkActionId: start.bulkActionId ?? null,
  };
  return Object.values(options).every((option) => option === null) ? null : options;
}

/** A `run_job` step that names no input gives `{}`, which is what templates see without one. */
function plainInput({ source, input }: TriggerEvent): JsonValue {
  const isEmpty = typeof input === "object" && input !== null && Object.keys(input).length === 0;
  return source === "job" && isEmpty ? null : (input ?? null);
}

function inputIssues(job: Job, { source, input }: TriggerEvent): readonly FieldIssue[] {
  if (job.steps !== null) {
    return SOURCES_WITH_INPUT.has(source) ? checkInput(job.inputSchema, input ?? {}, "input") : [];
  }
  if (input === undefined || jsonBytes(input, PLAIN_INPUT_BYTES_MOST) <= PLAIN_INPUT_BYTES_MOST) return [];
  return [{ path: "input", message: `must take at most ${PLAIN_INPUT_BYTES_MOST} bytes as JSON` }];
}

/** Every API face has bounds of its own within these, and names the field as its callers know it. */
function optionIssues({ delayUntilMs, ttlMs, maxAttempts, concurrencyKey }: TriggerEvent, nowMs: number): FieldIssue[] {
  const issues: FieldIssue[] = [];
  const check = (good: boolean, path: string, message: string): void => {
    if (!good) issues.push({ path, message });
  };
  const isWhole = (value: number | undefined, least: number, most: number): boolean =>
    value === undefined || (Number.isInteger(value) && value >= least && value <= most);
  check(
    isWhole(maxAttempts, 1, START_ATTEMPTS_MOST),
    "max_attempts",
    `must be a whole number from 1 to ${START_ATTEMPTS_MOST}`,
  );
  check(isWhole(ttlMs, 1, DELAY_MOST_MS), "ttl_seconds", "must be more than nothing and at most 365 days");
  check(isWhole(delayUntilMs, 0, nowMs + DELAY_MOST_MS), "run_at", "must be within 365 days");
  const keyLength = concurrencyKey?.length ?? 1;
  check(
    keyLength >= 1 && keyLength <= CONCURRENCY_KEY_CHARACTERS_MOST,
    "concurrency_key",
    `must be text of 1 to ${CONCURRENCY_KEY_CHARACTERS_MOST} characters`,
  );
  return issues;
}
