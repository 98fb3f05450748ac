/** A fixed number of slots, handed out in the order of asking; who waits too long goes without. */

export interface Slots {
  /** A function that gives the slot back, or `null` when none came free within `waitMs`. */
  take(waitMs: number): Promise<(() => void) | null>;
}

export function createSlots(count: number, timer: (callback: () => void, delayMs: number) => () => void): Slots {
  let free = count;
  const waiting: ((release: () => void) => void)[] = [];

  function release(): void {
    const next = waiting.shift();
    if (next) next(once(release));
    else free += 1;
  }

  return {
    async take(waitMs) {
      if (free > 0) {
        free -= 1;
        return once(release);
      }
      const { promise, resolve } = Promise.withResolvers<(() => void) | null>();
      const cancelTimer = timer(() => {
        waiting.splice(waiting.indexOf(grant), 1);
        resolve(null);
      }, waitMs);
      const grant = (give: () => void) => {
        cancelTimer();
        resolve(give);
      };
      waiting.push(grant);
      return await promise;
    },
  };
}

function once(work: () => void): () => void {
  let done = false;
  return () => {
    if (done) return;
    done = true;
    work();
  };
}
