import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { aJob } from "../../../../test/workerd/db/builders.ts";
import type { Outcome } from "../../../app/errors.ts";
import { invalid } from "../../../app/errors.ts";
import { createJob } from "../../../domain/job/edit.ts";
import type { Job } from "../../../domain/job/job.ts";
import type { JsonValue } from "../../../domain/json.ts";
import type { StepDefinition } from "../../../domain/workflow/definition.ts";
import { inOwnWords } from "./complaints.ts";
import type { TranslatedWorkflow } from "./definition.ts";
import { readChangedWorkflow, readNewWorkflow } from "./definition.ts";
import { toWorkflow } from "./workflowView.ts";

const CONTEXT = { nowMs: 0, targetPolicy: { allowPrivate: true, ownHosts: [] } } as const;
const IDENTITY = { id: `job_${"0".repeat(26)}`, workspaceId: `wks_${"0".repeat(26)}` };
const API = { type: "api" };
const CALL = { id: "call", type: "api", config: { url: "https://example.com/" } };
const OTHER_ID = `wf_${"0".repeat(26)}`;

type Wire = Readonly<Record<string, unknown>>;

function newWorkflow(steps: unknown, trigger: unknown = API): Outcome<TranslatedWorkflow> {
  return readNewWorkflow({ name: "x", trigger, steps } as JsonValue);
}

/** The job that it makes, or every field at fault as this API names it. */
function made(steps: unknown, trigger: unknown = API): Job {
  const workflow = newWorkflow(steps, trigger);
  const job = workflow.ok ? createJob(IDENTITY, workflow.value.changes, CONTEXT) : workflow;
  if (!job.ok) throw new Error(JSON.stringify(job.error));
  return job.value;
}

function complaints(steps: unknown, trigger: unknown = API): Record<string, string> {
  const workflow = newWorkflow(steps, trigger);
  const job = workflow.ok ? createJob(IDENTITY, workflow.value.changes, CONTEXT) : null;
  const outcome = workflow.ok && job?.ok === false ? inOwnWords(invalid(job.error), workflow.value.places) : workflow;
  if (outcome.ok || outcome.error.code !== "invalid_request") throw new Error("It was accepted.");
  return Object.fromEntries(outcome.error.issues.map(({ path, message }) => [path, message]));
}

const shown = (job: Job) => toWorkflow({ job, triggerToken: null }) as unknown as { steps: Wire[]; trigger: Wire };

describe("a trigger", () => {
  it.each([
    [API, { kind: "workflow", timing: null }],
    [{ type: "webhook" }, { kind: "webhook_trigger" }],
    [
      { type: "schedule", cron: "0 9 * * 1", timezone: "Europe/Berlin", enabled: true },
      {
        kind: "workflow",
        timing: { kind: "cron", cron: "0 9 * * 1", timezone: "Europe/Berlin", dst: { gap: "run", repeat: "once" } },
      },
    ],
    [{ type: "schedule", interval: { value: 90, unit: "minutes" } }, timing(90)],
    [{ type: "schedule", interval: { value: 2, unit: "hours" } }, timing(120)],
    [{ type: "schedule", interval: { value: 1, unit: "days" } }, timing(1_440)],
  ])("%j is a schedule of ours", (trigger, schedule) => {
    expect(made([CALL], trigger).schedule).toEqual(schedule);
  });

  function timing(everyMinutes: number) {
    return { kind: "workflow", timing: { kind: "recurring", everyMinutes } };
  }

  it.each([
    [
      { type: "schedule", cron: "0 9 * * 1" },
      { cron: "0 9 * * 1", timezone: "UTC", enabled: true },
    ],
    [{ type: "schedule", interval: { value: 120, unit: "minutes" } }, { interval: { value: 2, unit: "hours" } }],
    [
      { type: "webhook", provider: "custom", verifySignature: false },
      { type: "webhook", provider: "custom" },
    ],
  ])("%j is shown again", (trigger, members) => {
    expect(shown(made([CALL], trigger)).trigger).toMatchObject(members);
  });

  it.each([
    [{ type: "manual" }, "trigger.type", /"api", "schedule" or "webhook"/],
    [{ type: "schedule" }, "trigger", /either cron or interval/],
    [{ type: "schedule", cron: "* * * * *", interval: { value: 1, unit: "hours" } }, "trigger", /not both/],
    [{ type: "schedule", interval: { value: 525_600, unit: "minutes" } }, "trigger.interval", /at most one day here/],
    [{ type: "schedule", interval: { value: 525_601, unit: "minutes" } }, "trigger.interval.value", /525600/],
    [{ type: "schedule", interval: { value: 1, unit: "weeks" } }, "trigger.interval", /as cron/],
    [{ type: "schedule", cron: "0 0 9 * * 1" }, "trigger.cron", /five fields/],
    [{ type: "schedule", cron: "0 9 * * 1", timezone: "Mars/Olympus" }, "trigger.timezone", /Mars/],
    [{ type: "schedule", cron: "0 9 * * 1", enabled: false }, "trigger.enabled", /draft, or paused/],
    [{ type: "webhook", provider: "stripe" }, "trigger.provider", /webhook.verification/],
    [{ type: "webhook", events: ["invoice.paid"] }, "trigger.events", /webhook.filter/],
    [{ type: "webhook", path: "/x" }, "trigger.path", /url/],
    [{ type: "webhook", verifySignature: true }, "trigger.verifySignature", /webhook.verification/],
    [null, "trigger", /of type "api", "schedule" or "webhook"/],
  ])("%j is refused at %s", (trigger, path, message) => {
    expect(complaints([CALL], trigger)[path]).toMatch(message);
  });
});

