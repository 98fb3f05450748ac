import { describe, expect, it } from "vitest";
import { RETRY_DEFAULTS } from "../../../domain/retry/policy.ts";
import { STEP_TYPES } from "../../../domain/workflow/definition.ts";
import type { JsonValue } from "../../../domain/json.ts";
import { read } from "../../readInput.ts";
import { CreateJobBody, PatchJobBody, readJobInput } from "./jobInput.ts";
import { fromStep, toStep } from "./stepConversions.ts";
import { STEP_SCHEMAS, StepSchema } from "./steps.ts";

const HTTP = { type: "http", id: "fetch", url: "https://api.example.com/x" };
const IF = { left: "{{input.a}}", operator: "exists" };

/** One of each type with as little as it needs. */
const LEAST = {
  http: HTTP,
  wait: { type: "wait", id: "w", duration_seconds: 5 },
  wait_for_webhook: { type: "wait_for_webhook", id: "cb" },
  approval: { type: "approval", id: "ok", message: "Go?" },
  condition: { type: "condition", id: "c", if: IF, then: [HTTP] },
  parallel: { type: "parallel", id: "p", branches: [[HTTP], []] },
  for_each: { type: "for_each", id: "l", items: "{{input.list}}", steps: [HTTP] },
  transform: { type: "transform", id: "t", value: null },
  run_job: { type: "run_job", id: "r", job_id: "job_1" },
} as const;

function parsed(value: unknown) {
  const result = read(StepSchema, value);
  if (!result.ok) throw new Error(JSON.stringify(result.issues));
  return toStep(result.value);
}

function issuesOf(value: unknown): string[] {
  const result = read(CreateJobBody, { name: "x", kind: "workflow", steps: [value] });
  return result.ok ? [] : result.issues.map(({ path, message }) => `${path}: ${message}`);
}

