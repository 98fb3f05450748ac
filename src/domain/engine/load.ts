/** What a job has on its hands, in numbers. */

import type { JobLoad } from "./protocol.ts";
import { awaitsDueTime } from "./delay.ts";
import type { JobState } from "./state.ts";

/** By the statuses that lists show, `queued` being split. Reads nothing but the state: no history, no storage. */
export function loadOf(state: JobState, nowMs: number): JobLoad {
  const load = { running: 0, queued: 0, delayed: 0, waiting: 0 };
  for (const live of state.live.values()) {
    const { status } = live.execution;
    if (status === "running" || status === "waiting") load[status] += 1;
    else load[awaitsDueTime(live) ? "delayed" : "queued"] += 1;
  }
  const { created, createdBefore } = state;
  if (createdBefore !== null) return { ...load, total: createdBefore + created, uncounted: null };
  return {
    ...load,
    total: null,
    uncounted: { atMs: nowMs, created, live: [...state.live.keys(), ...state.outbox.keys()] },
  };
}

/** The executions of earlier releases are known. Whoever counted them first has the last word. */
export function countEarlier(state: JobState, count: number): JobState {
  return state.createdBefore === null ? { ...state, createdBefore: count } : state;
}
