/** Work on many things, a few at a time. */

/**
 * The results, in the order of the items. In groups because what one invocation holds open at once, and what one actor or
 * the database is asked at once, is bounded: six connections of an invocation (facts/cloudflare-platform.md), beyond which
 * calls only wait for each other. A group begins when the one before it is through; a fault is thrown, and no further group
 * begins.
 */
export async function sideBySide<T, R>(
  items: readonly T[],
  atATime: number,
  work: (item: T) => Promise<R>,
): Promise<R[]> {
  const results: R[] = [];
  for (let start = 0; start < items.length; start += atATime) {
    const group = items.slice(start, start + atATime);
    results.push(...(await Promise.all(group.map((item) => work(item)))));
  }
  return results;
}
