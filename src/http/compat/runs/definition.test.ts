import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { aJob } from "../../../../test/workerd/db/builders.ts";
import { invalid } from "../../../app/errors.ts";
import { createJob } from "../../../domain/job/edit.ts";
import type { Job } from "../../../domain/job/job.ts";
import type { JsonValue } from "../../../domain/json.ts";
import { inOwnWords } from "./complaints.ts";
import { CALL, CONTEXT, FULL, made, WORKSPACE } from "./definition.fixture.ts";
import { readChangedWorkflow, readNewWorkflow } from "./definition.ts";
import { toWorkflow } from "./workflowView.ts";

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
        const made = workflow.ok ? createJob(WORKSPACE, workflow.value.changes, CONTEXT) : null;
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
