import { describe, expect, it } from "vitest";
import type { StepDefinition } from "../../../domain/workflow/definition.ts";
import type { Wire } from "./definition.fixture.ts";
import { CALL, complaints, FULL, made, OTHER_ID, shown } from "./definition.fixture.ts";

describe("steps", () => {
  it("are shown as they were sent, and make the same job again", () => {
    const job = made(FULL);
    expect(shown(job).steps).toEqual(FULL);
    expect(made(shown(job).steps).steps).toEqual(job.steps);
  });

  it("that a webhook starts see its body as their input", () => {
    const steps = [{ id: "shape", type: "transform", config: { sourceData: "{{input.data.object.id}}" } }];
    const job = made(steps, { type: "webhook" });
    expect(job.steps).toMatchObject([{ value: "{{trigger.body.data.object.id}}" }]);
    expect(shown(job).steps).toMatchObject([{ config: { sourceData: "{{input.data.object.id}}" } }]);
  });

  it("become lists within lists, in the order in which they are named", () => {
    const [, large, lines] = made(FULL).steps as readonly StepDefinition[];
    expect(large).toMatchObject({ id: "large", then: [{ id: "ask" }, { id: "rest" }], else: [{ id: "small" }] });
    expect(lines).toMatchObject({
      items: "{{steps.fetch.output.lines}}",
      mode: "fail_fast",
      steps: [
        { id: "reserve", value: "{{item.sku}}" },
        {
          id: "parts",
          items: "{{item.parts}}",
          mode: "all",
          steps: [{ id: "part", value: ["{{item.id}}", "{{index}}"] }],
        },
      ],
    });
  });

  it.each<[string, Wire, Wire]>([
    [
      "api, with parameters",
      {
        ...CALL,
        config: { url: "https://example.com/a?x=1#top", params: { q: "a b{{input.q}}", n: 2, k: "{{secrets.key}}" } },
      },
      { request: { url: "https://example.com/a?x=1&q=a%20b{{input.q}}&n=2&k=secret://key#top" } },
    ],
    ["api, its defaults", CALL, { request: { method: "GET", timeoutSeconds: 30 }, retryPolicy: { maxAttempts: 3 } }],
    [
      "api, a POST, which is not sent twice",
      { ...CALL, config: { ...CALL.config, method: "POST" } },
      { retryPolicy: { maxAttempts: 1 } },
    ],
    [
      "wait, with a unit",
      { id: "w", type: "wait", config: { duration: 2, unit: "days" } },
      { durationSeconds: 172_800 },
    ],
    [
      "approval, its defaults",
      { id: "a", type: "approval", config: { approvers: [], reason: "Go?" } },
      { timeoutSeconds: 86_400, onTimeout: "reject" },
    ],
    [
      "approval, with a unit",
      { id: "a", type: "approval", config: { approvers: [], reason: "Go?", timeout: "30m" } },
      { timeoutSeconds: 1_800 },
    ],
    [
      "subworkflow, its defaults",
      { id: "s", type: "subworkflow", config: { workflowId: OTHER_ID } },
      { jobId: OTHER_ID.replace("wf_", "job_"), input: {}, waits: true, timeoutSeconds: 86_400 },
    ],
    [
      "transform, by rules",
      {
        id: "t",
        type: "transform",
        config: {
          action: "map",
          sourceData: "{{input.contact}}",
          mappingRules: [
            { source: "name.first", target: "firstname", transform: "direct" },
            { source: "emails[0]", target: "email", default: "none" },
          ],
        },
      },
      { value: { firstname: "{{input.contact.name.first}}", email: '{{input.contact.emails[0] | default: "none"}}' } },
    ],
  ])("%s", (_, wire, ours) => {
    expect(made([wire]).steps).toMatchObject([ours]);
  });

  it("take conditions as the canvas writes them", () => {
    const condition = {
      id: "c",
      type: "condition",
      config: {
        conditions: [
          { field: "input.total", operator: "gt", value: 3 },
          { field: "{{input.name}}", operator: "exists" },
        ],
        combineOperator: "OR",
        then: ["call"],
      },
    };
    const [step] = made([condition, CALL]).steps ?? [];
    expect(step).toMatchObject({
      if: {
        any: [
          { left: "{{input.total}}", operator: "gt", right: 3 },
          { left: "{{input.name}}", operator: "exists" },
        ],
      },
    });
  });

  it.each([
    ["action", /"api" step/],
    ["code", /no code|not run here/],
    ["agent", /not available here/],
    ["data_table", /not available here/],
    ["email", /"api" step/],
    ["slack", /"api" step/],
    ["pdf", /"api" step/],
    ["workspace_files", /"api" step/],
    ["http", /must be one of "api"/],
  ])("of type %s are refused by name", (type, message) => {
    expect(complaints([CALL, { id: "x", type, config: {} }])["steps[1].type"]).toMatch(message);
  });

  it.each<[string, Wire, string]>([
    ["a response of any size", { ...CALL, config: { ...CALL.config, maxResponseBytes: 1 } }, "config.maxResponseBytes"],
    ["failures that are none", { ...CALL, config: { ...CALL.config, failOnError: false } }, "config.failOnError"],
    ["another format", { ...CALL, config: { ...CALL.config, responseFormat: "csv" } }, "config.responseFormat"],
    ["half seconds", { ...CALL, config: { ...CALL.config, timeout: 1_500 } }, "config.timeout"],
    ["repeating a POST unasked", { ...CALL, config: { ...CALL.config, method: "POST", retries: 1 } }, "config.retries"],
    ["fallbacks", { ...CALL, errorHandling: { strategy: "continue", fallback: {} } }, "errorHandling.fallback"],
    ["retryConfig", { ...CALL, retryConfig: {} }, "retryConfig"],
    ["milliseconds of a wait", { id: "w", type: "wait", config: { duration: 500 } }, "config.duration"],
    [
      "notifications",
      { id: "a", type: "approval", config: { approvers: [], reason: "x", notifyChannels: {} } },
      "config.notifyChannels",
    ],
    [
      "two timeouts",
      { id: "a", type: "approval", config: { approvers: [], reason: "x", timeout: "1h", timeoutMs: 1_000 } },
      "config.timeout",
    ],
    ["validation", { id: "t", type: "transform", config: { sourceData: {}, action: "validate" } }, "config.action"],
    ["code in a transform", { id: "t", type: "transform", config: { sourceData: {}, code: "1" } }, "config.code"],
    [
      "rules on more than one value",
      { id: "t", type: "transform", config: { sourceData: {}, mappingRules: [] } },
      "config.sourceData",
    ],
    ["while", { id: "l", type: "loop", config: { loopType: "while", steps: [] } }, "config.loopType"],
    [
      "break",
      { id: "l", type: "loop", config: { collection: [1], steps: [], breakCondition: "x" } },
      "config.breakCondition",
    ],
    ["a loop over nothing", { id: "l", type: "loop", config: { steps: [] } }, "config.collection"],
    ["no branches", { id: "p", type: "parallel", config: {} }, "config.branches"],
    [
      "a variable's name",
      { id: "p", type: "parallel", config: { forEachSource: [1], forEachAs: "input", steps: [] } },
      "config.forEachAs",
    ],
    ["another's id", { id: "s", type: "subworkflow", config: { workflowId: "x" } }, "config.workflowId"],
    [
      "machines",
      { id: "s", type: "subworkflow", config: { workflowId: OTHER_ID, machine: "large" } },
      "config.machine",
    ],
    [
      "an unknown field of a step",
      { id: "t", type: "transform", config: { sourceData: "{{steps.t.output.x}}" } },
      "config.sourceData",
    ],
  ])("%s: refused where it stands", (_, step, path) => {
    expect(Object.keys(complaints([step]))).toContain(`steps[0].${path}`);
  });

  it.each<[string, readonly Wire[], string]>([
    ["unknown ids", [{ id: "c", type: "loop", config: { collection: [1], steps: ["x"] } }], "steps[0].config.steps[0]"],
    [
      "two places",
      [{ id: "p", type: "parallel", config: { branches: [["call"], ["call"]] } }, CALL],
      "steps[0].config.branches[1][0]",
    ],
    ["an id twice", [CALL, CALL], "steps[1].id"],
    [
      "circles",
      [
        { id: "l", type: "loop", config: { collection: [1], steps: ["m"] } },
        { id: "m", type: "loop", config: { collection: [1], steps: ["l"] } },
      ],
      "steps[0]",
    ],
  ])("%s are refused", (_, steps, path) => {
    expect(Object.keys(complaints(steps))).toContain(path);
  });

  it("have what the core says against them at the place where they were written", () => {
    const steps = [
      { id: "l", type: "loop", config: { collection: "no list", steps: ["p"] } },
      CALL,
      { id: "p", type: "parallel", config: { branches: [["w"], ["f"]] } },
      { id: "w", type: "wait", config: { duration: 400, unit: "days" } },
      { id: "f", type: "api", config: { url: "ftp://example.com", method: "GET", body: { a: "{{nobody}}" } } },
    ];
    expect(Object.keys(complaints(steps)).toSorted()).toEqual([
      "steps[0].config.collection",
      "steps[3].config.duration",
      "steps[4].config.body",
      "steps[4].config.body.a",
      "steps[4].config.url",
    ]);
  });
});
