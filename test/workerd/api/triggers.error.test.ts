import { beforeAll, describe, expect, it } from "vitest";
import type { TestWorkspace } from "./harness.ts";
import { createWorkspace, paths } from "./harness.ts";
import { createTriggerJob, deliver, executionsOf } from "./triggers.ts";

let workspace: TestWorkspace;
beforeAll(async () => {
  workspace = await createWorkspace();
});

const STEPS = [{ id: "a", type: "transform", value: 1 }];
const create = (changes: object) =>
  workspace.call("POST", "/v1/jobs", { body: { name: "x", kind: "webhook_trigger", steps: STEPS, ...changes } });

describe("a webhook block that is not accepted", () => {
  it.each<[string, object]>([
    ["webhook.verification.type", { verification: { type: "md5", secret: "s" } }],
    ["webhook.verification.type", { verification: { secret: "s" } }],
    ["webhook.verification.secret", { verification: { type: "stripe" } }],
    ["webhook.verification.secret", { verification: { type: "stripe", secret: "" } }],
    ["webhook.verification.secret", { verification: { type: "standard_webhooks", secret: "whsec_!!" } }],
    ["webhook.verification.header", { verification: { type: "hmac_sha256", secret: "s" } }],
    ["webhook.verification.encoding", { verification: { type: "hmac_sha256", secret: "s", header: "x", encoding: "b32" } }], // prettier-ignore
    ["webhook.verification.tolerance_seconds", { verification: { type: "stripe", secret: "s", tolerance_seconds: 0 } }],
    ["webhook.verification.algorithm", { verification: { type: "stripe", secret: "s", algorithm: "sha1" } }],
    ["webhook.dedupe", { dedupe: { window_seconds: 60 } }],
    ["webhook.dedupe.window_seconds", { dedupe: { header: "x", window_seconds: 0 } }],
    ["webhook.dedupe.path", { dedupe: { path: "$[", window_seconds: 60 } }],
    ["webhook.filter.left", { filter: { left: "{{steps.a.output}}", operator: "eq", right: 1 } }],
    ["webhook.rate_limit.requests", { rate_limit: { requests: 0, per_seconds: 1 } }],
  ])("names %s", async (path, webhook) => {
    const reply = await create({ webhook });
    expect([reply.status, paths(reply)]).toEqual([400, [path]]);
  });

  it("is for no other kind", async () => {
    const body = { name: "x", kind: "one_time", request: { url: "http://127.0.0.1:59999/" }, webhook: {} };
    const reply = await workspace.call("POST", "/v1/jobs", { body });
    expect([reply.status, paths(reply)]).toEqual([400, ["webhook"]]);
  });

  it("leaves nothing behind that a token could open", async () => {
    const job = await createTriggerJob(workspace);
    const body = { webhook: { verification: { type: "stripe", secret: "s", header: "a b" } } };
    expect((await workspace.call("PATCH", `/v1/jobs/${job.id}`, { body })).status).toBe(400);
    expect((await deliver(job)).status).toBe(202);
  });
});

describe("a delivery that is not accepted", () => {
  it("is too large: 413, and nothing runs", async () => {
    const job = await createTriggerJob(workspace);
    const reply = await deliver(job, "x".repeat(256 * 1_024 + 1), { "content-type": "text/plain" });
    expect(reply).toMatchObject({ status: 413, body: { error: { code: "payload_too_large" } } });
    expect(await executionsOf(workspace, job)).toEqual([]);
  });

  it("becomes too large as JSON: 413, and nothing runs", async () => {
    const job = await createTriggerJob(workspace);
    const reply = await deliver(job, "\u0001".repeat(256 * 1_024), { "content-type": "text/plain" });
    expect(reply).toMatchObject({ status: 413, body: { error: { code: "event_too_large" } } });
    expect(await executionsOf(workspace, job)).toEqual([]);
  });

  it("meets a filter that cannot be judged: 400, and nothing runs", async () => {
    const filter = { left: "x", operator: "matches", right: "{{trigger.body.pattern}}" };
    const job = await createTriggerJob(workspace, { filter });
    const reply = await deliver(job, { pattern: "(" });
    expect([reply.status, paths(reply)]).toEqual([400, ["webhook.filter"]]);
    expect(await executionsOf(workspace, job)).toEqual([]);
  });
});

describe("rotate-webhook-token", () => {
  it("is refused for other kinds, unknown jobs and overlaps out of range", async () => {
    const { id } = await workspace.createJob();
    const rotate = (job: string, body: object = {}) =>
      workspace.call("POST", `/v1/jobs/${job}/rotate-webhook-token`, { body });
    expect(await rotate(id)).toMatchObject({ status: 409, body: { error: { code: "invalid_state" } } });
    expect((await rotate("job_01k8rb2c9078f31njdbhv0m7q2")).status).toBe(404);
    const job = await createTriggerJob(workspace);
    const wrong = await rotate(job.id, { overlap_seconds: -1 });
    expect([wrong.status, paths(wrong)]).toEqual([400, ["overlap_seconds"]]);
  });
});
