import { describe, expect, it } from "vitest";
import type { JobChanges } from "./editMerge.ts";
import { mergeChanges } from "./editMerge.ts";
import { onePerPath, validateJob } from "./validate.ts";

const NOW = Date.UTC(2030, 0, 1);
const POLICY = { allowPrivate: false, ownHosts: ["carillon.example.com"] };
const GOOD: JobChanges = {
  name: "sync",
  kind: "cron",
  schedule: { cron: "0 2 * * *" },
  request: { url: "https://api.example.com/x" },
};

function issuesOf(changes: JobChanges): Record<string, string> {
  const result = validateJob(mergeChanges(null, changes), { targetPolicy: POLICY, runAtAfterMs: NOW });
  return result.ok ? {} : Object.fromEntries(result.error.map(({ path, message }) => [path, message]));
}

describe("validateJob", () => {
  it("fills in the seed's defaults", () => {
    const result = validateJob(mergeChanges(null, GOOD), { targetPolicy: POLICY, runAtAfterMs: NOW });
    expect(result.ok && result.value).toMatchObject({
      schedule: { kind: "cron", cron: "0 2 * * *", timezone: "UTC", dst: { gap: "run", repeat: "once" } },
      request: { method: "GET", headers: {}, body: null, timeoutSeconds: 30, successStatuses: [200, 201, 202, 204] },
      retryPolicy: { maxAttempts: 3, retryOnStatuses: [429, 500, 502, 503, 504] },
      concurrencyLimit: 1,
      overlapPolicy: "queue",
      misfirePolicy: "fire_once",
    });
  });

  it.each([
    ["recurring", 1],
    ["cron", 1],
    ["scheduled", 10],
    ["one_time", 10],
  ] as const)("lets a job of kind %s run %i at a time by default", (kind, limit) => {
    expect(mergeChanges(null, { kind }).concurrencyLimit).toBe(limit);
  });

  it("names every field at fault at once", () => {
    const issues = issuesOf({
      name: " ",
      kind: "cron",
      schedule: { cron: "61 * * * *", timezone: "Mars/Olympus", runAtMs: NOW + 1 },
      request: {
        url: "http://127.0.0.1/",
        method: "POST",
        body: { x: "{{nonsense}}" },
        timeoutSeconds: 301,
        headers: { Host: "x", ok: "{{uuid}}" },
        successStatuses: [99],
      },
      retryPolicy: { maxAttempts: 11 },
      concurrencyLimit: 101,
    });
    expect(Object.keys(issues).toSorted()).toEqual([
      "concurrency_limit",
      "name",
      "request.body.x",
      "request.headers.Host",
      "request.success_statuses[0]",
      "request.timeout_seconds",
      "request.url",
      "retry_policy.max_attempts",
      "schedule.cron",
      "schedule.run_at",
      "schedule.timezone",
    ]);
  });

  it("says which members a kind takes", () => {
    expect(issuesOf({ ...GOOD, kind: "recurring" })).toEqual({
      "schedule.every_n_minutes": 'is required for kind "recurring": a whole number of minutes from 1 to 1440',
      "schedule.cron": 'is for kind "cron"; a job of kind "recurring" takes every_n_minutes',
    });
  });

  it("refuses a run_at that has passed, and takes one that may be past", () => {
    const changes: JobChanges = { ...GOOD, kind: "scheduled", schedule: { runAtMs: NOW } };
    expect(issuesOf(changes)["schedule.run_at"]).toContain("must be in the future");
    const past = validateJob(mergeChanges(null, changes), { targetPolicy: POLICY, runAtAfterMs: null });
    expect(past.ok).toBe(true);
  });

  it.each(["http://localhost/", "https://10.0.0.1/", "https://carillon.example.com/v1/jobs", "ftp://example.com/"])(
    "refuses to call %s",
    (url) => {
      expect(Object.keys(issuesOf({ ...GOOD, request: { url } }))).toEqual(["request.url"]);
    },
  );

  it("judges the URL that templates will give", () => {
    expect(issuesOf({ ...GOOD, request: { url: "https://api.example.com/{{uuid}}?k=secret://key" } })).toEqual({});
    expect(issuesOf({ ...GOOD, request: { url: "https://{{uuid}}.example.com/" } })["request.url"]).toContain(
      "templates only in its path",
    );
  });

  it("refuses a body with GET, because it could never be sent", () => {
    const request = { url: "https://api.example.com/", body: { a: 1 } };
    expect(Object.keys(issuesOf({ ...GOOD, request }))).toEqual(["request.body"]);
    expect(issuesOf({ ...GOOD, request: { ...request, method: "POST" } })).toEqual({});
  });

  it("refuses headers that differ in case only", () => {
    const headers = { "X-A": "1", "x-a": "2" };
    expect(Object.keys(issuesOf({ ...GOOD, request: { url: "https://api.example.com/", headers } }))).toEqual([
      'request.headers["x-a"]',
    ]);
  });

  it.each(["a\nb", "a\u0000", "\ud800", "x".repeat(256)])("refuses the name %j", (name) => {
    expect(Object.keys(issuesOf({ ...GOOD, name }))).toEqual(["name"]);
  });

  it("judges what it can when the kind is unknown", () => {
    const { kind: _, ...rest } = GOOD;
    expect(Object.keys(issuesOf({ ...rest, schedule: { cron: "nope" } }))).toEqual(["kind", "schedule.cron"]);
  });
});

