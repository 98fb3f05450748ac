import { beforeAll, describe, expect, it } from "vitest";
import type { Reply, TestWorkspace } from "./harness.ts";
import { call, createWorkspace, paths } from "./harness.ts";
import { createTriggerJob, deliver, executionsOf, hmac } from "./triggers.ts";

let workspace: TestWorkspace;
beforeAll(async () => {
  workspace = await createWorkspace();
});

const SECRET = "a-secret-that-must-not-be-seen";
const VERIFICATION = { type: "hmac_sha256", secret: SECRET, header: "x-sig" } as const;

describe("a token that opens nothing", () => {
  it.each([
    "whk_aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
    "x",
    "%00",
    "..%2f",
    "'; DROP TABLE jobs;--",
    "x".repeat(2_000),
  ])("%s is answered as if it had been taken", async (token) => {
    const reply = await call("POST", `/v1/triggers/${encodeURIComponent(token)}`, { body: { a: 1 } });
    expect(reply).toMatchObject({ status: 200, body: { received: true } });
    expect(Object.keys(reply.body)).toEqual(["received"]);
  });

  it("is limited like any other", async () => {
    const replies: Reply[] = [];
    for (let n = 0; n < 65; n += 1) replies.push(await deliver({ webhook_token: "whk_limited" }));
    expect(replies[0]?.status).toBe(200);
    const last = replies.at(-1);
    expect(last).toMatchObject({ status: 429, body: { error: { code: "rate_limited" } } });
    expect(Number(last?.headers.get("retry-after"))).toBeGreaterThanOrEqual(1);
  });
});

describe("the secret", () => {
  it("is in no answer, and in no version", async () => {
    const job = await createTriggerJob(workspace, { verification: VERIFICATION });
    const replies = [
      await workspace.call("GET", `/v1/jobs/${job.id}`),
      await workspace.call("GET", "/v1/jobs"),
      await workspace.call("PATCH", `/v1/jobs/${job.id}`, { body: { name: "renamed" } }),
      await workspace.call("GET", `/v1/jobs/${job.id}/versions`),
      await workspace.call("POST", `/v1/jobs/${job.id}/rotate-webhook-token`),
    ];
    expect(replies.map(({ status }) => status)).toEqual([200, 200, 200, 200, 200]);
    for (const text of [job, ...replies.map(({ body }) => body)].map((body) => JSON.stringify(body))) {
      expect(text).not.toContain(SECRET);
      expect(text).not.toContain("secretId");
      expect(text).not.toContain("whs_");
    }
  });

  it("can be replaced alone, and the old one is wrong from then on", async () => {
    const job = await createTriggerJob(workspace, { verification: VERIFICATION });
    const send = async (secret: string) =>
      (await deliver(job, "x", { "x-sig": await hmac(secret, "x", "hex") })).status;
    expect(await send(SECRET)).toBe(202);
    const body = { webhook: { verification: { secret: "another" } } };
    expect((await workspace.call("PATCH", `/v1/jobs/${job.id}`, { body })).status).toBe(200);
    expect([await send(SECRET), await send("another")]).toEqual([401, 202]);
  });

  it("goes with the verification", async () => {
    const job = await createTriggerJob(workspace, { verification: VERIFICATION });
    const body = { webhook: { verification: null } };
    const patched = await workspace.call("PATCH", `/v1/jobs/${job.id}`, { body });
    expect(patched.body).toMatchObject({ webhook: { verification: null }, webhook_secret_configured: false });
    expect((await deliver(job)).status).toBe(202);
    const without = await workspace.call("PATCH", `/v1/jobs/${job.id}`, {
      body: { webhook: { verification: { type: "hmac_sha256", header: "x-sig" } } },
    });
    expect([without.status, paths(without)]).toEqual([400, ["webhook.verification.secret"]]);
  });
});

describe("a request that is not genuine", () => {
  it.each<[string, Record<string, string>]>([
    ["has no signature", {}],
    ["has a wrong one", { "x-sig": "0".repeat(64) }],
    ["has none in hex", { "x-sig": "zzzz" }],
    ["has an empty one", { "x-sig": "" }],
  ])("%s: 401, and nothing runs", async (_, headers) => {
    const job = await createTriggerJob(workspace, { verification: VERIFICATION });
    const reply = await deliver(job, { ref: "main" }, headers);
    expect(reply).toMatchObject({ status: 401, body: { error: { code: "unauthorized" } } });
    expect(JSON.stringify(reply.body)).not.toContain(SECRET);
    expect(await executionsOf(workspace, job)).toEqual([]);
  });

  it("is refused even where the job would not run", async () => {
    const job = await createTriggerJob(workspace, { verification: VERIFICATION }, { state: "paused" });
    expect((await deliver(job)).status).toBe(401);
  });

  it("is refused when it is a replay outside the tolerance", async () => {
    const job = await createTriggerJob(workspace, {
      verification: { type: "stripe", secret: SECRET, tolerance_seconds: 60 },
    });
    const sent = async (t: number) =>
      (await deliver(job, "x", { "stripe-signature": `t=${t},v1=${await hmac(SECRET, `${t}.x`, "hex")}` })).status;
    const now = Math.floor(Date.now() / 1_000);
    expect([await sent(now), await sent(now - 3_600), await sent(now + 3_600)]).toEqual([202, 401, 401]);
  });
});

describe("the URL", () => {
  it("is shown to nobody who may not start the job", async () => {
    const job = await createTriggerJob(workspace);
    const hidden = { webhook_url: null, webhook_token: null };
    const token = workspace.member;
    expect((await call("GET", `/v1/jobs/${job.id}`, { token })).body).toMatchObject({ ...hidden, id: job.id });
    const list = await call("GET", "/v1/jobs", { token });
    expect(JSON.stringify(list.body)).not.toContain("whk_");
    const rotated = await call("POST", `/v1/jobs/${job.id}/rotate-webhook-token`, { token });
    expect(rotated.status).toBe(403);
  });
});

describe("a job's own rate limit", () => {
  it("answers 429 with Retry-After beyond it", async () => {
    const job = await createTriggerJob(workspace, { rate_limit: { requests: 2, per_seconds: 3_600 } });
    const statuses = [await deliver(job), await deliver(job), await deliver(job)].map(({ status }) => status);
    expect(statuses).toEqual([202, 202, 429]);
    expect((await deliver(job)).headers.get("retry-after")).toBe("1800");
  });
});
