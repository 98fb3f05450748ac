/**
 * How much an isolate has on its hands of attempts that were handed over, or come with the answer to who started them.
 *
 * Actors and the Worker that they hand attempts to mostly share an isolate. Then an actor sees that there is no room left
 * before it claims anything, and a herd does not claim what would only be given back. Where they do not, the Worker
 * refuses what is too much.
 */
class AttemptRoom {
  /** In calls that were not answered yet. */
  #offered = 0;
  #underWay = 0;

  /** How many more there may be, of `most`. */
  free(most: number): number {
    return Math.max(0, most - this.#offered - this.#underWay);
  }

  /** Keeps room for `count` attempts until the call that offers them has ended. */
  async offer<T>(count: number, call: () => Promise<T>): Promise<T> {
    this.#offered += count;
    try {
      return await call();
    } finally {
      this.#offered -= count;
    }
  }

  /** Takes attempts of a call if all have room; each then ends with `end`. */
  take(count: number, most: number): boolean {
    if (this.#underWay + count > most) return false;
    this.#underWay += count;
    return true;
  }

  /** Takes one that `free` has room for; it ends with `end`. */
  begin(): void {
    this.#underWay += 1;
  }

  end(): void {
    this.#underWay -= 1;
  }
}

/** Of this isolate. */
export const attemptRoom = new AttemptRoom();
