import { describe, expect, it } from "vitest";
import { aWorkflow } from "../../../test/workerd/db/builders.ts";
import { NO_START_OPTIONS } from "../../domain/execution/execution.ts";
import { sameStart } from "./sameStart.ts";

const WORKFLOW = aWorkflow({ input: { a: 1, b: 1 }, triggerInput: { body: "sent" } });

describe("the same start", () => {
  it("of a fire that nobody asked for asks for nothing", () => {
    expect(sameStart({ workflow: null, start: null })).toEqual({});
  });

  it("takes over the attempts, the concurrency key and the input, and not the names and times", () => {
    const start = {
      ...NO_START_OPTIONS,
      input: [1],
      maxAttempts: 3,
      concurrencyKey: "k",
      ttlMs: 5,
      batchId: "batch_1",
    };
    expect(sameStart({ workflow: null, start })).toEqual({ input: [1], maxAttempts: 3, concurrencyKey: "k" });
  });

  it("of a job with steps has the workflow's input, an empty one too, and the trigger's", () => {
    const start = { ...NO_START_OPTIONS, input: "not this" };
    const { input, triggerInput } = WORKFLOW;
    expect(sameStart({ workflow: WORKFLOW, start })).toEqual({ input, triggerInput });
    expect(sameStart({ workflow: { ...WORKFLOW, input: null }, start: null })).toEqual({ input: null, triggerInput });
  });

  it("lays an override over the input", () => {
    expect(sameStart({ workflow: WORKFLOW, start: null }, { b: 2 }).input).toEqual({ a: 1, b: 2 });
    expect(sameStart({ workflow: null, start: { ...NO_START_OPTIONS, input: "one" } }, "two")).toEqual({
      input: "two",
    });
    expect(sameStart({ workflow: null, start: { ...NO_START_OPTIONS, input: "one" } }, null)).toEqual({});
  });
});