/** Everything that both can say; each is shown as it was sent, but for defaults. */
const FULL: readonly Wire[] = [
  {
    id: "fetch",
    type: "api",
    name: "Fetch the order",
    config: {
      url: "https://example.com/orders/{{input.id}}?expand=lines",
      method: "POST",
      headers: { authorization: "Bearer {{secrets.api-key}}" },
      body: { run: "{{run.id}}", at: "{{run.startedAt}}", n: 1 },
      responseFormat: "auto",
      timeout: 5_000,
      retries: 2,
      retryDelayMs: 100,
      retryMaxDelayMs: 900,
      retryNonIdempotent: true,
    },
    errorHandling: { strategy: "continue" },
  },
  {
    id: "large",
    type: "condition",
    config: {
      conditions: {
        all: [
          { left: "{{steps.fetch.output.data.total}}", operator: "gte", right: 100 },
          { not: { left: "{{steps.fetch.output.status}}", operator: "isEmpty" } },
        ],
      },
      then: ["ask", "rest"],
      else: ["small"],
    },
  },
  {
    id: "ask",
    type: "approval",
    config: {
      approvers: ["ada@example.com"],
      reason: "Ship {{input.id}}?",
      timeoutMs: 3_600_000,
      timeoutAction: "fail",
    },
  },
  { id: "rest", type: "wait", config: { duration: 60_000 } },
  {
    id: "small",
    type: "transform",
    config: { action: "transform", sourceData: { total: "{{steps.fetch.output.data.total}}" } },
  },
  {
    id: "lines",
    type: "loop",
    config: {
      loopType: "forEach",
      collection: "{{steps.fetch.output.data.lines}}",
      steps: ["reserve", "parts"],
      batchSize: 1,
    },
  },
  {
    id: "reserve",
    type: "transform",
    config: { action: "transform", sourceData: "{{steps.lines.output.currentItem.sku}}" },
  },
  {
    id: "parts",
    type: "parallel",
    config: {
      forEachSource: "{{steps.lines.output.currentItem.parts}}",
      forEachAs: "item",
      steps: ["part"],
      strategy: "wait-all",
      concurrency: 3,
    },
  },
  {
    id: "part",
    type: "transform",
    config: { action: "transform", sourceData: ["{{item.id}}", "{{steps.parts.output.currentIndex}}"] },
  },
  { id: "thrice", type: "loop", config: { loopType: "for", iterations: 3, steps: ["turn"], batchSize: 2 } },
  {
    id: "turn",
    type: "transform",
    config: { action: "transform", sourceData: "{{steps.thrice.output.currentIndex}}" },
  },
  {
    id: "both",
    type: "parallel",
    config: { branches: [["one"], ["two"]], strategy: "fail-fast", concurrency: 10 },
  },
  { id: "one", type: "transform", config: { action: "transform", sourceData: "{{steps.lines.output.results}}" } },
  {
    id: "two",
    type: "subworkflow",
    config: {
      workflowId: OTHER_ID,
      inputMapping: { n: "{{steps.thrice.output.count}}" },
      waitForCompletion: true,
      timeoutMinutes: 5,
    },
  },
  {
    id: "last",
    type: "transform",
    config: {
      action: "transform",
      sourceData: { by: "{{steps.ask.output.approvedBy}}", of: "{{steps.two.output.result}}" },
    },
  },
];

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

