import { describe, expect, it } from "vitest";
import type { JobActorProtocol, TriggerAnswer, TriggerRequest } from "../../domain/engine/protocol.ts";
import type { Execution } from "../../domain/execution/execution.ts";
import { createJob as newJob } from "../../domain/job/edit.ts";
import type { Job } from "../../domain/job/job.ts";
import { err, ok } from "../../domain/result.ts";
import type { WebhookChanges } from "../../domain/trigger/editWebhook.ts";
import { TokenBuckets } from "../../domain/trigger/tokenBuckets.ts";
import { RATE_LIMIT_DEFAULT } from "../../domain/trigger/webhook.ts";
import type { ProofCheck } from "../ports.ts";
import type { Services } from "../services.ts";
import type { ReceivedWebhook } from "./receiveWebhook.ts";
import { receiveWebhook } from "./receiveWebhook.ts";

const NOW = Date.UTC(2030, 0, 1);
const JOB_ID = `job_${"0".repeat(26)}`;
const VERIFIED: WebhookChanges = {
  verification: { type: "shared_secret", secret: "s", secretId: "whs_1" },
};

function jobOf(webhook: WebhookChanges = {}, state: Job["state"] = "active"): Job {
  const steps = [{ type: "transform", id: "a", name: null, when: null, retryPolicy: null, onError: "fail", value: 1 }];
  const changes = { name: "x", kind: "webhook_trigger", steps: steps as never, webhook } as const;
  const job = newJob("wks_1", changes, {
    nowMs: NOW,
    random: () => 0,
    targetPolicy: { allowPrivate: false, ownHosts: [] },
  });
  if (!job.ok) throw new Error(JSON.stringify(job.error));
  return { ...job.value, id: JOB_ID, state };
}

const started = (id: string): TriggerAnswer => ({ type: "started", execution: { id } as Execution });

/** One job behind the token "good"; what else is called fails the test. */
function fake(
  job: Job,
  parts: {
    trigger?: (request: TriggerRequest) => Promise<TriggerAnswer>;
    verify?: (check: ProofCheck) => Promise<ReturnType<typeof ok<boolean>> | ReturnType<typeof err<string>>>;
  } = {},
) {
  const requests: TriggerRequest[] = [];
  const checks: ProofCheck[] = [];
  const applied: Job[] = [];
  const reported: unknown[] = [];
  let nowMs = NOW;
  const actor = {
    trigger: async (request: TriggerRequest) => {
      requests.push(request);
      return parts.trigger ? await parts.trigger(request) : started(request.executionId ?? "");
    },
    apply: async (given: Job) => {
      applied.push(given);
    },
  } satisfies Partial<JobActorProtocol>;
  const services = {
    clock: { now: () => nowMs },
    random: () => 0.5,
    digest: async (text: string) => `#${text}`,
    triggerLimits: new TokenBuckets(100, RATE_LIMIT_DEFAULT),
    triggers: { findByToken: async (hash: string) => (hash === "#good" ? { job, secret: "sealed" } : null) },
    triggerSeals: {
      verify: async (check: ProofCheck) => {
        checks.push(check);
        return parts.verify ? await parts.verify(check) : ok(check.secret !== null);
      },
    },
    jobs: { markApplied: async () => undefined, find: async () => job },
    actors: { of: () => actor },
    later: () => undefined,
    report: (fault: unknown) => reported.push(fault),
  } as unknown as Services;
  return { services, requests, checks, applied, reported, at: (ms: number) => (nowMs = ms) };
}

function delivery(changes: Partial<ReceivedWebhook> & { json?: unknown } = {}): ReceivedWebhook {
  const { json = { ref: "main", id: 7 }, ...others } = changes;
  const bytes = new TextEncoder().encode(JSON.stringify(json));
  return {
    token: "good",
    method: "POST",
    headers: { "content-type": "application/json", "x-webhook-secret": "s", "x-delivery": "d-1" },
    query: [["a", "1"]],
    body: { bytes, contentType: "application/json" },
    ...others,
  };
}

const IGNORED = { ok: true, value: { type: "ignored" } };

describe("receiveWebhook", () => {
  it("starts an execution with what came, without credentials", async () => {
    const { services, requests } = fake(jobOf());
    const receipt = await receiveWebhook(services, delivery());
    expect(receipt).toEqual({ ok: true, value: { type: "started", executionId: requests[0]?.executionId } });
    expect(requests).toEqual([
      {
        workspaceId: "wks_1",
        source: "webhook",
        replayedFrom: null,
        executionId: expect.stringMatching(/^exe_/),
        triggerInput: {
          method: "POST",
          headers: { "content-type": "application/json", "x-delivery": "d-1" },
          query: { a: "1" },
          content_type: "application/json",
          body: { ref: "main", id: 7 },
          received_at: "2030-01-01T00:00:00.000Z",
        },
      },
    ]);
  });

  it("does the same work for a token that opens nothing, and starts nothing", async () => {
    const { services, requests, checks } = fake(jobOf());
    const receipt = await receiveWebhook(services, delivery({ token: "bad" }));
    expect(receipt).toEqual({ ok: true, value: { type: "unknown" } });
    expect([requests, checks.map(({ secret }) => secret)]).toEqual([[], [null]]);
  });

  it.each(["paused", "draft"] as const)("starts nothing while the job is %s", async (state) => {
    const { services, requests } = fake(jobOf(VERIFIED, state));
    expect(await receiveWebhook(services, delivery())).toEqual(IGNORED);
    expect(requests).toEqual([]);
  });

  it("limits known and unknown tokens alike, by default and by the job's own limit", async () => {
    const { services, at } = fake(jobOf({ rateLimit: { requests: 2, perSeconds: 60 } }));
    const codes = async (token: string, times: number) => {
      const all = [];
      for (let n = 0; n < times; n += 1) {
        const receipt = await receiveWebhook(services, delivery({ token }));
        all.push(receipt.ok ? receipt.value.type : receipt.error);
      }
      return all;
    };
    const limited = { code: "rate_limited", retryAfterSeconds: 30 };
    expect(await codes("good", 3)).toEqual(["started", "started", expect.objectContaining(limited)]);
    expect((await codes("bad", 61)).at(-1)).toMatchObject({ code: "rate_limited", retryAfterSeconds: 1 });
    at(NOW + 30_000);
    expect(await codes("good", 2)).toEqual(["started", expect.objectContaining(limited)]);
  });
});

