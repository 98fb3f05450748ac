/** Comparison that takes the same time wherever two texts differ. */

/**
 * Whether two digests in hex are equal. Compare digests, never secrets: digests have the same length, and what time a
 * comparison of digests takes says nothing about the secret behind them.
 */
export function digestsEqual(one: string, other: string): boolean {
  if (one.length !== other.length) return false;
  let difference = 0;
  for (let index = 0; index < one.length; index++) difference |= one.charCodeAt(index) ^ other.charCodeAt(index);
  return difference === 0;
}
