import { describe, expect, it } from "vitest";
import type { ScheduleSpec } from "../../../domain/job/job.ts";
import { REQUEST_DEFAULTS } from "../../../domain/job/request.ts";
import type { StepDefinition } from "../../../domain/workflow/definition.ts";
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
} from "../../../domain/workflow/workflow.fixture.ts";
import { keysOf } from "../../../../test/support/contract.ts";
import { aJob } from "../../../../test/workerd/db/builders.ts";
import { toGraph } from "./graph.ts";
import { fromJob } from "./workflows.ts";

const HELD = { left: "{{input.a}}", operator: "eq", right: 1 } as const;

/** `from>to`, with the type of a condition before the `>`. */
function edgesOf(steps: readonly StepDefinition[]): string[] {
  return toGraph(aJob({ steps })).edges.map(({ from, to, conditional }) => `${from}${conditional?.type ?? ""}>${to}`);
}

describe("the graph of a job", () => {
  it("is one action for a plain job", () => {
    const request = { ...REQUEST_DEFAULTS, url: "https://example.com/", method: "POST", body: { a: 1 } } as const;
    expect(toGraph(aJob({ request }))).toEqual({
      trigger: { kind: "workflows/scheduled-trigger", inputs: { every_n_minutes: 5 } },
      actions: [
        {
          id: "request",
          kind: "http_request",
          name: "HTTP request",
          inputs: { url: "https://example.com/", method: "POST", headers: {}, body: '{"a":1}' },
        },
      ],
      edges: [{ from: "$source", to: "request" }],
    });
  });

  it("goes from step to step", () => {
    expect(edgesOf([http("a"), transform("b", 1), http("c")])).toEqual(["$source>a", "a>b", "b>c"]);
    expect(edgesOf([])).toEqual([]);
  });

  it("goes through both branches of a condition, the empty one included", () => {
    const both = [condition("if", HELD, [http("yes"), http("too")], [http("no")]), http("after")];
    expect(edgesOf(both)).toEqual(["$source>if", "ifif>yes", "yes>too", "ifelse>no", "too>after", "no>after"]);
    expect(edgesOf([condition("if", HELD, [http("yes")]), http("after")])).toEqual([
      "$source>if",
      "ifif>yes",
      "yes>after",
      "ifelse>after",
    ]);
  });

  it("fans out and in again", () => {
    expect(edgesOf([parallel("par", [[http("a"), http("b")], [http("c")]]), http("after")])).toEqual([
      "$source>par",
      "par>a",
      "a>b",
      "par>c",
      "b>after",
      "c>after",
    ]);
  });

  it("goes round a loop, and on when it is completed", () => {
    const graph = toGraph(aJob({ steps: [forEach("loop", "{{input}}", [http("a")]), http("after")] }));
    expect(graph.edges).toEqual([
      { from: "$source", to: "loop" },
      { from: "loop", to: "a", conditional: { type: "loop", ref: "!ref($.steps.loop.item)" } },
      { from: "loop", to: "after", conditional: { type: "completed", ref: "!ref($.steps.loop.isCompleted)" } },
    ]);
    expect(graph.actions[0]).toMatchObject({ kind: "builtin:loop", inputs: { collection: "{{input}}" } });
  });

  it.each<[ScheduleSpec, string, object]>([
    [{ kind: "one_time" }, "scheduled-trigger", {}],
    [{ kind: "scheduled", runAtMs: 0 }, "scheduled-trigger", { run_at: "1970-01-01T00:00:00.000Z" }],
    [
      { kind: "cron", cron: "0 2 * * *", timezone: "UTC", dst: { gap: "run", repeat: "once" } },
      "scheduled-trigger",
      { cron: "0 2 * * *", timezone: "UTC" },
    ],
    [{ kind: "workflow", timing: { kind: "recurring", everyMinutes: 2 } }, "scheduled-trigger", { every_n_minutes: 2 }],
    [{ kind: "workflow", timing: null }, "manual", {}],
    [{ kind: "webhook_trigger" }, "webhook", {}],
  ])("begins with the trigger of %j", (schedule, kind, inputs) => {
    expect(toGraph(aJob({ schedule })).trigger).toEqual({ kind: `workflows/${kind}`, inputs });
  });
});

describe("a workflow", () => {
  it.each([
    ["draft", "DRAFT", false],
    ["active", "PUBLISHED", true],
    ["paused", "PUBLISHED", false],
    ["completed", "PUBLISHED", false],
  ] as const)("that is %s is %s", (state, status, enabled) => {
    expect(fromJob(aJob({ state }))).toMatchObject({ status, enabled });
  });
});

/** What the API shows and nothing else: a field that the core gets does not appear here by itself. */
describe("golden: the fields", () => {
  it("of a workflow", () => {
    expect(keysOf(fromJob(aJob()))).toEqual([
      "created",
      "description",
      "enabled",
      "id",
      "name",
      "social_saved_search_id",
      "status",
      "updated",
      "workflow",
    ]);
    expect(keysOf(fromJob(aJob()).workflow)).toEqual(["actions", "edges", "trigger"]);
  });

  const guarded = { when: { any: [{ not: HELD }, { all: [HELD] }] }, onError: "continue" } as const;
  it.each<[StepDefinition, string, readonly string[]]>([
    [http("a"), "http_request", ["body", "headers", "method", "url"]],
    [wait("a"), "builtin:wait", ["duration_seconds"]],
    [wait("a", { until: "{{input}}" }), "builtin:wait", ["until"]],
    [waitForWebhook("a"), "builtin:wait_for_webhook", ["on_timeout", "timeout_seconds"]],
    [approval("a"), "builtin:approval", ["approvers", "message", "on_reject", "on_timeout", "timeout_seconds"]],
    [condition("a", HELD, []), "builtin:condition", ["if"]],
    [parallel("a", []), "builtin:parallel", ["max_concurrency", "mode"]],
    [forEach("a", [], []), "builtin:loop", ["collection", "max_concurrency", "mode"]],
    [transform("a", 1), "builtin:transform", ["value"]],
    [{ ...transform("a", 1), ...guarded }, "builtin:transform", ["on_error", "value", "when"]],
    [
      runJob("a", "job_01k8rb2c9078f31njdbhv0m7q2"),
      "builtin:run_job",
      ["input", "timeout_seconds", "wait", "workflow_id"],
    ],
  ])("of an action, such as %#", (step, kind, inputs) => {
    const [action] = toGraph(aJob({ steps: [step] })).actions;
    expect(action?.kind).toBe(kind);
    expect(keysOf(action ?? {})).toEqual(["id", "inputs", "kind", "name"]);
    expect(keysOf(action?.inputs ?? {})).toEqual(inputs);
  });
});
