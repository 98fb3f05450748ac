/** How calls to D1 are made: once where a repetition could change the answer, up to three times where it cannot. */

import type { Random } from "../domain/clock.ts";
import { StorageUnavailable, toStorageError } from "./errors.ts";

export interface StorageDeps {
  readonly random: Random;
  /** Resolves after the delay, or at once when the signal aborts; never rejects. */
  sleep(delayMs: number, signal?: AbortSignal): Promise<void>;
}

const MOST_TRIES = 3;
/** Full jitter over 50 ms, then over 100 ms: D1's transient faults are over in less (facts 3.3). */
const FIRST_BACKOFF_MS = 50;

/** What an attempt waits for D1 on its way to the target; a healthy D1 answers in milliseconds. */
export const ATTEMPT_READ_DEADLINE_MS = 3_000;

/** Makes a call once; what it throws becomes a `StorageError`. D1 itself repeats reads that failed. */
export async function once<T>(operation: string, call: () => Promise<T>): Promise<T> {
  try {
    return await call();
  } catch (thrown) {
    throw toStorageError(operation, thrown);
  }
}

/** Makes a call once for a caller that cannot wait long: after `deadlineMs` D1 counts as out of reach. */
export async function onceWithin<T>(
  deps: StorageDeps,
  deadlineMs: number,
  operation: string,
  call: () => Promise<T>,
): Promise<T> {
  const settled = new AbortController();
  try {
    const answer = await Promise.race([
      once(operation, call).then((value) => ({ value })),
      deps.sleep(deadlineMs, settled.signal).then(() => null),
    ]);
    if (answer === null) throw new StorageUnavailable(operation, "transient", "our deadline passed");
    return answer.value;
  } finally {
    settled.abort();
  }
}

/** Makes an idempotent call again while its fault is transient. `signal` ends the waiting: the last fault is thrown. */
export async function repeated<T>(
  deps: StorageDeps,
  operation: string,
  call: () => Promise<T>,
  signal?: AbortSignal,
): Promise<T> {
  for (let tries = 1; ; tries++) {
    try {
      return await once(operation, call);
    } catch (thrown) {
      const error = toStorageError(operation, thrown);
      if (error.fault !== "transient" || tries === MOST_TRIES || signal?.aborted) throw error;
      await deps.sleep(deps.random() * FIRST_BACKOFF_MS * 2 ** (tries - 1), signal);
    }
  }
}
