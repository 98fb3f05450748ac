import { describe, expect, it } from "vitest";
import type { Ran } from "../../../app/executions/runsOfJob.ts";
import { failureOf } from "../../../app/executions/runsOfJob.ts";
import type { Execution } from "../../../domain/execution/execution.ts";
import { EXECUTION_SOURCES, NO_START_OPTIONS } from "../../../domain/execution/execution.ts";
import { stepFailureSentence } from "../../../domain/execution/stepFailure.ts";
import { REQUEST_DEFAULTS } from "../../../domain/job/request.ts";
import { forEach, http } from "../../../domain/workflow/workflow.fixture.ts";
import { keysOf } from "../../../../test/support/contract.ts";
import {
  START_MS,
  aJob,
  aStepRecord,
  aWorkflow,
  anAttempt,
  anExecution,
} from "../../../../test/workerd/db/builders.ts";
import { fromRun, fromRunDetail } from "./runs.ts";

const PLAIN = aJob();
const FLOW = aJob({
  steps: [http("enrich", { name: "Enrich profile" }), forEach("each", "{{input}}", [http("send")])],
});

const bare = (execution: Execution): string => execution.id.slice("exe_".length);

function line(changes: Partial<Execution>, ran: Ran | null = PLAIN) {
  const execution = { ...anExecution(PLAIN, changes), attemptCount: 1, lastStatusCode: 200 };
  return fromRun({ execution, failure: failureOf(execution, ran) });
}

const error = (message: string) => ({ code: "http_status", message });

describe("a line of the list", () => {
  it("is the seed's completed example", () => {
    const execution = anExecution(PLAIN, { startedAtMs: START_MS, finishedAtMs: START_MS + 4_320 });
    expect(fromRun({ execution: { ...execution, attemptCount: 1, lastStatusCode: 200 }, failure: null })).toEqual({
      run_id: `run_${bare(execution)}`,
      status: "completed",
      started_at: "2026-01-01T00:00:00.000Z",
      completed_at: "2026-01-01T00:00:04.320Z",
      duration: 4_320,
      error: null,
    });
  });

  it("names the step that failed, by its name or else by its id", () => {
    const failed = (path: string) =>
      line({ status: "failed", error: error(stepFailureSentence(path, "profile not found")) }, FLOW).error;
    expect(failed("enrich")).toBe("Step 'Enrich profile' failed: profile not found");
    expect(failed("each[3].send")).toBe("Step 'send' failed: profile not found");
  });

  it("names the step by its id where the definition is not kept any more", () => {
    const sentence = stepFailureSentence("check.then.enrich", "no");
    expect(line({ status: "failed", error: error(sentence) }, null).error).toBe("Step 'enrich' failed: no");
  });

  it("names the one step of a plain job", () => {
    const { error: shown } = line({ status: "failed", error: error("The target answered 404.") });
    expect(shown).toBe("Step 'HTTP request' failed: The target answered 404.");
  });

  it("blames no step for what no step did", () => {
    const cancelled = { status: "cancelled", error: { code: "cancelled", message: "Cancelled by request." } } as const;
    expect(line(cancelled)).toMatchObject({ status: "failed", error: "Cancelled by request." });
    expect(line({ status: "failed", error: error("Its output is too large.") }, FLOW).error).toBe(
      "Its output is too large.",
    );
  });

  it.each(["queued", "running", "waiting"] as const)("is running while it is %s, and has a start", (status) => {
    expect(line({ status, startedAtMs: null, finishedAtMs: null })).toMatchObject({
      status: "running",
      started_at: new Date(START_MS + 3).toISOString(),
      completed_at: null,
      duration: null,
      error: null,
    });
  });

  it("starts with its creation where it ended before it began", () => {
    const shown = line({ status: "cancelled", startedAtMs: null, error: error("Expired.") });
    expect(shown).toMatchObject({ started_at: new Date(START_MS + 3).toISOString(), duration: 47, error: "Expired." });
  });
});

