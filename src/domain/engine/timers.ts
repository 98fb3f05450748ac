/**
 * What time alone changes: slots are filled, messages that nobody claimed are sent again, leases end, retries fall due,
 * and history that is owed is asked for. One alarm serves all of it: `nextWakeMs` is the earliest moment at which any of
 * these has something to do.
 */

import type { JsonValue } from "../json.ts";
import { type Attempt, WORKER_LOST } from "../execution/attempt.ts";
import type { Random } from "../clock.ts";
import { goOn, keep, progressOf } from "./advance.ts";
import { awaitsDueTime, comeDue, expiryMs, giveUp } from "./delay.ts";
import { collectAgainMs, endExecution } from "./end.ts";
import type { Errand, ErrandOrder } from "./errands.ts";
import { fireDue } from "./fire.ts";
import { spreadOf } from "../ids.ts";
import { slotsOf } from "../job/job.ts";
import { attemptsOf, httpTarget, withAttempts } from "./httpRun.ts";
import type { Command, JobState, LiveExecution, Step, StepRun } from "./state.ts";
import {
  definitionFor,
  isCrowding,
  isHeld,
  leaveListingTo,
  occupiesSlot,
  putLive,
  replaceStep,
  revise,
} from "./state.ts";
import { endWait } from "./wake.ts";

/**
 * A message that nobody claimed is sent again after 20 to 30 s, then twice as long, … up to 5 min. Not sooner, and not for
 * all jobs at the same moment: a queue that works off thousands of jobs of one instant has lost none of their messages,
 * and alarms that ring meanwhile only take the time that the claims need (measured: 5,000 jobs with a first repetition
 * after 5 s did not come to an end).
 */
const REDISPATCH_MS = 20_000;
const REDISPATCH_SPREAD_MS = 10_000;
const REDISPATCH_MAX_MS = 300_000;

/** After this many claims in a row without a result the execution fails: its request seems to take the worker down. */
export const LOST_MOST = 5;

/**
 * Longest timeout that still fits into the 30 s that the platform leaves an invocation after its handler returned; a
 * longer one is awaited, on a queue of its own (ADR 0005).
 */
export const SHORT_LANE_MOST_SECONDS = 30;
/** What of those 30 s is kept for the end: it is recorded and reported, or the attempt would count as lost. */
const SHORT_LANE_MARGIN_MS = 1_000;

/** How long a request may take: its timeout, and on the short lane no longer than leaves time to report its end. */
export function deadlineMs(timeoutSeconds: number): number {
  const timeoutMs = timeoutSeconds * 1_000;
  const isShort = timeoutSeconds <= SHORT_LANE_MOST_SECONDS;
  return isShort ? Math.min(timeoutMs, SHORT_LANE_MOST_SECONDS * 1_000 - SHORT_LANE_MARGIN_MS) : timeoutMs;
}

/** What would be asked for within this time counts as asked for, when something else is: one message for both. */
const ASKED_TOGETHER_MS = 5_000;

/** What falls due by the clock alone: fires, lost messages, ended leases, retries. Runs before every event. */
export function expire(state: JobState, nowMs: number): JobState {
  return expireSteps(fireDue(state, nowMs), nowMs);
}

/** The next moment at which time alone would change something; `null` when the job is idle for good. */
export function nextWakeMs(state: JobState): number | null {
  let wake = state.nextDueMs ?? Number.POSITIVE_INFINITY;
  for (const live of state.live.values()) {
    if (live.listing) wake = Math.min(wake, live.listing.dueMs);
    for (const step of live.steps) if (step.phase !== "ready") wake = Math.min(wake, step.dueMs);
    wake = Math.min(wake, expiryMs(live.execution) ?? wake);
  }
  for (const owed of state.outbox.values()) wake = Math.min(wake, owed.dueMs);
  for (const errand of state.errands.values()) wake = Math.min(wake, errand.dueMs);
  return Number.isFinite(wake) ? wake : null;
}

/** Whether nothing is owed and whatever is live only waits, so that an alarm before `nextWakeMs` would be for nothing. */
export function isResting(state: JobState): boolean {
  if (state.outbox.size > 0 || state.errands.size > 0) return false;
  for (const live of state.live.values()) if (live.listing !== null || isCrowding(live)) return false;
  return true;
}

function expireSteps(state: JobState, nowMs: number): JobState {
  let next = state;
  for (const waiting of state.live.values()) {
    const { execution, steps } = waiting;
    const untilMs = expiryMs(execution);
    if (untilMs !== null && untilMs <= nowMs) {
      next = giveUp(next, waiting, nowMs);
      continue;
    }
    for (const step of steps) {
      if (step.phase === "ready" || step.dueMs > nowMs) continue;
      const live = next.live.get(execution.id);
      // The end of a container's time may have taken the step away.
      if (live?.steps.includes(step)) next = expireStep(next, live, step, nowMs);
    }
  }
  return next;
}

