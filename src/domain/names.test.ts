import { describe, expect, it } from "vitest";
import { foldName } from "./names.ts";

describe("foldName", () => {
  it("ignores case in every script, and how characters are composed", () => {
    expect(foldName("ÜBERWACHUNG")).toBe(foldName("u\u0308berwachung"));
    expect(foldName("ОТЧЁТ")).toBe("отчёт");
  });
});
