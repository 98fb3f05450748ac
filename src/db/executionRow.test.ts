import { describe, expect, it } from "vitest";
import { aJob, anAttempt, anExecution } from "../../test/workerd/db/builders.ts";
import { fitAttempts, MOST_JSON_BYTES, toExecution, toExecutionRow, toExecutionSummary } from "./executionRow.ts";

const bytesOf = (value: unknown): number => new TextEncoder().encode(JSON.stringify(value)).byteLength;

describe("execution row", () => {
  it("comes back as the execution that went in", () => {
    const execution = anExecution(aJob(), {
      status: "failed",
      source: "replay",
      replayedFrom: "exe_x",
      error: { code: "http_status", message: "Answered 500." },
      output: { total: 3, list: [1, "two", null] },
    });
    expect(toExecution(toExecutionRow(execution))).toEqual(execution);
  });

  it("is summed up by the count of its attempts and the last status", () => {
    const attempts = [anAttempt({ statusCode: 500 }), anAttempt({ number: 2, statusCode: null })];
    const summary = toExecutionSummary(toExecutionRow(anExecution(aJob(), { attempts })));
    expect(summary).toMatchObject({ attemptCount: 2, lastStatusCode: null });
    expect(summary).not.toHaveProperty("attempts");
  });

  it("stays under the limit whatever the target answered", () => {
    // Control characters take six bytes each in JSON: ten previews of 64 KB come to almost 4 MB.
    const attempts = Array.from({ length: 10 }, (_, i) =>
      anAttempt({ number: i + 1, bodyPreview: "\u0001".repeat(65_536) }),
    );
    const row = toExecutionRow(anExecution(aJob(), { attempts, output: { all: "x".repeat(400_000) } }));
    expect(bytesOf(row)).toBeLessThan(2 * MOST_JSON_BYTES);
    expect(row.output).not.toBeNull();
    expect(row.attempt_count).toBe(10);
  });

  it("leaves out an output that could not be stored", () => {
    const output = { all: "x".repeat(MOST_JSON_BYTES) };
    expect(toExecutionRow(anExecution(aJob(), { output })).output).toBeNull();
  });
});

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