function expireStep(state: JobState, live: LiveExecution, step: StepRun, nowMs: number): JobState {
  switch (step.phase) {
    case "claimed":
      return loseClaim(state, live, step, nowMs);
    case "backoff":
      return putLive(state, replaceStep(live, { ...redispatch(step), fence: step.fence + 1, dispatches: 0 }));
    case "dispatched":
      return putLive(state, replaceStep(live, redispatch(step)));
    case "parked":
      return awaitsDueTime(live) ? comeDue(state, live, step) : endWait(state, live, step.path, nowMs);
    case "ready":
      return state;
  }
}

/**
 * Recovery from a consumer that died or whose result was lost. Whether the target saw the request is not known, so the
 * attempt is sent again (delivery is at least once) and does not count against `max_attempts`; the lost one stays
 * visible among the attempts.
 */
function loseClaim(state: JobState, live: LiveExecution, step: StepRun, nowMs: number): JobState {
  const lost = step.lost + 1;
  const { request } = httpTarget(definitionFor(state, live), step.path);
  const startedAtMs = step.dueMs - leaseMs(request.timeoutSeconds);
  const attempts = attemptsOf(live, step.path);
  const attempt: Attempt = {
    number: attempts.length + 1,
    status: "CONNECTION_ERROR",
    statusCode: null,
    startedAtMs,
    latencyMs: nowMs - startedAtMs,
    bodyPreview: null,
    responseHeaders: null,
    errorClass: WORKER_LOST,
    errorMessage:
      "The worker that made this attempt never reported back, so the target may or may not have seen it. It is made again and does not count against max_attempts.",
    failedRules: [],
    late: false,
  };
  const revised = revise(withAttempts(live, step.path, [...attempts, attempt]), {}, nowMs);
  if (lost >= LOST_MOST) {
    const error = {
      code: WORKER_LOST,
      message: `${LOST_MOST} attempts in a row ended without a result. Replay the execution once the cause is known.`,
    };
    const progress = progressOf(revised, definitionFor(state, live), nowMs);
    if (progress === null) return endExecution(state, revised, "failed", { nowMs, error, recorded: false });
    progress.finish(step.path, "failed", { error });
    progress.wake(step.path);
    return keep(state, progress);
  }
  return putLive(state, replaceStep(revised, { ...redispatch(step), fence: step.fence + 1, dispatches: 0, lost }));
}

/** How long a claim lasts: the attempt's own timeout and a margin for secrets, history and the way back. */
export function leaseMs(timeoutSeconds: number): number {
  return timeoutSeconds * 1_000 + 15_000;
}

/** Back to `dispatched` with a message still to be sent: `fillSlots` sends for every step whose `dueMs` is 0. */
function redispatch(step: StepRun): StepRun {
  return { ...step, phase: "dispatched", dueMs: 0 };
}

/**
 * Hands out free slots in the order of arrival, and sends a message for every step that needs one. An execution with steps
 * that gets a slot goes on as far as it gets; where that ends it or parks it, its slot is free again for those before it.
 */
export function fillSlots(state: JobState, nowMs: number, random: Random): Step {
  const commands: Command[] = [];
  let next = state;
  for (let isFreed = true; isFreed;) {
    isFreed = false;
    const taken = new Map<string | null, number>();
    for (const live of next.live.values()) take(taken, live, Number(occupiesSlot(live)));
    for (const id of next.live.keys()) {
      const before = next.live.get(id);
      if (!before) continue;
      const mayGoOn = before.steps.some((step) => step.phase === "ready") && !isHeld(next, before);
      const hadSlot = occupiesSlot(before);
      const getsSlot = mayGoOn && (hadSlot || (taken.get(groupOf(before)) ?? 0) < slotsOf(next.job));
      if (getsSlot && before.execution.workflow !== null) next = goOn(next, before, { nowMs, random });
      const live = next.live.get(id);
      if (live) next = dispatchAll(next, live, { getsSlot, nowMs, commands });
      const after = next.live.get(id);
      const hasSlot = after !== undefined && occupiesSlot(after);
      take(taken, before, Number(hasSlot) - Number(hadSlot));
      if (hadSlot && !hasSlot) isFreed = true;
    }
  }
  return { state: next, commands };
}

/** Executions share slots with those of the same concurrency key; those without one are a group too. */
function groupOf(live: LiveExecution): string | null {
  return live.execution.start?.concurrencyKey ?? null;
}

function take(taken: Map<string | null, number>, live: LiveExecution, slots: number): void {
  if (slots !== 0) taken.set(groupOf(live), (taken.get(groupOf(live)) ?? 0) + slots);
}

