/** Lists on the wire. */

import { z } from "@hono/zod-openapi";
import { invalid } from "../../../app/errors.ts";
import type { Outcome } from "../../../app/errors.ts";
import type { Page, PageRequest } from "../../../app/ports.ts";
import { ok } from "../../../domain/result.ts";
import { LIMIT_DEFAULT, LIMIT_MOST, OFFSET_MOST, text, wholeNumber } from "../../fields.ts";

/** An opaque cursor holds a time and an id. */
const CURSOR_CHARACTERS_MOST = 512;

export const limitAndOffset = {
  limit: wholeNumber(1, LIMIT_MOST)
    .optional()
    .openapi({ description: `Default ${LIMIT_DEFAULT}.` }),
  offset: wholeNumber(0, OFFSET_MOST).optional().openapi({
    description: "How many to pass over; go deeper with `cursor`.",
  }),
};

export const pageQuery = {
  ...limitAndOffset,
  cursor: text(1, CURSOR_CHARACTERS_MOST).optional().openapi({
    description: "`next_cursor` of the page before, with the same filters and order.",
  }),
};

export const PaginationSchema = z
  .strictObject({
    limit: z.int(),
    offset: z.int(),
    has_more: z.boolean(),
    next_cursor: z.string().nullable(),
  })
  .openapi("Pagination");

export function listOf<Item extends z.ZodType>(item: Item) {
  return z.strictObject({ data: z.array(item), pagination: PaginationSchema });
}

export const PAGINATION_EXAMPLE = { limit: 50, offset: 0, has_more: false, next_cursor: null };

interface PageParameters {
  readonly limit?: number | undefined;
  readonly offset?: number | undefined;
  readonly cursor?: string | undefined;
}

export function toPageRequest(query: PageParameters): Outcome<PageRequest> {
  const { limit = LIMIT_DEFAULT, offset = 0, cursor = null } = query;
  if (cursor !== null && offset !== 0) {
    return invalid([{ path: "offset", message: "cannot be combined with cursor; leave one of them out" }]);
  }
  return ok({ limit, offset, cursor });
}

export function fromPage<Item, Wire>(
  page: Page<Item>,
  request: Pick<PageRequest, "limit" | "offset">,
  toWire: (item: Item) => Wire,
): { data: Wire[]; pagination: z.output<typeof PaginationSchema> } {
  return {
    data: page.items.map((item) => toWire(item)),
    pagination: {
      limit: request.limit,
      offset: request.offset,
      has_more: page.hasMore,
      next_cursor: page.nextCursor,
    },
  };
}