describe("a changed workflow", () => {
  const job = made(FULL);
  const change = (body: unknown, of: Job = job) =>
    readChangedWorkflow(of, toWorkflow({ job: of, triggerToken: "t" }), body as JsonValue);

  it("changes nothing when it is sent back as it was read", () => {
    expect(change(toWorkflow({ job, triggerToken: "t" }))).toHaveProperty("value.changes", {});
  });

  it("has new steps with the trigger that it has, and a new trigger with the steps that it has", () => {
    const steps = [{ id: "t", type: "transform", config: { sourceData: "{{input.a}}" } }];
    expect(change({ steps })).toMatchObject({
      value: { changes: { kind: "workflow", steps: [{ value: "{{input.a}}" }] } },
    });
    const small = made(steps);
    const changed = change({ trigger: { type: "webhook" } }, small);
    expect(changed).toMatchObject({
      value: { changes: { kind: "webhook_trigger", steps: [{ value: "{{trigger.body.a}}" }] } },
    });
  });

  it("keeps what else the environment holds when its description changes", () => {
    const described = { ...job, env: { region: "eu", description: "old" } };
    expect(change({ description: "new" }, described)).toHaveProperty("value.changes", {
      env: { region: "eu", description: "new" },
    });
    expect(change({ description: null }, described)).toHaveProperty("value.changes", { env: { region: "eu" } });
  });

  it.each<[string, Partial<Job>]>([
    ["a plain job", aJob()],
    [
      "what only runs sometimes",
      { steps: (job.steps ?? []).map((step) => ({ ...step, when: { left: 1, operator: "exists", right: null } })) },
    ],
    [
      "what waits for a call",
      {
        steps: [
          {
            type: "wait_for_webhook",
            id: "w",
            name: null,
            when: null,
            onError: "fail",
            timeoutSeconds: 60,
            onTimeout: "fail",
          },
        ],
      },
    ],
    ["one moment", { schedule: { kind: "workflow", timing: { kind: "scheduled", runAtMs: 1 } } }],
  ])("may have a new name, and not what this API cannot say: %s", (_, members) => {
    const other = { ...job, ...members };
    expect(change({ name: "new" }, other)).toHaveProperty("value.changes", { name: "new" });
    expect(change({ steps: [CALL] }, other)).toMatchObject({ error: { issues: [{ path: "steps" }] } });
    expect(change({ trigger: { type: "webhook" } }, other)).toMatchObject({ error: { issues: [{ path: "trigger" }] } });
  });

  it("refuses what it is not for", () => {
    expect(change({ status: "active", settings: {} })).toMatchObject({
      error: { issues: expect.arrayContaining([expect.objectContaining({ path: "status" })]) },
    });
  });
});

describe("whatever is sent", () => {
  const awkward = fc.oneof(
    fc.constantFrom<unknown>(
      null,
      "",
      "{{",
      "{{secrets.}}",
      "{{steps.}}",
      "{{steps.lines.currentItem",
      -1,
      1.5,
      1e308,
      [],
      {},
      [[]],
    ),
    fc.constantFrom("lines", "fetch", "wf_", "\u0000", "\ud800", "__proto__", "constructor"),
    fc.jsonValue({ maxDepth: 2 }),
  );

  /** The value with one member, as deep as the path leads, in place of what was there. */
  function replaced(value: unknown, [head, ...rest]: readonly number[], by: unknown): unknown {
    const members = typeof value === "object" && value !== null ? Object.entries(value) : [];
    if (head === undefined || members.length === 0) return by;
    const chosen = head % members.length;
    const changed = members.map(
      ([key, member], index) => [key, index === chosen ? replaced(member, rest, by) : member] as const,
    );
    return Array.isArray(value) ? changed.map(([, member]) => member) : Object.fromEntries(changed);
  }

  it("is accepted, or refused with a place for each complaint, and never a fault", () => {
    const body = { name: "x", trigger: { type: "schedule", cron: "0 9 * * 1" }, steps: FULL };
    fc.assert(
      fc.property(fc.array(fc.nat(20), { minLength: 1, maxLength: 6 }), awkward, (path, value) => {
        const given = replaced(body, path, value) as JsonValue;
        const workflow = readNewWorkflow(given);
        const made = workflow.ok ? createJob(IDENTITY, workflow.value.changes, CONTEXT) : null;
        const outcome =
          workflow.ok && made?.ok === false ? inOwnWords(invalid(made.error), workflow.value.places) : workflow;
        const issues = !outcome.ok && outcome.error.code === "invalid_request" ? outcome.error.issues : [];
        expect(outcome.ok).toBe(issues.length === 0);
        for (const { path: place } of issues) expect(place).toMatch(/^(name|description|trigger|steps|inputSchema)/);
      }),
      { numRuns: 1_000 },
    );
  });
});
