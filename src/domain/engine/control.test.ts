import { describe, expect, it } from "vitest";
import type { ExecutionSource } from "../execution/execution.ts";
import { EngineDriver, makeJob, START } from "./engine.fixture.ts";

const needsWho = makeJob({
  schedule: { kind: "workflow", timing: null },
  steps: [{ type: "transform", id: "a", name: null, when: null, onError: "fail", value: 1 }],
  inputSchema: { type: "object", required: ["who"] },
});

describe("an input_schema", () => {
  const start = (source: ExecutionSource, input?: { who: string }) => {
    const engine = new EngineDriver(needsWho);
    const asked = input === undefined ? {} : { input };
    return engine.trigger({ id: "exe_x", source, ...asked }, START);
  };

  it("refuses a run without what it requires, by name, whoever asks for it", () => {
    for (const source of ["manual", "api", "job"] as const) {
      expect(start(source)).toEqual({
        ok: false,
        error: { invalidInput: [{ path: "input.who", message: "is required" }] },
      });
      expect(start(source, { who: "Ann" }).ok).toBe(true);
    }
  });

  it("is not held against what came with a webhook, nor against a replay", () => {
    expect(start("webhook").ok).toBe(true);
    expect(start("replay").ok).toBe(true);
  });
});
