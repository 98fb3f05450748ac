/**
 * The pages of Trigger.dev's lists: `page[size]`, `page[after]`, `page[before]`, and `page`, `perPage`.
 *
 * The client's page object keeps the parameters it was fetched with, so after a step back and one forward again it sends
 * both cursors, of which the newer is meant. Each cursor therefore counts how many pages it is away from the first.
 */

import { invalid } from "../../../app/errors.ts";
import type { Outcome } from "../../../app/errors.ts";
import { ok } from "../../../domain/result.ts";

export interface CursorRequest {
  readonly size: number;
  /** At most one of the two is given. */
  readonly after?: string;
  readonly before?: string;
  /** Of the cursor that brought us here; 0 on the first page. */
  readonly hop: number;
}

export interface CursorPage<T> {
  /** In the list's own order, whichever way it was walked. */
  readonly items: readonly T[];
  /** Whether there is more in the direction of the request. */
  readonly hasMore: boolean;
}

const SIZE_MOST = 100;

/** `isId` tells whether a cursor is one of this list. */
export function readCursorPage(
  query: URLSearchParams,
  sizeDefault: number,
  isId: (text: string) => boolean,
): Outcome<CursorRequest> {
  const size = readCount(query, "page[size]", sizeDefault);
  if (!size.ok) return size;
  const [after, before] = [query.get("page[after]"), query.get("page[before]")].map((text) =>
    text === null || text === "" ? null : decodeCursor(text),
  );
  for (const [name, cursor] of [
    ["page[after]", after],
    ["page[before]", before],
  ] as const) {
    if (cursor === undefined || (cursor !== null && !isId(cursor.id))) {
      return invalid([
        { path: name, message: "is not a cursor of this list; use the ones in the answer's pagination" },
      ]);
    }
  }
  if (before && (!after || before.hop >= after.hop))
    return ok({ size: size.value, before: before.id, hop: before.hop });
  if (after) return ok({ size: size.value, after: after.id, hop: after.hop });
  return ok({ size: size.value, hop: 0 });
}

/** `next` and `previous` where there are such pages: the client refuses `null`. */
export function toCursorPagination<T>(
  { items, hasMore }: CursorPage<T>,
  request: CursorRequest,
  idOf: (item: T) => string,
): { next?: string; previous?: string } {
  const [first, last] = [items[0], items.at(-1)];
  if (first === undefined || last === undefined) return {};
  const hop = request.hop + 1;
  const hasNext = request.before === undefined ? hasMore : true;
  const hasPrevious = request.before === undefined ? request.after !== undefined : hasMore;
  return {
    ...(hasNext ? { next: encodeCursor({ id: idOf(last), hop }) } : {}),
    ...(hasPrevious ? { previous: encodeCursor({ id: idOf(first), hop }) } : {}),
  };
}

interface Cursor {
  readonly id: string;
  readonly hop: number;
}

function encodeCursor({ id, hop }: Cursor): string {
  return `${id}.${hop}`;
}

function decodeCursor(text: string): Cursor | undefined {
  const match = /^(\w{1,64})\.(\d{1,9})$/.exec(text);
  return match === null ? undefined : { id: match[1] ?? "", hop: Number(match[2]) };
}

export interface OffsetRequest {
  /** From 1. */
  readonly page: number;
  readonly perPage: number;
}

export function readOffsetPage(query: URLSearchParams, perPageDefault: number): Outcome<OffsetRequest> {
  const page = readCount(query, "page", 1, 100_000);
  const perPage = readCount(query, "perPage", perPageDefault);
  if (!page.ok) return page;
  return perPage.ok ? ok({ page: page.value, perPage: perPage.value }) : perPage;
}

export function toOffsetPagination({ page, perPage }: OffsetRequest, count: number) {
  return { currentPage: page, totalPages: Math.max(1, Math.ceil(count / perPage)), count };
}

function readCount(query: URLSearchParams, name: string, byDefault: number, most = SIZE_MOST): Outcome<number> {
  const text = query.get(name);
  if (text === null || text === "") return ok(byDefault);
  const count = /^\d{1,6}$/.test(text) ? Number(text) : 0;
  return count >= 1 && count <= most
    ? ok(count)
    : invalid([{ path: name, message: `must be a whole number from 1 to ${most}` }]);
}
