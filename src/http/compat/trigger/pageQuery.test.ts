import { describe, expect, it } from "vitest";
import type { CursorRequest } from "./pageQuery.ts";
import { readCursorPage, readOffsetPage, toCursorPagination, toOffsetPagination } from "./pageQuery.ts";

const ITEMS = Array.from({ length: 7 }, (_, index) => `id_${index}`);
const isId = (text: string) => ITEMS.includes(text);

/** A page of the list as a repository would give it. */
function pageOf(request: CursorRequest) {
  const { size, after, before } = request;
  if (before !== undefined) {
    const end = ITEMS.indexOf(before);
    const start = Math.max(0, end - size);
    return { items: ITEMS.slice(start, end), hasMore: start > 0 };
  }
  const start = after === undefined ? 0 : ITEMS.indexOf(after) + 1;
  return { items: ITEMS.slice(start, start + size), hasMore: start + size < ITEMS.length };
}

/** The client's page object: it keeps the parameters it was fetched with and adds to them. */
function fetchPage(params: Readonly<Record<string, string>>) {
  const request = readCursorPage(new URLSearchParams(params), 25, isId);
  if (!request.ok) throw new Error("refused");
  const page = pageOf(request.value);
  const pagination = toCursorPagination(page, request.value, (id) => id);
  return {
    items: page.items,
    pagination,
    next: () => fetchPage({ ...params, "page[after]": pagination.next ?? "" }),
    previous: () => fetchPage({ ...params, "page[before]": pagination.previous ?? "" }),
  };
}

describe("cursors", () => {
  it("lead through the list without a gap or a repetition", () => {
    const seen: string[] = [];
    let page = fetchPage({ "page[size]": "3" });
    seen.push(...page.items);
    while (page.pagination.next !== undefined) {
      page = page.next();
      seen.push(...page.items);
    }
    expect(seen).toEqual(ITEMS);
  });

  it("lead forwards again after a step back, though the client sends both cursors then", () => {
    const first = fetchPage({ "page[size]": "2" });
    const third = first.next().next();
    expect(third.items).toEqual(["id_4", "id_5"]);
    const second = third.previous();
    expect(second.items).toEqual(["id_2", "id_3"]);
    expect(second.next().items).toEqual(["id_4", "id_5"]);
    expect(second.previous().items).toEqual(["id_0", "id_1"]);
    expect(second.next().next().items).toEqual(["id_6"]);
  });

  it("are left out at both ends, never null", () => {
    const first = fetchPage({ "page[size]": "4" });
    expect(Object.keys(first.pagination)).toEqual(["next"]);
    expect(Object.keys(first.next().pagination)).toEqual(["previous"]);
    expect(Object.keys(first.next().previous().pagination)).toEqual(["next"]);
    expect(fetchPage({ "page[size]": "100" }).pagination).toEqual({});
  });

  it.each([
    ["page[size]", "0"],
    ["page[size]", "101"],
    ["page[size]", "1.5"],
    ["page[after]", "nonsense"],
    ["page[before]", "other_1.0"],
    ["page[after]", "id_1"],
  ])("refuse %s=%s", (name, text) => {
    expect(readCursorPage(new URLSearchParams({ [name]: text }), 25, isId)).toMatchObject({
      ok: false,
      error: { code: "invalid_request", issues: [{ path: name }] },
    });
  });
});

describe("numbered pages", () => {
  it("are counted from 1", () => {
    expect(readOffsetPage(new URLSearchParams("page=2&perPage=10"), 20)).toEqual({
      ok: true,
      value: { page: 2, perPage: 10 },
    });
    expect(toOffsetPagination({ page: 2, perPage: 10 }, 21)).toEqual({ currentPage: 2, totalPages: 3, count: 21 });
    expect(toOffsetPagination({ page: 1, perPage: 10 }, 0)).toEqual({ currentPage: 1, totalPages: 1, count: 0 });
  });

  it.each(["page=0", "perPage=101", "page=x"])("refuse %s", (text) => {
    expect(readOffsetPage(new URLSearchParams(text), 20).ok).toBe(false);
  });
});
