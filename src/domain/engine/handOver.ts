/**
 * Attempts that need no message: what an event would have announced on the queue is claimed by that same event and handed
 * to a worker at once, or to the caller who started it and takes it along (ADR 0016).
 *
 * Guarantee: it is the same claim, under the same fence, as that of a consumer, so everything that refuses, ends or heals
 * a claim works as it does there. A claim that nobody took is given back, which raises its fence: should somebody have
 * taken it after all, the result is late.
 */

import { type AttemptWork, claim } from "./claim.ts";
import type { AttemptMessage } from "./protocol.ts";
import type { Command, JobState } from "./state.ts";
import { isHeld, putLive, replaceStep, revise } from "./state.ts";

export interface HandOver {
  readonly state: JobState;
  /** What to hand over, once the state is durable. */
  readonly works: readonly AttemptWork[];
  /** By the id of its execution: what goes to the caller who started that one and takes the attempt, with the answer. */
  readonly answered: ReadonlyMap<string, AttemptWork>;
  /** What is left for the queue: what comes after the first `most`, and attempts that take the long lane. */
  readonly commands: readonly Command[];
}

/** Nobody who called takes an attempt. */
export const NO_TAKERS: ReadonlySet<string> = new Set();

/**
 * `takers`: executions whose caller takes one attempt of each. That caller has made room for it, so it is none of the `most`;
 * what else such an execution begins with, side by side, is handed over as all else is.
 */
export function claimForHandOver(
  state: JobState,
  commands: readonly Command[],
  context: {
    readonly nowMs: number;
    readonly uuid: () => string;
    readonly most: number;
    readonly takers: ReadonlySet<string>;
  },
): HandOver {
  let next = state;
  const works: AttemptWork[] = [];
  const answered = new Map<string, AttemptWork>();
  const left: Command[] = [];
  for (const command of commands) {
    if (command.type !== "dispatch" || command.lane === "long") {
      left.push(command);
      continue;
    }
    const { executionId } = command;
    const isAnswered = context.takers.has(executionId) && !answered.has(executionId);
    if (!isAnswered && works.length >= context.most) {
      left.push(command);
      continue;
    }
    const claimed = claim(next, command, { nowMs: context.nowMs, uuid: context.uuid() });
    next = claimed.state;
    if (claimed.answer.verdict !== "run") continue;
    if (isAnswered) answered.set(executionId, claimed.answer.work);
    else works.push(claimed.answer.work);
  }
  return { state: next, works, answered, commands: left };
}

/** Back to where a message is to be sent for it; a claim that has ended meanwhile stays as it is. */
export function handBack(state: JobState, { executionId, step: path, fence }: AttemptMessage, nowMs: number): JobState {
  const live = state.live.get(executionId);
  const step = live?.steps.find((each) => each.path === path);
  if (!live || step?.phase !== "claimed" || step.fence !== fence) return state;
  const phase = isHeld(state, live) ? "ready" : "dispatched";
  // `dispatched` with nothing due asks `fillSlots` for a message, which carries the fence as it is.
  const waiting = { ...step, phase, dueMs: 0, fence: phase === "ready" ? fence : fence + 1, dispatches: 0 } as const;
  return putLive(state, replaceStep(revise(live, {}, nowMs), waiting));
}
