/** A page of a list that is short enough to be read whole. */

import type { Page } from "./ports.ts";

export function cutPage<T>(
  all: readonly T[],
  { limit, offset }: { readonly limit: number; readonly offset: number },
): Page<T> {
  const end = offset + limit;
  return { items: all.slice(offset, end), hasMore: all.length > end, nextCursor: null };
}