describe("onePerPath", () => {
  it("keeps the first complaint about a field and none about what is inside it", () => {
    const issue = (path: string) => ({ path, message: "m" });
    const kept = onePerPath([issue("a"), issue("a"), issue("a.b"), issue("a[0]"), issue("ab"), issue(""), issue("c")]);
    expect(kept.map(({ path }) => path)).toEqual(["a", "ab", ""]);
  });
});

describe("validateJob of a job with steps", () => {
  const STEP = { type: "transform", id: "t", name: null, when: null, onError: "fail", value: 1 } as const;
  const WORKFLOW: JobChanges = { name: "x", kind: "workflow", steps: [STEP] };

  it.each([
    ["at no time", {}, null],
    ["at an interval", { everyMinutes: 5 }, { kind: "recurring", everyMinutes: 5 }],
    ["at one moment", { runAtMs: NOW + 1 }, { kind: "scheduled", runAtMs: NOW + 1 }],
  ] as const)("takes a workflow that is due %s", (_, schedule, timing) => {
    const result = validateJob(mergeChanges(null, { ...WORKFLOW, schedule }), {
      targetPolicy: POLICY,
      runAtAfterMs: NOW,
    });
    expect(result.ok && result.value).toMatchObject({ schedule: { kind: "workflow", timing }, steps: [STEP] });
  });

  it("refuses what only plain kinds have, whatever is in it", () => {
    expect(issuesOf({ ...WORKFLOW, request: {}, retryPolicy: { maxAttempts: 2 } })).toEqual({
      request: 'is for plain kinds; a job of kind "workflow" makes its requests in its steps',
      retry_policy: 'is for plain kinds; in a job of kind "workflow" each http step has its own',
    });
  });

  it("refuses in plain kinds what only those with steps have", () => {
    const issues = issuesOf({ ...GOOD, steps: [STEP], env: {}, inputSchema: true, responseOutputTemplate: "x" });
    expect(Object.keys(issues)).toEqual(["steps", "env", "input_schema", "response_output_template"]);
    expect(issues.steps).toContain('a job of kind "cron" has one request and no steps');
    expect(issuesOf({ ...GOOD, steps: null, env: null, inputSchema: null })).toEqual({});
  });

  it("asks for steps, unless they are complained about already", () => {
    const draft = mergeChanges(null, { name: "x", kind: "webhook_trigger" });
    const context = { targetPolicy: POLICY, runAtAfterMs: NOW };
    const complaint = { path: "steps[0].then[1].url", message: "is required" };
    expect(validateJob(draft, context)).toMatchObject({ error: [{ path: "steps" }] });
    expect(validateJob(draft, context, [complaint])).toMatchObject({ error: [complaint] });
  });

  it("refuses an input_schema that is none", () => {
    expect(issuesOf({ ...WORKFLOW, inputSchema: { type: "map" } })).toHaveProperty(["input_schema.type"]);
  });

  it("refuses an input_schema that no execution of its schedule would fit, and takes it without a schedule", () => {
    const inputSchema = { type: "object", required: ["total"] };
    expect(issuesOf({ ...WORKFLOW, inputSchema, schedule: { everyMinutes: 5 } })).toEqual({
      input_schema: expect.stringMatching(/^must accept \{\}, with which the schedule .* but input\.total is required/),
    });
    expect(issuesOf({ ...WORKFLOW, inputSchema })).toEqual({});
    expect(issuesOf({ ...WORKFLOW, inputSchema: { type: "object" }, schedule: { everyMinutes: 5 } })).toEqual({});
    expect(issuesOf({ ...WORKFLOW, kind: "webhook_trigger", inputSchema })).toEqual({});
  });

  it("keeps the address of the instance for jobs with steps only", () => {
    expect(mergeChanges(null, WORKFLOW, "https://a.example").publicUrl).toBe("https://a.example");
    expect(mergeChanges(null, GOOD, "https://a.example").publicUrl).toBeNull();
  });
});
