/** What people and other programs ask of a job: a new definition, an extra execution, the end of one, a confirmation. */

import type { Execution } from "../execution/execution.ts";
import type { FieldIssue } from "../issue.ts";
import { err, ok, type Result } from "../result.ts";
import { checkInput } from "../schema/inputSchema.ts";
import type { Job } from "../job/job.ts";
import type { JsonValue } from "../json.ts";
import { jsonBytes, STATE_BYTES_MOST } from "../workflow/size.ts";
import { isBacklogFull, newExecution, newLive } from "./fire.ts";
import { cancelLive } from "./advance.ts";
import type { TriggerRequest } from "./protocol.ts";
import type { JobState, LiveExecution } from "./state.ts";
import { initialState, isHeld, LIST_AFTER_MS, putLive, withNextDue } from "./state.ts";

/**
 * Takes over a definition. Idempotent: a version that is not newer changes nothing, so the API and the watchdog may
 * apply one as often as they like. What is running keeps the definition it started under. Pausing takes the slots of
 * scheduled executions back at once and raises their fence, so their messages and retries find nothing to claim.
 */
export function applyDefinition(state: JobState | null, job: Job): JobState {
  if (state === null) return initialState(job);
  if (job.version <= state.job.version) return state;
  const running = [...state.live.values()].some(
    (live) => live.execution.startedAtMs !== null && live.execution.jobVersion === state.job.version,
  );
  const next: JobState = {
    ...state,
    job,
    olderVersions: running ? new Map(state.olderVersions).set(state.job.version, state.job) : state.olderVersions,
    cursorMs: Math.max(state.cursorMs, job.scheduleFromMs - 1),
  };
  return withNextDue(takeBackHeldSlots(next));
}

function takeBackHeldSlots(state: JobState): JobState {
  let next = state;
  for (const live of state.live.values()) {
    if (!isHeld(state, live)) continue;
    const steps = live.steps.map((step) =>
      step.phase === "dispatched" || step.phase === "backoff"
        ? { ...step, phase: "ready" as const, dueMs: 0, fence: step.fence + 1, dispatches: 0 }
        : step,
    );
    next = putLive(next, { ...live, steps });
  }
  return next;
}

/** What starts an execution; `id` is its id, unless the same event started one before. */
export type TriggerEvent = Omit<TriggerRequest, "workspaceId" | "executionId"> & { readonly id: string };

export type TriggerRefusal =
  | "backlog_full"
  | { readonly duplicateOf: string; readonly execution: Execution | null }
  /** In what the input does not fit the job's `input_schema`. */
  | { readonly invalidInput: readonly FieldIssue[] };

/** Sources whose input somebody chose just now; a replay has the input of its original, a webhook a body. */
const SOURCES_WITH_INPUT: ReadonlySet<string> = new Set(["manual", "api", "job"]);

/** A child that its parent may ask for again is remembered this long after its start. */
export const CHILD_REMEMBERED_MS = 24 * 60 * 60 * 1_000;

/** Starts an execution that no schedule caused. It takes the next free slot; the schedule is unaffected. */
export function trigger(
  state: JobState,
  request: TriggerEvent,
  nowMs: number,
): { state: JobState; answer: Result<Execution, TriggerRefusal> } {
  const first =
    state.live.has(request.id) || state.outbox.has(request.id) ? request.id : knownStart(state, request, nowMs);
  if (first !== null) {
    const execution = state.live.get(first)?.execution ?? state.outbox.get(first)?.execution ?? null;
    return { state, answer: err({ duplicateOf: first, execution }) };
  }
  if (isBacklogFull(state)) return { state, answer: err("backlog_full") };
  const isHeldToSchema = state.job.steps !== null && SOURCES_WITH_INPUT.has(request.source);
  const invalidInput = isHeldToSchema ? checkInput(state.job.inputSchema, request.input ?? {}, "input") : [];
  if (invalidInput.length > 0) return { state, answer: err({ invalidInput }) };
  const { id, source, replayedFrom, parent, input, triggerInput } = request;
  const workflow = { input: input ?? {}, triggerInput: triggerInput ?? null };
  const execution = newExecution(state, { id, source, replayedFrom, parent, workflow, scheduledForMs: nowMs, nowMs });
  return { state: putLive(rememberStart(state, request, nowMs), newLive(execution, nowMs)), answer: ok(execution) };
}

