import { beforeAll, describe, expect, it } from "vitest";
import type { TestWorkspace } from "./harness.ts";
import { call, createWorkspace } from "./harness.ts";
import type { TriggerJob } from "./triggers.ts";
import { createTriggerJob, deliver, executionsOf, hmac } from "./triggers.ts";

let workspace: TestWorkspace;
beforeAll(async () => {
  workspace = await createWorkspace();
});

const RECEIVED = { received: true, execution_id: expect.stringMatching(/^exe_/) };

describe("a webhook_trigger job", () => {
  it("is created with its URL, and shows it again", async () => {
    const job = await createTriggerJob(workspace);
    expect(job).toMatchObject({
      kind: "webhook_trigger",
      schedule: {},
      next_run_at: null,
      webhook_token: expect.stringMatching(/^whk_[a-z2-7]{40}$/),
      webhook_secret_configured: false,
      webhook: { verification: null, dedupe: null, filter: null, rate_limit: { requests: 60, per_seconds: 10 } },
    });
    expect(job.webhook_url).toMatch(new RegExp(`^https?://[^/]+/v1/triggers/${job.webhook_token}$`));
    const shown = { webhook_url: job.webhook_url, webhook_token: job.webhook_token };
    expect((await workspace.call("GET", `/v1/jobs/${job.id}`)).body).toMatchObject(shown);
    const list = await workspace.call("GET", "/v1/jobs?kind=webhook_trigger");
    expect(list.body.data).toContainEqual(expect.objectContaining(shown));
  });

  it("takes back what it showed, and keeps its secret", async () => {
    const job = await createTriggerJob(workspace, {
      verification: { type: "hmac_sha256", secret: "s", header: "x-sig", encoding: "base64" },
      dedupe: { path: "$.id", window_seconds: 60 },
      filter: { left: "{{trigger.body.ref}}", operator: "eq", right: "main" },
    });
    const { webhook } = (await workspace.call("GET", `/v1/jobs/${job.id}`)).body;
    const patched = await workspace.call("PATCH", `/v1/jobs/${job.id}`, { body: { webhook } });
    expect(patched).toMatchObject({ status: 200, body: { webhook, version: 2, webhook_secret_configured: true } });
    const body = JSON.stringify({ ref: "main", id: 1 });
    const headers = { "content-type": "application/json", "x-sig": await hmac("s", body, "base64") };
    expect(await deliver(job, body, headers)).toMatchObject({ status: 202, body: RECEIVED });
  });

  it("gets its URL when it becomes one, and keeps it when it has been another kind", async () => {
    const { id } = await workspace.createJob();
    const steps = [{ id: "a", type: "transform", value: 1 }];
    const become = (body: object) => workspace.call("PATCH", `/v1/jobs/${id}`, { body });
    const first = await become({ kind: "webhook_trigger", schedule: null, steps });
    expect(first).toMatchObject({ status: 200, body: { webhook_token: expect.stringMatching(/^whk_/) } });
    await become({ kind: "workflow" });
    expect((await deliver(first.body)).status).toBe(200);
    const again = await become({ kind: "webhook_trigger" });
    expect(again.body.webhook_token).toBe(first.body.webhook_token);
    expect((await deliver(first.body)).status).toBe(202);
  });
});

describe("a webhook", () => {
  let job: TriggerJob;
  beforeAll(async () => {
    job = await createTriggerJob(workspace);
  });

  it("starts an execution with what came, without credentials", async () => {
    const headers = { "x-event": "push", "x-hub-signature-256": "sha256=00", cookie: "a=b", "x-api-key": "k" };
    const reply = await deliver(job, { ref: "main" }, headers, "?a=1&b=2&a=3");
    expect(reply).toMatchObject({ status: 202, body: RECEIVED });
    const execution = await workspace.call("GET", `/v1/executions/${reply.body.execution_id}`);
    expect(execution.body).toMatchObject({
      source: "webhook",
      job_id: job.id,
      trigger_input: {
        method: "POST",
        headers: { "x-event": "push" },
        query: { a: ["1", "3"], b: "2" },
        content_type: "application/json",
        body: { ref: "main" },
        received_at: expect.stringMatching(/^\d{4}-\d\d-\d\dT.*Z$/),
      },
    });
    expect(JSON.stringify(execution.body.trigger_input)).not.toMatch(/cookie|api-key|signature/);
  });

  it.each([
    ["a form", "application/x-www-form-urlencoded", "a=1&b=2", { a: "1", b: "2" }],
    ["text", "text/plain", "hello", "hello"],
    ["XML", "application/xml", "<a/>", "<a/>"],
    ["broken JSON", "application/json", "{", "{"],
    ["nothing", "application/json", "", null],
  ])("may carry %s", async (_, type, body, parsed) => {
    const reply = await deliver(job, body, { "content-type": type });
    const execution = await workspace.call("GET", `/v1/executions/${reply.body.execution_id}`);
    expect(execution.body.trigger_input).toMatchObject({ content_type: type, body: parsed });
  });

  it("that is delivered twice is answered with the first execution", async () => {
    const once = await createTriggerJob(workspace, { dedupe: { header: "X-Delivery", window_seconds: 3_600 } });
    const first = await deliver(once, {}, { "x-delivery": "d-1" });
    const second = await deliver(once, {}, { "x-delivery": "d-1" });
    const other = await deliver(once, {}, { "x-delivery": "d-2" });
    expect(second).toMatchObject({ status: 202, body: first.body });
    expect(other.body.execution_id).not.toBe(first.body.execution_id);
    const unnamed = [await deliver(once), await deliver(once)].map(({ body }) => body.execution_id);
    expect(new Set(unnamed).size).toBe(2);
  });

  it("that the filter does not want is received and starts nothing", async () => {
    const filter = { all: [{ left: "{{trigger.body.ref}}", operator: "eq", right: "main" }] };
    const filtered = await createTriggerJob(workspace, { filter });
    expect(await deliver(filtered, { ref: "dev" })).toMatchObject({ status: 202, body: { received: true } });
    const wanted = await deliver(filtered, { ref: "main" });
    expect(wanted.body).toEqual(RECEIVED);
    const started = await executionsOf(workspace, filtered);
    expect(started.map(({ id }) => id).filter((id) => id !== wanted.body.execution_id)).toEqual([]);
  });

  it("is received while the job is paused or a draft, starts nothing, and is not made up for", async () => {
    const draft = await createTriggerJob(workspace, undefined, { state: "draft" });
    expect((await deliver(draft)).body).toEqual({ received: true });
    await workspace.call("POST", `/v1/jobs/${draft.id}/activate`);
    expect((await deliver(draft)).body).toEqual(RECEIVED);
    await workspace.call("POST", `/v1/jobs/${draft.id}/pause`);
    expect(await deliver(draft)).toMatchObject({ status: 202, body: { received: true } });
  });
});