function dispatchAll(
  state: JobState,
  live: LiveExecution,
  context: { getsSlot: boolean; nowMs: number; commands: Command[] },
): JobState {
  let next = state;
  for (const step of live.steps) {
    const isNew = step.phase === "ready";
    if (isNew ? !context.getsSlot : step.phase !== "dispatched" || step.dueMs !== 0) continue;
    const firstMs = REDISPATCH_MS + REDISPATCH_SPREAD_MS * spreadOf(live.execution.id);
    const sent: StepRun = {
      ...step,
      phase: "dispatched",
      dueMs: context.nowMs + Math.round(Math.min(REDISPATCH_MAX_MS, firstMs * 2 ** Math.min(step.dispatches, 10))),
      fence: isNew ? step.fence + 1 : step.fence,
      dispatches: step.dispatches + 1,
    };
    next = putLive(next, leaveListingTo(replaceStep(next.live.get(live.execution.id) ?? live, sent), sent.dueMs));
    const { timeoutSeconds } = httpTarget(definitionFor(state, live), step.path).request;
    context.commands.push({
      type: "dispatch",
      executionId: live.execution.id,
      step: step.path,
      fence: sent.fence,
      lane: timeoutSeconds > SHORT_LANE_MOST_SECONDS ? "long" : "short",
    });
  }
  return next;
}

/** Asks for errands when one is due, and again until it is done. */
export function collectErrands(state: JobState, nowMs: number): Step {
  const due = [...state.errands.values()].filter((errand) => errand.dueMs <= nowMs);
  if (due.length === 0) return { state, commands: [] };
  // A new one is asked for by itself; the carrier takes all the others along.
  const askedUntilMs = due.some(({ tries }) => tries > 0) ? nowMs + ASKED_TOGETHER_MS : nowMs;
  const errands = new Map(state.errands);
  for (const [id, errand] of state.errands) {
    if (!isWanted(state, errand)) errands.delete(id);
    else if (errand.dueMs <= askedUntilMs) errands.set(id, { ...errand, ...again(errand, nowMs) });
  }
  return { state: { ...state, errands }, commands: errands.size > 0 ? [{ type: "run_errands" }] : [] };
}

/** A start is for a step that is parked until it is done: one that was cancelled, or timed out, wants none any more. */
function isWanted(state: JobState, errand: Errand): boolean {
  if (errand.type !== "start_child") return true;
  const { executionId, step } = errand.parent;
  return state.live.get(executionId)?.steps.some((run) => run.path === step && run.phase === "parked") ?? false;
}

/** What there is to do, with what it takes. */
export function errandOrders(state: JobState): ErrandOrder[] {
  return [...state.errands.values()].flatMap((errand): ErrandOrder[] => {
    if (!isWanted(state, errand)) return [];
    if (errand.type !== "start_child") return [errand];
    const { executionId, step } = errand.parent;
    const record = state.live.get(executionId)?.execution.workflow?.steps.find((each) => each.path === step);
    const given = record?.input;
    if (typeof given !== "object" || given === null || !("input" in given)) return [];
    return [{ ...errand, input: given.input as JsonValue }];
  });
}

/**
 * Asks for the collection of what is owed: at once for a new record, when a debt falls due, then again until it is
 * confirmed. A collection takes everything that is owed, so asking once counts for all that is due or soon will be: a job
 * with many live executions is collected from once in a while and not once per execution.
 *
 * Each debt is a row, and one that is asked for again is written again. So a new record leaves the others alone: a job
 * whose thousand executions end while the history is away writes a thousand rows, and not half a million.
 */
export function collectHistory(state: JobState, nowMs: number, newRecord: boolean): Step {
  const due =
    [...state.live.values()].some((live) => live.listing !== null && live.listing.dueMs <= nowMs) ||
    [...state.outbox.values()].some((owed) => owed.dueMs <= nowMs);
  if (!due) return { state, commands: newRecord ? [{ type: "collect_history" }] : [] };
  const askedUntilMs = nowMs + ASKED_TOGETHER_MS;
  const live = new Map(state.live);
  for (const [id, each] of state.live) {
    const { listing } = each;
    if (listing && listing.dueMs <= askedUntilMs) live.set(id, { ...each, listing: again(listing, nowMs) });
  }
  const outbox = new Map(state.outbox);
  for (const [id, each] of state.outbox) {
    if (each.dueMs <= askedUntilMs) outbox.set(id, { ...each, ...again(each, nowMs) });
  }
  return { state: { ...state, live, outbox }, commands: [{ type: "collect_history" }] };
}

function again(owed: { tries: number }, nowMs: number): { dueMs: number; tries: number } {
  return { dueMs: collectAgainMs(nowMs, owed.tries), tries: owed.tries + 1 };
}
