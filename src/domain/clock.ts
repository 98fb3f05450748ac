/** Time and chance as parameters: nothing in `domain/` or `app/` reads them from the platform. */

export interface Clock {
  /** Epoch milliseconds. */
  now(): number;
}

/** A number in [0, 1), as `Math.random` gives it. */
export type Random = () => number;