describe("senders as they are", () => {
  const body = '{"id":"evt_1","ref":"main"}';
  const seconds = () => Math.floor(Date.now() / 1_000);

  it.each([
    [
      "GitHub",
      { type: "hmac_sha256", secret: "s3cret", header: "X-Hub-Signature-256", prefix: "sha256=", encoding: "hex" },
      async () => ({ "x-hub-signature-256": `sha256=${await hmac("s3cret", body, "hex")}` }),
    ],
    [
      "Shopify",
      { type: "hmac_sha256", secret: "s3cret", header: "x-shopify-hmac-sha256", encoding: "base64" },
      async () => ({ "x-shopify-hmac-sha256": await hmac("s3cret", body, "base64") }),
    ],
    [
      "Stripe",
      { type: "stripe", secret: "whsec_abc" },
      async () => {
        const t = seconds();
        return { "stripe-signature": `t=${t},v1=${await hmac("whsec_abc", `${t}.${body}`, "hex")}` };
      },
    ],
    [
      "Standard Webhooks",
      { type: "standard_webhooks", secret: `whsec_${btoa("0123456789abcdef01234567")}` },
      async () => {
        const t = seconds();
        const signature = await hmac("0123456789abcdef01234567", `msg_1.${t}.${body}`, "base64");
        return { "webhook-id": "msg_1", "webhook-timestamp": String(t), "webhook-signature": `v1,${signature}` };
      },
    ],
    [
      "GitLab",
      { type: "shared_secret", secret: "s3cret", header: "X-Gitlab-Token" },
      async () => ({ "x-gitlab-token": "s3cret" }),
    ],
  ])("%s is verified", async (_, verification, headersOf) => {
    const job = await createTriggerJob(workspace, { verification });
    expect(job.webhook_secret_configured).toBe(true);
    expect(await deliver(job, body, await headersOf())).toMatchObject({ status: 202, body: RECEIVED });
    expect(await deliver(job, `${body} `, verification.type === "shared_secret" ? {} : await headersOf())).toMatchObject({ status: 401 }); // prettier-ignore
  });
});

describe("rotate-webhook-token", () => {
  const rotate = (job: TriggerJob, body?: object) =>
    workspace.call("POST", `/v1/jobs/${job.id}/rotate-webhook-token`, body === undefined ? {} : { body });

  it("gives a new URL, and the old one stops at once", async () => {
    const job = await createTriggerJob(workspace);
    const rotated = await rotate(job);
    expect(rotated).toMatchObject({ status: 200, body: { id: job.id, version: 1 } });
    expect(rotated.body.webhook_token).not.toBe(job.webhook_token);
    expect((await deliver(job)).status).toBe(200);
    expect((await deliver(rotated.body)).status).toBe(202);
    expect((await workspace.call("GET", `/v1/jobs/${job.id}`)).body.webhook_token).toBe(rotated.body.webhook_token);
  });

  it("lets the old one work for the overlap, until the next rotation", async () => {
    const job = await createTriggerJob(workspace);
    const second = await rotate(job, { overlap_seconds: 3_600 });
    expect([(await deliver(job)).status, (await deliver(second.body)).status]).toEqual([202, 202]);
    await rotate(job, { overlap_seconds: 3_600 });
    expect([(await deliver(job)).status, (await deliver(second.body)).status]).toEqual([200, 202]);
  });

  it("does not touch the secret", async () => {
    const job = await createTriggerJob(workspace, { verification: { type: "shared_secret", secret: "s" } });
    const rotated = await rotate(job);
    expect((await deliver(rotated.body, {}, { "x-webhook-secret": "s" })).status).toBe(202);
  });
});

describe("deleting the job", () => {
  it("ends its URL", async () => {
    const job = await createTriggerJob(workspace);
    await workspace.call("DELETE", `/v1/jobs/${job.id}`);
    expect(await deliver(job)).toMatchObject({ status: 200, body: { received: true } });
    expect((await call("GET", `/v1/triggers/${job.webhook_token}`)).status).toBe(405);
  });
});
