import { describe, expect, it } from "vitest";
import { condition, forEach, http, parallel, transform, workflowJob } from "../workflow/workflow.fixture.ts";
import { WorkflowDriver } from "./workflow.fixture.ts";

describe("a list of steps", () => {
  it("runs one after the other, each seeing the outputs of those before", () => {
    const driver = new WorkflowDriver(
      workflowJob([http("a"), http("b", {}, "https://example.com/{{steps.a.output.id}}/{{steps.a.id}}/{{input.x}}")], {
        responseOutputTemplate: { last: "{{steps.b.output}}" },
      }),
    ).start({ input: { x: "y" } });
    expect(driver.requested()).toEqual(["a"]);
    driver.answer("a", { id: 7 });
    expect(driver.requested()).toEqual(["b"]);
    expect(driver.step("b")?.input).toMatchObject({ url: "https://example.com/7/7/y" });
    driver.answer("b", [1, 2]);
    expect(driver.execution).toMatchObject({ status: "succeeded", workflow: { finalOutput: { last: [1, 2] } } });
    expect(driver.state.live.size).toBe(0);
  });

  it("hands a claim what its templates name, and what was extracted before", () => {
    const driver = new WorkflowDriver(
      workflowJob([http("a"), http("b", {}, "https://example.com/{{context.token}}")]),
    ).start();
    driver.answer("a", { big: "x" }, { token: "t" });
    expect(driver.claimAt("b").data).toMatchObject({ context: { token: "t" } });
  });

  it("fails with its first failing step, and goes on where on_error says so", () => {
    const failing = new WorkflowDriver(workflowJob([http("a"), http("b")])).start().answerFailure("a");
    expect(failing.execution).toMatchObject({ status: "failed", error: { code: "http_status" } });
    expect(failing.execution.error?.message).toMatch(/^Step "a" failed/);
    const going = new WorkflowDriver(workflowJob([http("a", { onError: "continue" }), http("b")])).start();
    going.answerFailure("a").answer("b");
    expect(going.execution.status).toBe("succeeded");
    expect(going.statuses()).toEqual({ a: "failed", b: "succeeded" });
  });

  it("skips a step whose `when` does not hold", () => {
    const when = { left: "{{input.go}}", operator: "eq", right: true } as const;
    const driver = new WorkflowDriver(workflowJob([http("a", { when }), http("b")])).start({ input: { go: false } });
    expect(driver.requested()).toEqual(["b"]);
    expect(driver.step("a")?.status).toBe("skipped");
  });

  it("retries a step by its own policy, attempts counted per step", () => {
    const driver = new WorkflowDriver(workflowJob([http("a"), http("b")])).start().answer("a");
    driver.report(driver.claimAt("b"), { type: "retry", delayMs: 500 });
    driver.pass(500);
    const again = driver.claimAt("b");
    expect(again.attempt).toBe(2);
    driver.report(again, { type: "succeed", output: null });
    expect(driver.step("b")?.attempts.length).toBe(2);
    expect(driver.step("a")?.attempts.length).toBe(1);
  });

  it("fails as state_too_large when its data grow beyond 1 MB, and keeps a record that fits", () => {
    const driver = new WorkflowDriver(
      workflowJob([http("a"), transform("b", ["{{steps.a.output}}", "{{steps.a.output}}"])]),
    ).start();
    driver.answer("a", "x".repeat(600_000));
    expect(driver.execution.error?.code).toBe("state_too_large");
    expect(JSON.stringify(driver.execution).length).toBeLessThan(1_100_000);
  });
});

describe("a condition", () => {
  it("runs the branch that it chose and skips the other with all that is in it", () => {
    const isBig = { left: "{{input.n}}", operator: "gt", right: 10 } as const;
    const driver = new WorkflowDriver(
      workflowJob([condition("c", isBig, [http("x")], [parallel("p", [[http("y")], [http("z")]])])]),
    ).start({ input: { n: 11 } });
    expect(driver.requested()).toEqual(["c.then.x"]);
    driver.answer("c.then.x");
    expect(driver.statuses()).toEqual({
      c: "succeeded",
      "c.else.p": "skipped",
      "c.else.p[0].y": "skipped",
      "c.else.p[1].z": "skipped",
      "c.then.x": "succeeded",
    });
  });
});