describe("the verification", () => {
  it("checks the raw bytes against the secret of the definition", async () => {
    const { services, checks } = fake(jobOf(VERIFIED));
    const received = delivery();
    await receiveWebhook(services, received);
    expect(checks).toEqual([
      {
        secret: { id: "whs_1", workspaceId: "wks_1", envelope: "sealed" },
        type: "shared_secret",
        proof: { type: "secret", text: "s" },
        body: received.body.bytes,
      },
    ]);
  });

  it.each([
    ["wrong", delivery()],
    ["missing", delivery({ headers: {} })],
  ])("starts nothing when the proof is %s", async (_, received) => {
    const { services, requests } = fake(jobOf(VERIFIED), { verify: async () => ok(false) });
    expect(await receiveWebhook(services, received)).toMatchObject({ ok: false, error: { code: "unauthorized" } });
    expect(requests).toEqual([]);
  });

  it("is not skipped when it cannot be made", async () => {
    const { services, requests, reported } = fake(jobOf(VERIFIED), { verify: async () => err("no key") });
    const receipt = await receiveWebhook(services, delivery());
    expect(receipt).toMatchObject({ ok: false, error: { code: "master_key_missing", retryAfterSeconds: 5 } });
    expect(JSON.stringify(receipt)).not.toContain("no key");
    expect([requests.length, reported.length]).toEqual([0, 1]);
  });
});

describe("the filter", () => {
  const filter = { left: "{{trigger.body.ref}}", operator: "eq", right: "main" } as const;

  it("lets through what matches and ignores the rest", async () => {
    const { services, requests } = fake(jobOf({ filter }));
    expect(await receiveWebhook(services, delivery())).toMatchObject({ value: { type: "started" } });
    expect(await receiveWebhook(services, delivery({ json: { ref: "dev" } }))).toEqual(IGNORED);
    expect(requests).toHaveLength(1);
  });

  it("that cannot be judged is told to the sender", async () => {
    const broken = { left: "x", operator: "matches", right: "{{trigger.body.ref}}" } as const;
    const { services } = fake(jobOf({ filter: broken }));
    const receipt = await receiveWebhook(services, delivery({ json: { ref: "(" } }));
    expect(receipt).toMatchObject({ ok: false, error: { issues: [{ path: "webhook.filter" }] } });
  });
});

describe("the name of an event", () => {
  it("goes to the actor as a digest, with its window", async () => {
    const { services, requests } = fake(jobOf({ dedupe: { path: "$.id", windowSeconds: 60 } }));
    await receiveWebhook(services, delivery());
    await receiveWebhook(services, delivery({ json: {} }));
    expect(requests.map(({ dedupe }) => dedupe)).toEqual([{ key: "#7", windowMs: 60_000 }, undefined]);
  });

  it("that was there before is answered with its execution", async () => {
    const answer: TriggerAnswer = { type: "duplicate", executionId: "exe_first", execution: null };
    const { services } = fake(jobOf(), { trigger: async () => answer });
    expect(await receiveWebhook(services, delivery())).toEqual(ok({ type: "started", executionId: "exe_first" }));
  });
});

describe("the actor", () => {
  it("is asked again under the same id when the platform fails", async () => {
    let left = 2;
    const { services, requests } = fake(jobOf(), {
      trigger: async ({ executionId = "" }) => {
        if (left-- > 0) throw new Error("Network connection lost.");
        return started(executionId);
      },
    });
    expect(await receiveWebhook(services, delivery())).toMatchObject({ value: { type: "started" } });
    expect(new Set(requests.map(({ executionId }) => executionId)).size).toBe(1);
  });

  it("is given a definition that had not arrived", async () => {
    let isApplied = false;
    const { services, applied } = fake(jobOf(), {
      trigger: async ({ executionId = "" }) => {
        if (isApplied) return started(executionId);
        isApplied = true;
        return { type: "unknown_job" };
      },
    });
    expect(await receiveWebhook(services, delivery())).toMatchObject({ value: { type: "started" } });
    expect(applied).toHaveLength(1);
  });

  it.each<[string, () => Promise<TriggerAnswer>]>([
    ["backlog_full", async () => ({ type: "backlog_full" })],
    ["actor_unavailable", () => Promise.reject(new Error("gone"))],
  ])("that answers %s makes the sender come again", async (code, trigger) => {
    const { services } = fake(jobOf(), { trigger });
    const receipt = await receiveWebhook(services, delivery());
    expect(receipt).toMatchObject({ ok: false, error: { code, retryAfterSeconds: expect.any(Number) } });
  });
});

describe("an event that is too large to keep", () => {
  it("is refused: 256 KB may be 1.5 MB as JSON", async () => {
    const bytes = new Uint8Array(256 * 1_024).fill(1);
    const { services, requests } = fake(jobOf());
    const receipt = await receiveWebhook(services, delivery({ body: { bytes, contentType: "text/plain" } }));
    expect(receipt).toMatchObject({ ok: false, error: { code: "event_too_large" } });
    expect(requests).toEqual([]);
  });
});
