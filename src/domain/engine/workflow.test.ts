import { describe, expect, it } from "vitest";
import type { StepDefinition } from "../workflow/definition.ts";
import {
  approval,
  condition,
  forEach,
  http,
  parallel,
  runJob,
  transform,
  wait,
  waitForWebhook,
  workflowJob,
} from "../workflow/workflow.fixture.ts";
import { MINUTE, START } from "./engine.fixture.ts";
import { errandOrders, nextWakeMs } from "./timers.ts";
import { WorkflowDriver } from "./workflow.fixture.ts";

const OTHER_JOB = "job_01kdefghjkzzzzzzzzzzzzzzzz";

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

describe("a container with a timeout", () => {
  const LIMITED = { timeoutSeconds: 60 } as const;
  const slow = [
    parallel("p", [[http("a"), http("b")], [approval("ok")], [runJob("r", OTHER_JOB)], [waitForWebhook("w")]], LIMITED),
    http("z"),
  ];

  it("fails when it has not ended in time, and releases everything in it", () => {
    const driver = new WorkflowDriver(workflowJob(slow)).start().answer("p[0].a");
    const late = driver.claimAt("p[0].b");
    driver.pass(MINUTE - 1);
    expect(driver.execution.status).toBe("running");
    driver.pass(1);
    expect(driver.execution).toMatchObject({ status: "failed", error: { code: "timeout" } });
    expect(driver.execution.error?.message).toMatch(/^Step "p" had not ended after 60 s/);
    expect(driver.statuses()).toEqual({
      p: "failed",
      "p[0].a": "succeeded",
      "p[0].b": "cancelled",
      "p[1].ok": "cancelled",
      "p[2].r": "cancelled",
      "p[3].w": "cancelled",
    });
    expect(driver.report(late, { type: "succeed", output: null })).toBe(false);
    const child = driver.step("p[2].r")?.child;
    expect(errandOrders(driver.state)).toMatchObject([{ type: "cancel_child", childId: child }]);
  });

  it("lets its list go on where on_error says so, with what its branches gave until then", () => {
    const [limited, last] = slow;
    const going = [{ ...limited, onError: "continue" }, last, transform("t", "{{steps.p.output.results[0].a}}")];
    const driver = new WorkflowDriver(workflowJob(going as StepDefinition[])).start().answer("p[0].a", 1);
    driver.requested();
    driver.pass(MINUTE).answer("z");
    expect(driver.execution.status).toBe("succeeded");
    expect([driver.step("p")?.error?.code, driver.output("t")]).toEqual(["timeout", 1]);
  });

  it.each([
    ["condition", { ...condition("c", { left: 1, operator: "eq", right: 1 }, [wait("w")]), ...LIMITED }, "c.then.w"],
    ["for_each", forEach("c", [1, 2], [wait("w")], { ...LIMITED, maxConcurrency: 1 }), "c[0].w"],
  ])("is any container: %s", (_, container, inner) => {
    const longer = JSON.parse(JSON.stringify(container).replaceAll('"durationSeconds":60', '"durationSeconds":90'));
    const driver = new WorkflowDriver(workflowJob([longer])).start();
    expect(driver.execution.status).toBe("waiting");
    expect(nextWakeMs(driver.state)).toBeLessThanOrEqual(START + MINUTE);
    driver.pass(MINUTE);
    expect(driver.statuses()).toEqual({ ...driver.statuses(), c: "failed", [inner]: "cancelled" });
  });

  it("leaves no timer behind when it ends in time, and has none that was not asked for", () => {
    const driver = new WorkflowDriver(workflowJob([parallel("p", [[http("a")]], LIMITED), approval("ok")])).start();
    const paths = () => [...driver.state.live.values()].flatMap(({ steps }) => steps.map(({ path }) => path));
    expect(paths()).toEqual(["p", "p[0].a"]);
    driver.answer("p[0].a");
    expect(paths()).toEqual(["ok"]);
    expect(driver.pass(MINUTE).statuses()).toMatchObject({ p: "succeeded", ok: "waiting" });
    const without = new WorkflowDriver(workflowJob([parallel("p", [[approval("ok")]])])).start();
    expect([...without.state.live.values()].flatMap(({ steps }) => steps.map(({ path }) => path))).toEqual(["p[0].ok"]);
  });

  it("ends with the container around it, whose time is over at the same moment", () => {
    const inner = parallel("i", [[wait("w"), wait("v")]], LIMITED);
    const driver = new WorkflowDriver(workflowJob([parallel("o", [[inner]], LIMITED)])).start().pass(MINUTE);
    expect(driver.execution.error?.message).toMatch(/^Step "o" had not ended/);
    expect(driver.statuses()).toEqual({ o: "failed", "o[0].i": "cancelled", "o[0].i[0].w": "cancelled" });
  });

  it("has its time anew in an execution that is restarted within it", () => {
    const original = new WorkflowDriver(workflowJob(slow)).start().answer("p[0].a").pass(MINUTE).execution;
    const driver = new WorkflowDriver(workflowJob(slow));
    driver.nowMs = START + 10 * MINUTE;
    driver.send<"restart">({ type: "restart", id: driver.id, original, fromStep: "b" }, driver.nowMs);
    expect(driver.requested()).toEqual(["p[0].b"]);
    driver.pass(MINUTE - 1);
    expect(driver.execution.status).toBe("running");
    expect(driver.pass(1).execution).toMatchObject({ status: "failed", error: { code: "timeout" } });
  });
});
