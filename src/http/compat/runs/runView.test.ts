import { describe, expect, it } from "vitest";
import {
  aJob,
  anAttempt,
  anExecution,
  aStepRecord,
  aWorkflow,
  START_MS,
} from "../../../../test/workerd/db/builders.ts";
import type { Execution } from "../../../domain/execution/execution.ts";
import { NO_START_OPTIONS } from "../../../domain/execution/execution.ts";
import type { StepRecord } from "../../../domain/execution/stepRecord.ts";
import { toRunId, toWorkflowId } from "../ids.ts";
import { toRun, toRunItem, toRunLogs } from "./runView.ts";
import { toWorkflow, toWorkflowItem } from "./workflowView.ts";

const JOB = aJob();
const HTTP = aStepRecord({
  path: "fetch",
  type: "http",
  input: { method: "GET", url: "https://example.com/", headers: {}, body: null },
  output: { total: 3 },
  attempts: [anAttempt({ number: 1, status: "TIMEOUT" }), anAttempt({ number: 2 })],
});
const WORKFLOW = anExecution(JOB, { attempts: [], workflow: aWorkflow({ input: { id: 1 }, steps: [HTTP] }) });

function stepped(...steps: readonly StepRecord[]): Execution {
  return { ...WORKFLOW, workflow: aWorkflow({ steps }) };
}
const keys = (value: object) => Object.keys(value);

/** What a release of the core may add to its pictures one day. */
const LATER = { somethingNew: 1 };

describe("the members of what is shown", () => {
  const later = {
    ...WORKFLOW,
    ...LATER,
    workflow: { ...aWorkflow({ steps: [{ ...HTTP, ...LATER }] }), ...LATER },
  } as Execution;

  it.each([WORKFLOW, later])("are the seed's, in its order, whatever the core has", (execution) => {
    expect(keys(toRunItem(execution))).toEqual([
      "id", "workflowId", "status", "triggerType", "startedAt", "completedAt", "durationMs", "error", "createdAt",
    ]); // prettier-ignore
    const run = toRun(execution);
    expect(keys(run)).toEqual([
      "id", "workflowId", "status", "triggerType", "input", "output", "stepResults",
      "startedAt", "completedAt", "durationMs", "error", "createdAt",
    ]); // prettier-ignore
    expect(run.stepResults.map(keys)).toEqual([
      ["stepId", "status", "startedAt", "completedAt", "durationMs", "input", "output", "attempt"],
    ]);
    const logs = toRunLogs(execution);
    expect(keys(logs)).toEqual([
      "runId", "workflowId", "status", "logs", "startedAt", "completedAt", "durationMs", "error",
    ]); // prettier-ignore
    expect(logs.logs.map(keys)).toEqual([
      ["stepId", "status", "startedAt", "completedAt", "durationMs", "input", "output", "error", "attempt"],
    ]);
  });

  it.each([JOB, { ...JOB, ...LATER }])("are those of a workflow, whatever the core has", (job) => {
    const item = ["id", "name", "description", "status", "version", "trigger", "createdAt", "updatedAt"];
    expect(keys(toWorkflowItem({ job, triggerToken: null }))).toEqual(item);
    expect(keys(toWorkflow({ job, triggerToken: null }))).toEqual([...item, "steps", "inputSchema"]);
  });
});

describe("a run", () => {
  it("is the execution, in the seed's words", () => {
    expect(toRun(WORKFLOW)).toEqual({
      id: toRunId(WORKFLOW.id),
      workflowId: toWorkflowId(JOB.id),
      status: "completed",
      triggerType: "schedule",
      input: { id: 1 },
      output: { data: { total: 3 }, status: 200, headers: { "content-type": "application/json" } },
      stepResults: [
        {
          stepId: "fetch",
          status: "success",
          startedAt: "2026-01-01T00:00:00.010Z",
          completedAt: "2026-01-01T00:00:00.050Z",
          durationMs: 40,
          input: { method: "GET", url: "https://example.com/", headers: {}, body: null },
          output: { data: { total: 3 }, status: 200, headers: { "content-type": "application/json" } },
          attempt: 2,
        },
      ],
      startedAt: "2026-01-01T00:00:00.010Z",
      completedAt: "2026-01-01T00:00:00.050Z",
      durationMs: 40,
      error: null,
      createdAt: "2026-01-01T00:00:00.003Z",
    });
  });

  it("has null for what is still to come", () => {
    const pending = anExecution(JOB, { status: "queued", startedAtMs: null, finishedAtMs: null, attempts: [] });
    expect(toRun(pending)).toMatchObject({
      status: "pending",
      output: null,
      stepResults: [],
      startedAt: null,
      completedAt: null,
      durationMs: null,
      error: null,
    });
  });

  it("has what a webhook brought as its input", () => {
    const triggerInput = { method: "POST", body: { type: "invoice.paid" } };
    expect(toRun({ ...WORKFLOW, workflow: aWorkflow({ triggerInput }) }).input).toEqual({ type: "invoice.paid" });
  });

  it("gives what its template came to, if it has one", () => {
    const workflow = aWorkflow({ steps: [HTTP], finalOutput: { slackMessageId: "1" } });
    expect(toRun({ ...WORKFLOW, workflow }).output).toEqual({ slackMessageId: "1" });
  });

  it("gives nothing when it did not succeed", () => {
    const failed = { ...WORKFLOW, status: "failed", error: { code: "http_status", message: "No." } } as const;
    expect(toRun(failed)).toMatchObject({ output: null, error: { code: "STEP_ERROR", message: "No." } });
  });

  it.each([
    ["a restart", { ...WORKFLOW, workflow: aWorkflow({ restartedFrom: WORKFLOW.id }) }],
    ["a replay", { ...WORKFLOW, replayedFrom: WORKFLOW.id }],
  ])("that is %s names the original", (_, execution) => {
    expect(toRun(execution).restartedFromRunId).toBe(toRunId(WORKFLOW.id));
  });
});