describe("parallel", () => {
  it("runs its branches side by side under one slot, and gathers their outputs", () => {
    const job = workflowJob([
      parallel("p", [[http("a"), http("b")], [http("c")]]),
      transform("t", "{{steps.p.output.results}}"),
    ]);
    const driver = new WorkflowDriver({ ...job, concurrencyLimit: 1 }).start();
    expect(driver.requested()).toEqual(["p[0].a", "p[1].c"]);
    driver.answer("p[1].c", 3).answer("p[0].a", 1).answer("p[0].b", 2);
    expect(driver.execution.status).toBe("succeeded");
    expect(driver.output("t")).toEqual([{ a: 1, b: 2 }, { c: 3 }]);
  });

  it("keeps to max_concurrency", () => {
    const driver = new WorkflowDriver(
      workflowJob([parallel("p", [[http("a")], [http("b")], [http("c")]], { maxConcurrency: 2 })]),
    ).start();
    expect(driver.requested()).toEqual(["p[0].a", "p[1].b"]);
    driver.answer("p[1].b");
    expect(driver.requested()).toEqual(["p[0].a", "p[2].c"]);
  });

  it("waits for all branches before it fails, in mode all", () => {
    const driver = new WorkflowDriver(workflowJob([parallel("p", [[http("a")], [http("b")]])])).start();
    driver.answerFailure("p[0].a");
    expect(driver.execution.status).toBe("running");
    driver.answer("p[1].b");
    expect(driver.execution).toMatchObject({ status: "failed", error: { code: "http_status" } });
    expect(driver.execution.error?.message).toMatch(/^Step "p\[0\]\.a" failed/);
  });

  it("cancels the other branches at the first failure, in mode fail_fast", () => {
    const driver = new WorkflowDriver(
      workflowJob([parallel("p", [[http("a")], [http("b")]], { mode: "fail_fast", onError: "continue" }), http("z")]),
    ).start();
    const other = driver.claimAt("p[1].b");
    driver.answerFailure("p[0].a");
    expect(driver.statuses()).toMatchObject({ p: "failed", "p[0].a": "failed", "p[1].b": "cancelled", z: "pending" });
    expect(driver.report(other, { type: "succeed", output: null })).toBe(false);
  });
});

describe("for_each", () => {
  it("runs its steps for each item, a few at a time, with results in order", () => {
    const steps = [
      http("get", {}, "https://example.com/{{item.id}}/{{index}}"),
      transform("t", "{{steps.get.output}}!"),
    ];
    const driver = new WorkflowDriver(
      workflowJob([forEach("loop", "{{input.list}}", steps, { maxConcurrency: 2 })], {
        responseOutputTemplate: "{{steps.loop.output}}",
      }),
    ).start({ input: { list: [{ id: "a" }, { id: "b" }, { id: "c" }] } });
    expect(driver.requested()).toEqual(["loop[0].get", "loop[1].get"]);
    expect(driver.step("loop[1].get")).toMatchObject({ iteration: 1, input: { url: "https://example.com/b/1" } });
    driver.answer("loop[1].get", "B");
    expect(driver.requested()).toEqual(["loop[0].get", "loop[2].get"]);
    driver.answer("loop[2].get", "C").answer("loop[0].get", "A");
    expect(driver.execution.workflow?.finalOutput).toEqual({
      results: [
        { get: "A", t: "A!" },
        { get: "B", t: "B!" },
        { get: "C", t: "C!" },
      ],
      errors: [],
      count: 3,
    });
  });

  it("is done at once with no items, and fails on what is not a list or too long", () => {
    const run = (items: unknown) =>
      new WorkflowDriver(workflowJob([forEach("loop", "{{input.list}}", [transform("t", 1)])])).start({
        input: { list: items as never },
      }).execution;
    expect(run([]).status).toBe("succeeded");
    expect(run("x").error?.code).toBe("invalid_items");
    expect(run(Array.from({ length: 1_001 }, () => 1)).error?.code).toBe("too_many_items");
  });

  it("takes a thousand items", () => {
    const list = Array.from({ length: 1_000 }, (_, index) => index);
    const driver = new WorkflowDriver(workflowJob([forEach("loop", "{{input.list}}", [transform("t", "{{item}}")])]));
    expect(driver.start({ input: { list } }).execution.status).toBe("succeeded");
  });

  it("sees the steps of its own iteration, also from a nested one", () => {
    const inner = forEach("inner", "{{item}}", [transform("t", ["{{steps.o.output}}", "{{item}}", "{{index}}"])]);
    const driver = new WorkflowDriver(
      workflowJob([forEach("outer", "{{input}}", [transform("o", "{{index}}"), inner])]),
    ).start({ input: [["a"], ["b", "c"]] });
    expect(driver.output("outer[1].inner[1].t")).toEqual([1, "c", 1]);
  });
});
