import { describe, expect, it } from "vitest";
import type { Execution } from "../execution/execution.ts";
import type { Job } from "../job/job.ts";
import type { StepDefinition } from "../workflow/definition.ts";
import { condition, forEach, http, parallel, transform, workflowJob } from "../workflow/workflow.fixture.ts";
import { START } from "./engine.fixture.ts";
import { WorkflowDriver } from "./workflow.fixture.ts";

const ALWAYS = { left: 1, operator: "eq", right: 1 } as const;

/** A driver on the restarted execution, or the refusal. */
function restart(
  original: Execution,
  steps: readonly StepDefinition[],
  fromStep: string | null,
  overrideInput?: never,
  inputSchema: Job["inputSchema"] = null,
) {
  const driver = new WorkflowDriver(workflowJob(steps, { inputSchema }));
  const event = {
    type: "restart",
    id: driver.id,
    original,
    fromStep,
    ...(overrideInput ? { overrideInput } : {}),
  } as const;
  const answer = driver.send<"restart">(event, START);
  return answer.ok ? driver : answer.error;
}

function mustRestart(...args: Parameters<typeof restart>): WorkflowDriver {
  const restarted = restart(...args);
  if (restarted instanceof WorkflowDriver) return restarted;
  throw new Error(JSON.stringify(restarted));
}