describe("the trace of an execution", () => {
  it("shows each step with its times, what went in and what came out", () => {
    const job = aJob({ steps: [http("enrich", { name: "Enrich profile" })] });
    const record = aStepRecord({
      path: "enrich",
      type: "http",
      name: "Enrich profile",
      input: { url: "https://example.com/enrich" },
      output: { email: "a@b.c" },
    });
    const execution = anExecution(job, { source: "webhook", attempts: [], workflow: aWorkflow({ steps: [record] }) });
    expect(fromRunDetail({ execution, ran: job })).toEqual({
      id: `exec_${bare(execution)}`,
      run_id: `run_${bare(execution)}`,
      workflow_id: `wf_${job.id.slice("job_".length)}`,
      status: "completed",
      started_at: "2026-01-01T00:00:00.010Z",
      ended_at: "2026-01-01T00:00:00.050Z",
      duration_ms: 40,
      event_name: "workflows/webhook",
      created: "2026-01-01T00:00:00.003Z",
      column_config: null,
      steps: [
        {
          step_id: "enrich",
          step_name: "Enrich profile",
          operation: "http_request",
          status: "completed",
          started_at: "2026-01-01T00:00:00.010Z",
          ended_at: "2026-01-01T00:00:00.050Z",
          duration_ms: 40,
          input: { url: "https://example.com/enrich" },
          output: { result: { email: "a@b.c" } },
          error: null,
          iteration: null,
        },
      ],
      error: null,
    });
  });

  it.each([
    ["pending", "pending"],
    ["running", "running"],
    ["waiting", "running"],
    ["succeeded", "completed"],
    ["failed", "failed"],
    ["cancelled", "failed"],
    ["skipped", "skipped"],
  ] as const)("shows a step that is %s as %s", (status, shown) => {
    const workflow = aWorkflow({ steps: [aStepRecord({ status })] });
    expect(fromRunDetail({ execution: anExecution(FLOW, { workflow }), ran: FLOW }).steps[0]?.status).toBe(shown);
  });

  it("shows the iteration of a step in a loop", () => {
    const steps = [
      aStepRecord({ path: "each", type: "for_each", input: { items: [1, 2] }, output: null }),
      aStepRecord({ path: "each[1].send", iteration: 1 }),
    ];
    const trace = fromRunDetail({ execution: anExecution(FLOW, { workflow: aWorkflow({ steps }) }), ran: FLOW });
    expect(trace.steps.map(({ step_id, operation, iteration }) => [step_id, operation, iteration])).toEqual([
      ["each", "builtin:loop", null],
      ["send", "builtin:transform", 1],
    ]);
  });

  it("shows a plain job as one step, once it has begun", () => {
    const job = aJob({ request: { ...REQUEST_DEFAULTS, url: "https://example.com/", body: { a: 1 } } });
    const trace = (changes: Partial<Execution>) => fromRunDetail({ execution: anExecution(job, changes), ran: job });
    expect(trace({ status: "queued", startedAtMs: null, finishedAtMs: null, attempts: [] }).steps).toEqual([]);
    expect(trace({}).steps).toMatchObject([
      {
        step_id: "request",
        step_name: "HTTP request",
        operation: "http_request",
        status: "completed",
        input: { url: "https://example.com/", method: "GET", headers: {}, body: '{"a":1}' },
        output: { result: { ok: true } },
      },
    ]);
    const failed = trace({ status: "failed", error: error("The target answered 404.") });
    expect(failed.error).toBe("Step 'HTTP request' failed: The target answered 404.");
    expect(failed.steps).toMatchObject([{ status: "failed", output: null, error: "The target answered 404." }]);
  });

  it("shows what a plain job kept of the response, or the response as text", () => {
    const trace = (changes: Partial<Execution>) =>
      fromRunDetail({ execution: anExecution(PLAIN, changes), ran: PLAIN }).steps[0]?.output;
    expect(trace({ output: { id: 7 } })).toEqual({ result: { id: 7 } });
    expect(trace({ attempts: [anAttempt({ bodyPreview: "pong" })] })).toEqual({ result: "pong" });
    expect(trace({ attempts: [anAttempt({ bodyPreview: null })] })).toBeNull();
  });

  it("shows what a plain job was started with", () => {
    const execution = anExecution(PLAIN, { start: { ...NO_START_OPTIONS, input: { customer: 42 } } });
    expect(fromRunDetail({ execution, ran: PLAIN }).steps[0]?.input).toMatchObject({ input: { customer: 42 } });
  });

  it("has a column for each field that is kept of a response", () => {
    const request = { ...REQUEST_DEFAULTS, url: "https://example.com/", output: { total: "$.sum" } };
    const column = (id: string) => ({
      id: `${id}.total`,
      stepId: id,
      fieldPath: "result.total",
      label: "total",
    });
    const columns = (ran: Ran) => fromRunDetail({ execution: anExecution(PLAIN), ran }).column_config;
    expect(columns({ steps: null, request })).toEqual([column("request")]);
    expect(columns({ steps: [forEach("each", [], [http("bill", { request })])], request: PLAIN.request })).toEqual([
      column("bill"),
    ]);
    expect(columns(PLAIN)).toBeNull();
  });

  it.each(EXECUTION_SOURCES)("names the event of source %s", (source) => {
    const shown = fromRunDetail({ execution: anExecution(PLAIN, { source }), ran: PLAIN }).event_name;
    expect(shown).toBe(`workflows/${source === "schedule" ? "scheduled-trigger" : source}`);
  });
});

/** What the API shows and nothing else: a field that the core gets does not appear here by itself. */
describe("golden: the fields", () => {
  const trace = fromRunDetail({
    execution: anExecution(FLOW, { workflow: aWorkflow({ steps: [aStepRecord()] }) }),
    ran: aJob({
      steps: [http("a", { request: { ...REQUEST_DEFAULTS, url: "https://a.example/", output: { b: "$" } } })],
    }),
  });

  it.each([
    ["of a line", line({}), ["completed_at", "duration", "error", "run_id", "started_at", "status"]],
    [
      "of a trace",
      trace,
      [
        "column_config",
        "created",
        "duration_ms",
        "ended_at",
        "error",
        "event_name",
        "id",
        "run_id",
        "started_at",
        "status",
        "steps",
        "workflow_id",
      ],
    ],
    [
      "of a step",
      trace.steps[0],
      [
        "duration_ms",
        "ended_at",
        "error",
        "input",
        "iteration",
        "operation",
        "output",
        "started_at",
        "status",
        "step_id",
        "step_name",
      ],
    ],
    ["of a column", trace.column_config?.[0], ["fieldPath", "id", "label", "stepId"]],
  ])("%s", (_, shown, keys) => {
    expect(keysOf(shown ?? {})).toEqual(keys);
  });
});