describe("StepSchema", () => {
  it("has a form for every type", () => {
    expect(STEP_SCHEMAS.map((schema) => schema.shape.type.value).toSorted()).toEqual(STEP_TYPES.toSorted());
    expect(Object.keys(LEAST).toSorted()).toEqual(STEP_TYPES.toSorted());
  });

  it.each(Object.entries(LEAST))("reads back the %s step that it shows", (_, value) => {
    const step = parsed(value);
    const shown = fromStep(step);
    expect(StepSchema.safeParse(shown).error).toBeUndefined();
    expect(parsed(JSON.parse(JSON.stringify(shown)))).toEqual(step);
  });

  it("fills in the defaults", () => {
    expect(parsed(LEAST.http)).toEqual({
      type: "http",
      id: "fetch",
      name: null,
      when: null,
      onError: "fail",
      request: {
        url: HTTP.url,
        method: "GET",
        headers: {},
        body: null,
        timeoutSeconds: 30,
        successStatuses: [200, 201, 202, 204],
        responseMatcher: null,
        assertions: [],
        output: {},
      },
      retryPolicy: RETRY_DEFAULTS,
      extract: {},
    });
    expect(parsed(LEAST.approval)).toMatchObject({ timeoutSeconds: 86_400, onTimeout: "reject", onReject: "fail" });
    expect(parsed(LEAST.wait_for_webhook)).toMatchObject({ timeoutSeconds: 86_400, onTimeout: "fail" });
    expect(parsed(LEAST.parallel)).toMatchObject({ mode: "all", maxConcurrency: 10 });
    expect(parsed(LEAST.run_job)).toMatchObject({ input: {}, waits: true });
    expect(parsed(LEAST.condition)).toMatchObject({ else: [] });
  });

  it("merges a retry policy over the defaults and keeps a null input", () => {
    const step = parsed({ ...HTTP, retry_policy: { max_attempts: 7, backoff: { type: "fixed" } } });
    expect(step).toMatchObject({
      retryPolicy: { ...RETRY_DEFAULTS, maxAttempts: 7, backoff: { ...RETRY_DEFAULTS.backoff, type: "fixed" } },
    });
    expect(parsed({ ...LEAST.run_job, input: null })).toMatchObject({ input: null });
  });

  it.each(["condition", "parallel", "for_each"] as const)(
    "keeps the timeout of a %s, which has none by default",
    (type) => {
      const step = parsed({ ...LEAST[type], timeout_seconds: 90 });
      expect(step).toMatchObject({ timeoutSeconds: 90 });
      expect(fromStep(step)).toMatchObject({ timeout_seconds: 90 });
      expect(parsed({ ...LEAST[type], timeout_seconds: null })).toEqual(parsed(LEAST[type]));
      expect(fromStep(parsed(LEAST[type]))).not.toHaveProperty("timeout_seconds");
    },
  );

  it("takes no option that would do nothing: retries are for http, a timeout for what takes time", () => {
    const refused = (field: string, value: unknown) =>
      Object.values(LEAST).filter((step) =>
        issuesOf({ ...step, [field]: value }).some((text) => text.startsWith(`steps[0].${field}: is not known`)),
      );
    const types = (steps: readonly { type: string }[]) => steps.map(({ type }) => type);
    expect(types(refused("retry_policy", { max_attempts: 2 }))).toEqual(STEP_TYPES.filter((type) => type !== "http"));
    expect(types(refused("timeout_seconds", 60))).toEqual(["wait", "transform"]);
  });

  it.each([
    [{ type: "http", id: "a" }, "steps[0].url: is required: text of 1 to 8192 characters"],
    [{ ...HTTP, time_out: 5 }, 'steps[0].time_out: is not known; did you mean "timeout_seconds"?'],
    [{ ...LEAST.transform, value: undefined }, "steps[0].value: is required: any JSON"],
    [{ ...LEAST.wait, retry_policy: {} }, /^steps\[0\]\.retry_policy: is not known/],
    [{ id: "a" }, /^steps\[0\]\.type: must be one of "http", "wait"/],
    [{ ...LEAST.condition, then: [{ type: "http", id: "b" }] }, /^steps\[0\]\.then\[0\]\.url: is required/],
    [{ ...LEAST.parallel, branches: [[HTTP], [{ ...HTTP, id: "" }]] }, /^steps\[0\]\.branches\[1\]\[0\]\.id: must be/],
    [
      { ...LEAST.for_each, steps: [{ ...LEAST.condition, else: [{ ...HTTP, when: { all: [{}] } }] }] },
      /^steps\[0\]\.steps\[0\]\.else\[0\]\.when\.all\[0\]\.left: is required/,
    ],
  ])("says where %j is wrong", (value, message) => {
    expect(issuesOf(value)[0]).toEqual(typeof message === "string" ? message : expect.stringMatching(message));
  });
});

describe("readJobInput", () => {
  const body = (changes: Readonly<Record<string, JsonValue>>) => ({ name: "x", kind: "workflow", ...changes });

  it("hands over what belongs to steps", () => {
    const { changes, complaints } = readJobInput(
      CreateJobBody,
      body({
        steps: [LEAST.transform],
        env: { base: "x" },
        input_schema: { type: "object" },
        response_output_template: 1,
      }),
    );
    expect(complaints).toEqual([]);
    expect(changes).toEqual({
      name: "x",
      kind: "workflow",
      steps: [{ type: "transform", id: "t", name: null, when: null, onError: "fail", value: null }],
      env: { base: "x" },
      inputSchema: { type: "object" },
      responseOutputTemplate: 1,
    });
  });

  it("tells null, which is the default, from nothing", () => {
    expect(readJobInput(PatchJobBody, { steps: null, input_schema: null }).changes).toEqual({
      steps: null,
      inputSchema: null,
    });
    expect(readJobInput(PatchJobBody, {}).changes).toEqual({});
  });

  it("reads the rest when a step is refused", () => {
    const { changes, complaints } = readJobInput(CreateJobBody, body({ steps: [HTTP, { type: "http", id: "b" }] }));
    expect(complaints.map(({ path }) => path)).toEqual(["steps[1].url"]);
    expect(changes).toEqual({ name: "x", kind: "workflow" });
  });
});
