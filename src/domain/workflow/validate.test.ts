import { describe, expect, it } from "vitest";
import type { StepDefinition } from "./definition.ts";
import { validateWorkflow } from "./validate.ts";
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
} from "./workflow.fixture.ts";

const POLICY = { allowPrivate: false, ownHosts: [] };
const YES = { left: "{{input.a}}", operator: "eq", right: 1 } as const;

function issuesOf(steps: readonly StepDefinition[], responseOutputTemplate: unknown = null): Record<string, string> {
  const workflow = { steps, env: {}, responseOutputTemplate: responseOutputTemplate as never };
  return Object.fromEntries(validateWorkflow(workflow, POLICY).map(({ path, message }) => [path, message]));
}

describe("validateWorkflow", () => {
  it("accepts a definition with every type of step", () => {
    const steps = [
      http("a", { extract: { id: "$.id" } }, "https://example.com/{{input.x | url}}?cb={{waits.hook.url}}"),
      transform("b", { x: "{{steps.a.output.id}}", y: ["{{context.id}}", "{{env.KEY}}"] }),
      condition("c", { all: [YES, { not: YES }] }, [http("d")], [wait("e")]),
      parallel("p", [[http("f")], [runJob("g", "job_01kdefghjkzzzzzzzzzzzzzzzz", { input: "{{steps.d.output}}" })]]),
      forEach("loop", "{{steps.a.output.items}}", [http("h", {}, "https://example.com/{{item.id}}/{{index}}"), transform("i", "{{steps.h.output}}")]), // prettier-ignore
      approval("ok", { message: "{{steps.loop.output.count}} items?" }),
      waitForWebhook("hook"),
    ];
    expect(issuesOf(steps, { all: "{{steps.loop.output.results}}", ok: "{{steps.ok.output.by}}" })).toEqual({});
  });

  it("names what is wrong where it stands", () => {
    const issues = issuesOf([
      http("a", {}, "http://127.0.0.1/"),
      http("a"),
      http("9", { retryPolicy: { ...http("x").retryPolicy, maxAttempts: 99 } }),
      wait("w", {}),
      condition("c", { left: "a", operator: "matches", right: "(" }, [wait("n", { durationSeconds: 0 })]),
      forEach("f", "{{input}} and more", [], { maxConcurrency: 0, timeoutSeconds: 0 }),
      parallel("p", [[]]),
      runJob("r", "nope"),
      approval("ap", { message: " " }),
    ]);
    expect(Object.keys(issues).toSorted()).toEqual([
      "steps[0].url",
      "steps[1].id",
      "steps[2].id",
      "steps[2].retry_policy.max_attempts",
      "steps[3]",
      "steps[4].if.right",
      "steps[4].then[0].duration_seconds",
      "steps[5].items",
      "steps[5].max_concurrency",
      "steps[5].steps",
      "steps[5].timeout_seconds",
      "steps[6].branches[0]",
      "steps[7].job_id",
      "steps[8].message",
    ]);
  });

  it("bounds the number of steps and their nesting", () => {
    expect(issuesOf([])).toHaveProperty("steps");
    expect(issuesOf(Array.from({ length: 101 }, (_, index) => transform(`t${index}`, 1)))).toHaveProperty("steps");
    let nested: StepDefinition = transform("t", 1);
    for (let depth = 0; depth < 10; depth += 1) nested = condition(`c${depth}`, YES, [nested]);
    expect(Object.values(issuesOf([nested]))).toEqual(["is nested deeper than 10 levels"]);
  });

  it("refuses references to steps that cannot have run before", () => {
    const issues = issuesOf([
      transform("a", "{{steps.b.output}}"),
      transform("b", "{{steps.b.output}}"),
      parallel("p", [[transform("c", 1)], [transform("d", "{{steps.c.output}}")]]),
      transform("e", "{{steps.c.output}} {{steps.nope.output}}"),
    ]);
    expect(Object.keys(issues)).toEqual(["steps[0].value", "steps[1].value", "steps[2].branches[1][0].value", "steps[3].value"]); // prettier-ignore
  });

  it("keeps the steps of a for_each to their own iteration, and item and index inside one", () => {
    const loop = forEach("loop", [1], [transform("a", "{{item}}")]);
    const issues = issuesOf(
      [loop, transform("b", "{{steps.a.output}}"), transform("c", "{{item}}")],
      "{{steps.a.output}}",
    );
    expect(Object.keys(issues)).toEqual(["steps[1].value", "steps[2].value", "response_output_template"]);
  });

  it("refuses unknown variables and filters, keys with templates, and links of the wrong step", () => {
    const issues = issuesOf([
      transform("a", { x: "{{nope}}", y: "{{input | nope}}", "{{input}}": 1 }),
      transform("b", "{{waits.a.url}}"),
      http("c", {}, "https://example.com/{{nope}}"),
    ]);
    expect(Object.keys(issues).toSorted()).toEqual([
      "steps[0].value.x",
      "steps[0].value.y",
      'steps[0].value["{{input}}"]',
      "steps[1].value",
      "steps[2].url",
    ]);
  });

  it("lets secrets into requests only", () => {
    const withSecret = http("a");
    const headers = { Authorization: "Bearer secret://key" };
    const issues = issuesOf([
      { ...withSecret, request: { ...withSecret.request, headers } },
      transform("b", { x: "secret://key" }),
      { ...approval("c", { message: "secret://key" }) },
    ]);
    expect(Object.keys(issues)).toEqual(["steps[1].value.x", "steps[2].message"]);
  });
});