describe("a plain job's run", () => {
  const plain = (changes: Partial<Execution>) => toRun(anExecution(JOB, changes));

  it("has its request as its one step", () => {
    const start = { ...NO_START_OPTIONS, input: { a: 1 } };
    const output = { data: { ok: true }, status: 200, headers: { "content-type": "application/json" } };
    expect(plain({ start })).toMatchObject({
      input: { a: 1 },
      output,
      stepResults: [{ stepId: "request", status: "success", durationMs: 40, input: { a: 1 }, output, attempt: 1 }],
    });
  });

  it.each([
    [{ bodyPreview: "no json" }, null, "no json"],
    [{ bodyPreview: null }, null, null],
    [{}, { id: 7 }, { id: 7 }],
  ])("gives the body as it can be read, or what its output map took: %j, %j", (attempt, output, data) => {
    expect(plain({ attempts: [anAttempt(attempt)], output }).output).toMatchObject({ data });
  });

  it("has a failed step when it failed, and none when nothing was sent", () => {
    const error = { code: "http_status", message: "Attempt 3 of 3." };
    const attempts = [anAttempt({ number: 3, status: "HTTP_ERROR", statusCode: 500 })];
    expect(plain({ status: "failed", attempts, error }).stepResults).toMatchObject([
      { status: "error", output: null, error: { code: "STEP_ERROR", message: "Attempt 3 of 3." }, attempt: 3 },
    ]);
    expect(plain({ status: "cancelled", attempts: [], startedAtMs: null, error }).stepResults).toEqual([]);
    expect(plain({ status: "running", attempts, finishedAtMs: null }).stepResults).toEqual([]);
  });
});

describe("the result of a step", () => {
  const result = (changes: Partial<StepRecord>) => toRun(stepped(aStepRecord(changes))).stepResults[0];

  it.each([
    ["succeeded", START_MS, "success"],
    ["failed", START_MS, "error"],
    ["skipped", null, "skipped"],
    ["cancelled", START_MS, "error"],
    ["cancelled", null, "skipped"],
    ["pending", null, undefined],
    ["running", START_MS, undefined],
    ["waiting", START_MS, undefined],
  ] as const)("that is %s, begun at %s, is %s", (status, startedAtMs, expected) => {
    expect(result({ status, startedAtMs })?.status).toBe(expected);
  });

  it.each<[StepRecord["type"], Partial<StepRecord>, object, object]>([
    ["transform", { output: 3 }, {}, { result: 3 }],
    ["condition", { output: { result: true } }, {}, { result: true }],
    [
      "wait",
      { input: { until: "x" }, output: { waited_until: "x" } },
      { until: "x" },
      { completedAt: "2026-01-01T00:00:00.050Z" },
    ],
    ["wait_for_webhook", { output: "posted" }, {}, { result: "posted" }],
    [
      "approval",
      { input: { message: "Go?", approvers: ["Ada"] }, output: { approved: true, by: "ci", at: "t", comment: null } },
      { reason: "Go?", approvers: ["Ada"] },
      { approved: true, approvedBy: "ci", approvedAt: "t", comment: null },
    ],
    ["parallel", { input: { branches: 2 } }, { branches: 2 }, { results: [{}, {}], errors: [], count: 2 }],
    ["for_each", { input: { items: [1] } }, { collection: [1] }, { results: [{}], errors: [], count: 1 }],
    [
      "run_job",
      { input: { job_id: JOB.id, input: { a: 1 } }, output: { execution_id: WORKFLOW.id, output: 5 } },
      { workflowId: toWorkflowId(JOB.id), inputMapping: { a: 1 } },
      { result: 5, runId: toRunId(WORKFLOW.id) },
    ],
  ])("of type %s has input and output as the dialect names them", (type, changes, input, output) => {
    expect(result({ type, ...changes })).toMatchObject({ input, output });
    expect(keys(result({ type, ...changes })?.output ?? {})).toEqual(keys(output));
  });

  it("is named by its id, and in a loop by its path", () => {
    const steps = [
      aStepRecord({ path: "check.then.inner" }),
      aStepRecord({ path: "both[1].other" }),
      aStepRecord({ path: "each[3].turn", iteration: 3 }),
    ];
    expect(toRun(stepped(...steps)).stepResults.map(({ stepId }) => stepId)).toEqual([
      "inner",
      "other",
      "each[3].turn",
    ]);
  });
});
