import * as fc from "fast-check";
import { beforeAll, describe, expect, it } from "vitest";
import type { TestWorkspace } from "./harness.ts";
import { LATER, TARGET, createWorkspace } from "./harness.ts";

let workspace: TestWorkspace;
let jobId: string;
beforeAll(async () => {
  workspace = await createWorkspace();
  jobId = (await workspace.createJob({ state: "draft" })).id;
});

const FIELDS = [
  ["name"],
  ["kind"],
  ["state"],
  ["schedule"],
  ["schedule", "cron"],
  ["schedule", "timezone"],
  ["schedule", "every_n_minutes"],
  ["schedule", "run_at"],
  ["schedule", "dst"],
  ["schedule", "dst", "gap"],
  ["request"],
  ["request", "url"],
  ["request", "method"],
  ["request", "headers"],
  ["request", "headers", "X-A"],
  ["request", "body"],
  ["request", "timeout_seconds"],
  ["request", "success_statuses"],
  ["request", "response_matcher"],
  ["request", "response_matcher", "mode"],
  ["request", "assertions"],
  ["request", "assertions", "0"],
  ["request", "output"],
  ["request", "output", "x"],
  ["retry_policy"],
  ["retry_policy", "max_attempts"],
  ["retry_policy", "backoff"],
  ["retry_policy", "backoff", "list_ms"],
  ["retry_policy", "max_duration_seconds"],
  ["concurrency_limit"],
  ["overlap_policy"],
  ["surprise"],
];

const AWKWARD: readonly unknown[] = [
  null,
  "",
  "\u0000",
  "\ud800",
  -1,
  1e308,
  1.5,
  [],
  {},
  [[]],
  "{{",
  "{{uuid}}",
  "secret://",
  "$..[?@.a==1]",
  "draft",
  { mode: "json", path: "$[" },
  { source: "json" },
  { type: "list" },
  "*/5 * * * *",
  "((((",
  "http://[::1",
  "https://例え.jp/",
  "9".repeat(400),
  { run_at: "+275760-09-13T00:00:00Z" },
];

const awkward = fc.oneof(fc.jsonValue({ maxDepth: 3 }), fc.constantFrom(...AWKWARD));

function withField(
  body: Record<string, unknown>,
  [head = "", ...tail]: readonly string[],
  value: unknown,
): Record<string, unknown> {
  if (tail.length === 0) return { ...body, [head]: value };
  const inner = body[head];
  return { ...body, [head]: withField(typeof inner === "object" && inner !== null ? { ...inner } : {}, tail, value) };
}

const GOOD = { name: "fuzz", kind: "scheduled", state: "draft", schedule: { run_at: LATER }, request: { url: TARGET } };

const bodies = fc.array(fc.tuple(fc.constantFrom(...FIELDS), awkward), { minLength: 1, maxLength: 5 }).map((edits) => {
  let body: Record<string, unknown> = GOOD;
  for (const [field, value] of edits) body = withField(body, field, value);
  return body;
});

describe("a definition of any kind", () => {
  it.each([
    ["POST", "/v1/jobs", [201, 400]],
    ["PATCH", "/v1/jobs/ID", [200, 400]],
    ["POST", "/v1/schedules/preview", [200, 400]],
  ])("%s %s is taken or refused by name, and never breaks anything", async (method, path, statuses) => {
    await fc.assert(
      fc.asyncProperty(bodies, async (body) => {
        const reply = await workspace.call(method, path.replace("ID", jobId), { body });
        expect(statuses).toContain(reply.status);
        if (reply.status !== 400) return;
        expect(reply.body.error.details?.length ?? reply.body.error.message.length).toBeGreaterThan(0);
      }),
      { numRuns: 150 },
    );
  });
});
