import { describe, expect, it } from "vitest";
import { fromRunId, fromWorkflowId, toRunId, toWorkflowId } from "./ids.ts";

const EXECUTION = "exe_01k8rdnm8078f31njdbhv0m7q2000000";
const JOB = "job_01k8rb2c9078f31njdbhv0m7q2";

describe("ids of runs and workflows", () => {
  it("are accepted with either prefix and with none", () => {
    for (const text of [EXECUTION, toRunId(EXECUTION), EXECUTION.slice(4)]) expect(fromRunId(text)).toBe(EXECUTION);
    for (const text of [JOB, toWorkflowId(JOB), JOB.slice(4)]) expect(fromWorkflowId(text)).toBe(JOB);
  });

  it("carry the prefix of their API", () => {
    expect(toRunId(EXECUTION)).toBe("run_01k8rdnm8078f31njdbhv0m7q2000000");
    expect(toWorkflowId(JOB)).toBe("wf_01k8rb2c9078f31njdbhv0m7q2");
  });

  it.each(["", "run_", "run_run_01", "wf_abc123", "run_550e8400-e29b-41d4-a716-446655440000", JOB])(
    "%j is no run",
    (text) => {
      expect(fromRunId(text)).toBeNull();
    },
  );
});
