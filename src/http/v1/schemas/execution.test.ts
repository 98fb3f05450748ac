import { describe, expect, it } from "vitest";
import { aJob, anAttempt, anExecution, aStepRecord, aWorkflow } from "../../../../test/workerd/db/builders.ts";
import { ExecutionSchema, fromExecution } from "./execution.ts";

const SHARED = [
  "id", "job_id", "job_name", "job_version", "status", "source", "scheduled_for", "created_at", "started_at",
  "finished_at", "duration_ms", "lateness_ms", "replayed_from", "error", "attempts", "final_response", "output",
]; // prettier-ignore

describe("an execution on the wire", () => {
  it("has nothing of steps when its job is plain", () => {
    expect(Object.keys(fromExecution(anExecution(aJob()), "owner"))).toEqual(SHARED);
  });

  it("names its parent, also when its job is plain", () => {
    const parent = { executionId: "exe_p", step: "both[1].start", depth: 1, waits: true };
    const wire = fromExecution(anExecution(aJob(), { source: "job", parent }), "owner");
    expect(wire).toMatchObject({ parent: { execution_id: "exe_p", step: "both[1].start" } });
    expect(Object.keys(wire)).toEqual([...SHARED, "parent"]);
  });

  it("has its steps, and everything around them", () => {
    const steps = [
      aStepRecord({
        path: "each[3].call",
        type: "http",
        iteration: 3,
        startedAtMs: 1_000,
        finishedAtMs: 1_250,
        attempts: [anAttempt()],
      }),
      aStepRecord({ path: "check.then.start", type: "run_job", branch: "then", child: "exe_c", finishedAtMs: null }),
    ];
    const wire = fromExecution(
      anExecution(aJob(), {
        status: "waiting",
        workflow: aWorkflow({
          steps,
          children: ["exe_c"],
          restartedFrom: "exe_r",
          waiting: {
            step: "hook",
            type: "wait_for_webhook",
            sinceMs: 0,
            untilMs: 5,
            callbackUrl: "https://carillon.test/x",
            message: null,
          },
        }),
      }),
      "owner",
    );
    expect(ExecutionSchema.safeParse(wire).error).toBeUndefined();
    expect(wire).toMatchObject({
      parent: null,
      children: [{ execution_id: "exe_c" }],
      restarted_from: "exe_r",
      input: {},
      trigger_input: null,
      context: {},
      final_output: null,
      waiting: {
        step: "hook",
        type: "wait_for_webhook",
        since: "1970-01-01T00:00:00.000Z",
        until: "1970-01-01T00:00:00.005Z",
        callback_url: "https://carillon.test/x",
      },
      step_executions: [
        {
          id: "call",
          path: "each[3].call",
          duration_ms: 250,
          iteration: 3,
          attempts: [{ number: 1, statusCode: 200 }],
        },
        { id: "start", branch: "then", child: "exe_c", duration_ms: null },
      ],
    });
    expect(wire.waiting).not.toHaveProperty("message");
    expect(wire.step_executions?.[0]).not.toHaveProperty("branch");
    expect(wire.step_executions?.[0]).not.toHaveProperty("child");
  });
});
