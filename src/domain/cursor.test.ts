import { describe, expect, it } from "vitest";
import { decodeCursor, encodeCursor } from "./cursor.ts";

const byId = { isId: (id: string) => id.startsWith("job_"), withTime: false };
const byTime = { ...byId, withTime: true };

describe("cursor", () => {
  it("comes back as it went out, and is safe in a URL", () => {
    const place = { id: "job_???>>>", timeMs: null };
    expect(encodeCursor(place)).toMatch(/^[\w-]+$/);
    expect(decodeCursor(encodeCursor(place), byId)).toEqual(place);
    const timed = { id: "job_1", timeMs: 1_700_000_000_000 };
    expect(decodeCursor(encodeCursor(timed), byTime)).toEqual(timed);
  });

  it.each([
    "",
    "%%%",
    "bm90IGpzb24",
    btoa("null"),
    btoa('"job_1"'),
    btoa("{}"),
    btoa('{"id":1}'),
    btoa('{"id":"exe_1"}'),
  ])("refuses %j", (text) => {
    expect(decodeCursor(text, byId)).toBeNull();
  });

  it("refuses the cursor of a list in another order", () => {
    expect(decodeCursor(encodeCursor({ id: "job_1", timeMs: 5 }), byId)).toBeNull();
    expect(decodeCursor(encodeCursor({ id: "job_1", timeMs: null }), byTime)).toBeNull();
    expect(decodeCursor(btoa('{"t":"5","id":"job_1"}'), byTime)).toBeNull();
  });
});