function startKey(request: TriggerEvent): { key: string; windowMs: number } | null {
  if (request.parent) return { key: childKey(request.id), windowMs: CHILD_REMEMBERED_MS };
  return request.dedupe ? { ...request.dedupe, key: `event:${request.dedupe.key}` } : null;
}

function childKey(executionId: string): string {
  return `child:${executionId}`;
}

function knownStart(state: JobState, request: TriggerEvent, nowMs: number): string | null {
  const start = startKey(request);
  const known = start === null ? undefined : state.dedupe.get(start.key);
  return known && known.untilMs > nowMs ? known.executionId : null;
}

/** Keys whose window is over are forgotten on the way. */
function rememberStart(state: JobState, request: TriggerEvent, nowMs: number): JobState {
  const start = startKey(request);
  return start === null ? state : remember(state, start.key, request.id, nowMs + start.windowMs, nowMs);
}

function remember(state: JobState, key: string, executionId: string, untilMs: number, nowMs: number): JobState {
  const dedupe = new Map([...state.dedupe].filter(([, each]) => each.untilMs > nowMs));
  return { ...state, dedupe: dedupe.set(key, { executionId, untilMs }) };
}

/** Ends a live execution as `cancelled`. A request that is under way is not recalled; its result will be late. */
export function cancel(
  state: JobState,
  executionId: string,
  nowMs: number,
): { state: JobState; answer: Execution | null } {
  const live = state.live.get(executionId);
  if (!live) return { state, answer: null };
  const next = cancelLive(state, live, nowMs, { code: "cancelled", message: "Cancelled by request." });
  return { state: next, answer: next.outbox.get(executionId)?.execution ?? null };
}

/** Cancels a child that its parent gave up, also one that has not arrived: its start will find it started already. */
export function cancelChild(state: JobState, executionId: string, nowMs: number): JobState {
  const live = state.live.get(executionId);
  if (!live) return remember(state, childKey(executionId), executionId, nowMs + CHILD_REMEMBERED_MS, nowMs);
  return cancelLive(state, live, nowMs, {
    code: "cancelled",
    message: "Cancelled with the execution that started it.",
  });
}

/** What the history is owed: records of the finished, and pictures of what has been live for a while. */
export function owedHistory(state: JobState): { execution: Execution; completesJob: boolean }[] {
  const finished = [...state.outbox.values()].map(({ execution, completesJob }) => ({ execution, completesJob }));
  const live = [...state.live.values()]
    .filter((each) => each.listing !== null)
    .map((each) => ({ execution: each.execution, completesJob: false }));
  let left = COLLECTION_BYTES_MOST;
  return [...finished, ...live].filter(({ execution }) => {
    if (left < 0) return false;
    if (execution.workflow !== null) left -= jsonBytes(execution.workflow as unknown as JsonValue, STATE_BYTES_MOST);
    return true;
  });
}

/** An answer over RPC may have 32 MiB (facts 2); what does not fit is collected next time. */
const COLLECTION_BYTES_MOST = 8_000_000;

/** The history has these pictures. What changed since is owed again, at the pace of `LIST_AFTER_MS`. */
export function confirmHistory(
  state: JobState,
  confirmed: readonly { id: string; rev: number }[],
  nowMs: number,
): JobState {
  const outbox = new Map(state.outbox);
  const live = new Map(state.live);
  for (const { id, rev } of confirmed) {
    const owed = outbox.get(id);
    if (owed && owed.execution.rev <= rev) outbox.delete(id);
    const each = live.get(id);
    if (each?.listing) live.set(id, { ...each, listing: listingAfter(each, rev, nowMs) });
  }
  return { ...state, live, outbox: outbox.size === state.outbox.size ? state.outbox : outbox };
}

function listingAfter(live: LiveExecution, rev: number, nowMs: number): LiveExecution["listing"] {
  return live.execution.rev <= rev ? null : { dueMs: nowMs + LIST_AFTER_MS, tries: 0 };
}