describe("restart", () => {
  const steps = [http("a"), http("b", {}, "https://example.com/{{steps.a.output}}/{{input.x}}"), http("c")];

  it("keeps the outputs of the steps before, and links the original", () => {
    const original = new WorkflowDriver(workflowJob(steps)).start().answer("a", 1).answer("b").answer("c").execution;
    const driver = mustRestart(original, steps, "b", { x: 2 } as never);
    expect(driver.requested()).toEqual(["b"]);
    expect(driver.step("b")?.input).toMatchObject({ url: "https://example.com/1/2" });
    expect(driver.execution).toMatchObject({ source: "restart", workflow: { restartedFrom: original.id } });
    driver.answer("b").answer("c");
    expect(driver.execution.status).toBe("succeeded");
  });

  it("holds the input against input_schema when it is changed, and only then", () => {
    const schema = { type: "object", required: ["x"], properties: { x: { type: "number" } } };
    const original = new WorkflowDriver(workflowJob(steps)).start({ input: { y: 1 } }).answer("a", 1).execution;
    const restartWith = (overrideInput: never | undefined) => restart(original, steps, "b", overrideInput, schema);
    const issues = (path: string) => ({ invalidInput: [expect.objectContaining({ path })] });
    expect(restartWith({ x: "one" } as never)).toEqual(issues("override_input.x"));
    expect(restartWith({ z: 1 } as never)).toEqual(issues("override_input.x"));
    const fitting = restartWith({ x: 1 } as never);
    expect(fitting).toMatchObject({ execution: { workflow: { input: { x: 1, y: 1 } } } });
    expect(restartWith(undefined)).toMatchObject({ execution: { workflow: { input: { y: 1 } } } });
  });

  it("keeps in context what the steps before extracted, as it was then", () => {
    const original = new WorkflowDriver(workflowJob(steps)).start();
    original.answer("a", 1, { token: "first", page: 1 }).answer("b", 2, { token: "second", more: true }).answer("c");
    expect(original.execution.workflow?.context).toEqual({ token: "second", page: 1, more: true });
    const contextFrom = (step: string) => mustRestart(original.execution, steps, step).execution.workflow?.context;
    expect(contextFrom("a")).toEqual({});
    expect(contextFrom("b")).toEqual({ token: "first", page: 1 });
    expect(contextFrom("c")).toEqual({ token: "second", page: 1, more: true });
  });

  it("keeps in context, in the order of their ends, what branches extracted", () => {
    const nested = [parallel("p", [[http("a")], [http("b")]]), http("c")];
    const original = new WorkflowDriver(workflowJob(nested)).start().answer("p[1].b", 1, { last: "b" });
    original.nowMs += 1;
    original.answer("p[0].a", 1, { last: "a" }).answerFailure("c");
    expect(mustRestart(original.execution, nested, null).execution.workflow?.context).toEqual({ last: "a" });
  });

  it("keeps all of a context of which the records do not tell where it came from", () => {
    const original = new WorkflowDriver(workflowJob(steps)).start().answer("a", 1, { token: "t" }).answer("b");
    const { workflow } = original.execution;
    const records = JSON.parse(
      JSON.stringify(workflow?.steps ?? [], (key, value) => (key === "extracted" ? undefined : value)),
    );
    const old = { ...original.execution, workflow: workflow && { ...workflow, steps: records } };
    expect(mustRestart(old, steps, "a").execution.workflow?.context).toEqual({ token: "t" });
  });

  it("is refused where there is no room for more, and changes nothing", () => {
    const original = new WorkflowDriver(workflowJob(steps)).start().answerFailure("a").execution;
    const driver = new WorkflowDriver(workflowJob(steps));
    const before = driver.state;
    driver.room = 0;
    const event = { type: "restart", id: driver.id, original, fromStep: null } as const;
    expect(driver.send<"restart">(event, START)).toEqual({ ok: false, error: "backlog_full" });
    expect(driver.state).toBe(before);
    driver.room = 1;
    expect(driver.send<"restart">(event, START)).toMatchObject({ ok: true });
  });

  it("retries from the first step that failed", () => {
    const original = new WorkflowDriver(workflowJob(steps)).start().answer("a", 1).answerFailure("b").execution;
    expect(mustRestart(original, steps, null).requested()).toEqual(["b"]);
  });

  it("keeps what is inside a condition, also the branch that was not taken", () => {
    const nested = [condition("q", ALWAYS, [http("a"), http("b")], [http("n")])];
    const original = new WorkflowDriver(workflowJob(nested))
      .start()
      .answer("q.then.a")
      .answerFailure("q.then.b").execution;
    const driver = mustRestart(original, nested, null);
    expect(driver.requested()).toEqual(["q.then.b"]);
    expect(driver.statuses()).toMatchObject({ "q.else.n": "skipped", "q.then.a": "succeeded", q: "running" });
    driver.answer("q.then.b");
    expect(driver.execution.status).toBe("succeeded");
  });

  it("keeps the branches of parallel that succeeded", () => {
    const nested = [
      parallel("p", [
        [http("a"), http("b")],
        [http("c"), http("d")],
      ]),
      http("z"),
    ];
    const original = new WorkflowDriver(workflowJob(nested)).start();
    original.answer("p[0].a").answer("p[1].c").answer("p[0].b").answerFailure("p[1].d");
    const driver = mustRestart(original.execution, nested, null);
    expect(driver.requested()).toEqual(["p[1].d"]);
  });

  it("keeps the iterations of for_each that succeeded, and its list", () => {
    const nested = [forEach("loop", "{{input}}", [http("a"), http("b", {}, "https://example.com/{{item}}")])];
    const original = new WorkflowDriver(workflowJob(nested)).start({ input: ["x", "y", "z"] });
    for (const n of [0, 1, 2]) original.answer(`loop[${n}].a`);
    original.answer("loop[0].b").answerFailure("loop[1].b").answer("loop[2].b");
    const driver = mustRestart(original.execution, nested, "loop[1].b");
    expect(driver.requested()).toEqual(["loop[1].b"]);
    expect(driver.step("loop[1].b")?.input).toMatchObject({ url: "https://example.com/y" });
    expect(mustRestart(original.execution, nested, "b").requested()).toEqual(["loop[0].b", "loop[1].b", "loop[2].b"]);
  });

  it("refuses a step that does not exist or was not reached, and a retry of what did not fail", () => {
    const original = new WorkflowDriver(workflowJob(steps)).start().answerFailure("a").execution;
    expect(restart(original, steps, "nope")).toHaveProperty("message");
    expect(restart(original, steps, "c")).toHaveProperty("message");
    const done = new WorkflowDriver(workflowJob([transform("t", 1)])).start().execution;
    expect(restart(done, [transform("t", 1)], null)).toHaveProperty("message");
  });
});
