import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { newId, requestedExecutionId } from "../../../domain/ids.ts";
import { toRunId } from "../ids.ts";
import { decodeRunCursor, encodeRunCursor } from "./cursor.ts";

const DUE_MS = Date.UTC(2024, 0, 15, 10, 30);
const ID = requestedExecutionId(newId("job", 0, Math.random), DUE_MS, Math.random);
const encoded = (value: unknown) => btoa(JSON.stringify(value));

describe("a cursor of the list of runs", () => {
  it("is the seed's: base64 of {ts, id}", () => {
    expect(JSON.parse(atob(encodeRunCursor(ID)))).toEqual({ ts: DUE_MS, id: toRunId(ID) });
  });

  it("leads back to its execution, and needs no escaping in a URL but for its padding", () => {
    fc.assert(
      fc.property(fc.nat(2 ** 46), fc.nat(2 ** 46), (createdMs, dueMs) => {
        const id = requestedExecutionId(newId("job", createdMs, Math.random), dueMs, Math.random);
        const cursor = encodeRunCursor(id);
        expect(decodeRunCursor(cursor)).toBe(id);
        expect(cursor).toMatch(/^[A-Za-z0-9]+=*$/);
      }),
    );
  });

  it.each([
    ["no base64", "%%%"],
    ["no JSON", btoa("run_1")],
    ["null", encoded(null)],
    ["a list", encoded([DUE_MS, ID])],
    ["without a time", encoded({ id: toRunId(ID) })],
    ["of another time", encoded({ ts: DUE_MS + 1, id: toRunId(ID) })],
    ["with its time as text", encoded({ ts: String(DUE_MS), id: toRunId(ID) })],
    ["the seed's own, whose id none of ours is", "eyJ0cyI6MTcwNTMxMjAwMDAwMCwiaWQiOiJydW5fNjYwZTg0MDAuLi4ifQ=="],
  ])("is not %s", (_, text) => {
    expect(decodeRunCursor(text)).toBeNull();
  });
});
