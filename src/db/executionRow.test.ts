import { describe, expect, it } from "vitest";
import { PLAIN_INPUT_BYTES_MOST } from "../domain/engine/start.ts";
import { NO_START_OPTIONS } from "../domain/execution/execution.ts";
import type { StepRecord } from "../domain/execution/stepRecord.ts";
import { aJob, anAttempt, anExecution, aStepRecord, aWorkflow } from "../../test/workerd/db/builders.ts";
import { toExecution, toExecutionRow, toExecutionSummary } from "./executionRow.ts";
import { MOST_JSON_BYTES, MOST_WORKFLOW_BYTES } from "./fitExecution.ts";

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

  it("comes back with its steps and its parent", () => {
    const execution = anExecution(aJob(), {
      status: "waiting",
      source: "job",
      attempts: [],
      parent: { executionId: "exe_x", step: "start", depth: 2, waits: true },
      workflow: aWorkflow({ input: { a: 1 }, steps: [aStepRecord()], restartedFrom: "exe_y", children: ["exe_z"] }),
    });
    expect(toExecution(toExecutionRow(execution))).toEqual(execution);
  });

  it("comes back with what its start asked for", () => {
    const start = { ...NO_START_OPTIONS, input: { a: [1] }, ttlMs: 5, concurrencyKey: "c", batchId: "batch_1" };
    const execution = anExecution(aJob(), { source: "api", start });
    expect(toExecution(toExecutionRow(execution))).toEqual(execution);
  });

  it("has room for the largest input beside the largest output and its attempts", () => {
    const attempts = Array.from({ length: 10 }, (_, i) =>
      anAttempt({ number: i + 1, bodyPreview: "x".repeat(65_536) }),
    );
    const input = "x".repeat(PLAIN_INPUT_BYTES_MOST - 2);
    const output = { all: "x".repeat(MOST_JSON_BYTES - 100) };
    const row = toExecutionRow(anExecution(aJob(), { attempts, output, start: { ...NO_START_OPTIONS, input } }));
    expect([row.output === null, row.start_options === null]).toEqual([false, false]);
    expect(bytesOf(row)).toBeLessThan(2 * MOST_JSON_BYTES);
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

describe("the column of approvals", () => {
  const waiting = (changes: Partial<StepRecord>): StepRecord =>
    aStepRecord({ type: "approval", status: "waiting", startedAtMs: 5, waitUntilMs: 9, ...changes });
  const columnOf = (steps: readonly StepRecord[], status: "running" | "waiting" | "cancelled" = "waiting"): unknown => {
    const { approvals } = toExecutionRow(anExecution(aJob(), { status, workflow: aWorkflow({ steps }) }));
    return approvals === null ? null : JSON.parse(approvals);
  };

  it("is empty for a plain execution, and for one in which nobody has to decide", () => {
    expect(toExecutionRow(anExecution(aJob())).approvals).toBeNull();
    expect(columnOf([aStepRecord({ type: "wait", status: "waiting" }), waiting({ status: "succeeded" })])).toBeNull();
    expect(columnOf([waiting({})], "cancelled")).toBeNull();
  });

  it("has what is to be decided, by place, also while other branches run", () => {
    const input = { message: "Deploy?", approvers: ["Ada"] };
    expect(
      columnOf([waiting({ path: "par[1].b", input }), waiting({ path: "par[0].a", name: "A" })], "running"),
    ).toEqual([
      { step: "par[0].a", name: "A", message: "", approvers: [], sinceMs: 5, untilMs: 9 },
      { step: "par[1].b", name: null, message: "Deploy?", approvers: ["Ada"], sinceMs: 5, untilMs: 9 },
    ]);
  });

  it("stays small, however many there are and however long they are", () => {
    const input = { message: "x".repeat(10_000), approvers: [] };
    const column = columnOf(Array.from({ length: 1_000 }, (_, i) => waiting({ path: `loop[${i}].ask`, input })));
    expect(column).toHaveLength(100);
    expect(bytesOf(column)).toBeLessThanOrEqual(200_000);
  });

  it("does not add up with a full record to more than a row may have", () => {
    // A control character takes six bytes in JSON.
    const input = { message: "\u0001".repeat(MOST_WORKFLOW_BYTES / 300), approvers: ["a".repeat(255)] };
    const steps = Array.from({ length: 100 }, (_, i) => waiting({ path: `loop[${i}].ask`, input }));
    const row = toExecutionRow(anExecution(aJob(), { status: "waiting", workflow: aWorkflow({ steps }) }));
    expect(bytesOf(row)).toBeLessThan(2 * MOST_JSON_BYTES);
  });
});
