import { describe, expect, it } from "vitest";
import { anAttempt, aStepRecord, aWorkflow } from "../../test/workerd/db/builders.ts";
import { fitAttempts, fitWorkflow } from "./fitExecution.ts";

const bytesOf = (value: unknown): number => new TextEncoder().encode(JSON.stringify(value)).byteLength;

describe("fitAttempts", () => {
  const three = [1, 2, 3].map((number) => anAttempt({ number, bodyPreview: "é".repeat(1_000) }));

  it("returns the same attempts when they fit", () => {
    expect(fitAttempts(three, bytesOf(three))).toBe(three);
  });

  it("takes the preview of the oldest attempt first, counting bytes and not characters", () => {
    const fitted = fitAttempts(three, bytesOf(three) - 1);
    expect(fitted.map((attempt) => attempt.bodyPreview === null)).toEqual([true, false, false]);
    expect(bytesOf(fitted)).toBeLessThan(bytesOf(three));
  });

  it("then takes response headers, and never the result of an attempt before that", () => {
    const wide = three.map((attempt) => ({ ...attempt, responseHeaders: { "x-wide": "w".repeat(1_000) } }));
    const fitted = fitAttempts(wide, 2_000);
    expect(fitted.map((attempt) => attempt.bodyPreview)).toEqual([null, null, null]);
    expect(fitted.map((attempt) => attempt.responseHeaders === null)).toEqual([true, true, false]);
    expect(bytesOf(fitted)).toBeLessThanOrEqual(2_000);
  });

  it("drops the oldest attempts when nothing else is left", () => {
    const many = Array.from({ length: 100 }, (_, i) => anAttempt({ number: i + 1 }));
    const fitted = fitAttempts(many, 1_000);
    expect(fitted.at(-1)?.number).toBe(100);
    expect(fitted.length).toBeGreaterThan(0);
    expect(bytesOf(fitted)).toBeLessThanOrEqual(1_000);
  });
});

describe("fitWorkflow", () => {
  const preview = "p".repeat(2_000);
  const full = aWorkflow({
    input: { a: "i".repeat(2_000) },
    triggerInput: { body: "t".repeat(2_000) },
    context: { c: "c".repeat(2_000) },
    steps: [1, 2, 3].map((number) =>
      aStepRecord({
        path: `step${number}`,
        input: "i".repeat(2_000),
        output: "o".repeat(2_000),
        attempts: [anAttempt({ bodyPreview: preview })],
      }),
    ),
  });

  it("returns the same record when it fits", () => {
    expect(fitWorkflow(full, bytesOf(full))).toBe(full);
  });

  it("gives up what explains least first", () => {
    const without = (bytes: number) => {
      const { input, triggerInput, context, steps } = fitWorkflow(full, bytes);
      const step = steps[0];
      return [
        ["previews", step?.attempts[0]?.bodyPreview],
        ["step inputs", step?.input],
        ["trigger input", triggerInput],
        ["step outputs", step?.output],
        ["input", input],
        ["context", Object.keys(context).length],
      ].flatMap(([what, value]) => (value === null || value === 0 ? [what] : []));
    };
    const size = bytesOf(full);
    expect(without(size - 1)).toEqual(["previews"]);
    expect(without(size - 7_000)).toEqual(["previews", "step inputs"]);
    expect(without(size - 13_000)).toEqual(["previews", "step inputs", "trigger input"]);
    expect(without(size - 15_000)).toEqual(["previews", "step inputs", "trigger input", "step outputs"]);
    expect(without(2_000)).toHaveLength(6);
  });

  it("never exceeds the bound, and keeps the newest steps longest", () => {
    for (const bytes of [500, 1_000, 2_000, 5_000, 10_000]) {
      const fitted = fitWorkflow(full, bytes);
      expect(bytesOf(fitted)).toBeLessThanOrEqual(bytes);
      if (fitted.steps.length > 0) expect(fitted.steps.at(-1)?.path).toBe("step3");
    }
  });
});
