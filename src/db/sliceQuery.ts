/** Pieces of lists in the order of ids, newest first, in either direction. */

import type { Slice, SliceRequest } from "../app/ports/slice.ts";

/** Conditions and order of the ids of a piece, one more than it holds. */
export function sliceClauses(page: SliceRequest): { where: string; params: string[]; order: "asc" | "desc" } {
  if (page.before !== undefined) return { where: "AND id > ?", params: [page.before], order: "asc" };
  if (page.after !== undefined) return { where: "AND id < ?", params: [page.after], order: "desc" };
  return { where: "", params: [], order: "desc" };
}

/** `rows` come newest first, with one too many at the end that is farthest from where the piece begins. */
export function toSlice<Row, T>(rows: readonly Row[], page: SliceRequest, convert: (row: Row) => T): Slice<T> {
  const kept = page.before === undefined ? rows.slice(0, page.limit) : rows.slice(-page.limit);
  return { items: kept.map(convert), hasMore: rows.length > kept.length };
}
