import { env } from "cloudflare:workers";
import { beforeEach, describe, expect, it } from "vitest";
import type { StoredTriggerToken, StoredWebhookSecret } from "../../../src/app/ports.ts";
import { createTriggerRepository } from "../../../src/db/triggerRepository.ts";
import { newId } from "../../../src/domain/ids.ts";
import type { Job } from "../../../src/domain/job/job.ts";
import { NO_REQUEST } from "../../../src/domain/job/job.ts";
import type { Verification } from "../../../src/domain/trigger/verification.ts";
import { WEBHOOK_DEFAULTS } from "../../../src/domain/trigger/webhook.ts";
import { aJob, aWorkspaceId, START_MS } from "./builders.ts";
import { deps, recordingD1, storageOn } from "./storage.ts";

const { jobs } = storageOn(env.DB);
const triggers = createTriggerRepository(env.DB, deps);

const SEALED = { envelope: "sealed token", masterKeyId: "k1" };
const VERIFICATION: Verification = {
  type: "stripe",
  header: "stripe-signature",
  prefix: "",
  encoding: "hex",
  toleranceSeconds: 300,
  secretId: "",
};

function aTriggerJob(secretId: string | null = null): Job {
  const verification = secretId === null ? null : { ...VERIFICATION, secretId };
  return aJob({
    workspaceId: aWorkspaceId(),
    schedule: { kind: "webhook_trigger" },
    request: NO_REQUEST,
    steps: [],
    webhook: { ...WEBHOOK_DEFAULTS, verification },
  });
}

function aTriggerToken(job: Job, changes: Partial<StoredTriggerToken> = {}): StoredTriggerToken {
  const hash = newId("tok", START_MS, Math.random);
  return { hash, jobId: job.id, workspaceId: job.workspaceId, createdAtMs: START_MS, sealed: SEALED, ...changes };
}

function aSecret(job: Job): StoredWebhookSecret {
  const sealed = { envelope: "sealed secret", masterKeyId: "k1" };
  const id = newId("whs", START_MS, Math.random);
  return { id, jobId: job.id, workspaceId: job.workspaceId, createdAtMs: START_MS, sealed };
}

const rowsOf = async (table: string, jobId: string): Promise<number> =>
  (await env.DB.prepare(`SELECT count(*) AS count FROM ${table} WHERE job_id = ?1`).bind(jobId).first("count")) ?? 0;

describe("a trigger token", () => {
  let job: Job;
  let token: StoredTriggerToken;
  beforeEach(async () => {
    job = aTriggerJob();
    token = aTriggerToken(job);
    await triggers.insert({ token, secret: null });
    await jobs.insert(job, null);
  });

  it("opens its job, and may be inserted again after a lost answer", async () => {
    await triggers.insert({ token, secret: null });
    expect(await triggers.findByToken(token.hash, START_MS)).toEqual({ job, secret: null });
    expect(await triggers.currentTokens([job.id, aJob().id])).toEqual([token]);
    expect(await triggers.findByToken("other", START_MS)).toBeNull();
  });

  it("opens nothing before its job is saved, and after it was deleted", async () => {
    const early = aTriggerToken(aTriggerJob());
    await triggers.insert({ token: early, secret: null });
    expect(await triggers.findByToken(early.hash, START_MS)).toBeNull();
    await jobs.markDeleted(job.workspaceId, job.id, START_MS);
    expect(await triggers.findByToken(token.hash, START_MS)).toBeNull();
  });

  it("opens nothing while the job is of another kind, and again when it is of this one", async () => {
    const plain = { ...job, schedule: { kind: "recurring", everyMinutes: 5 }, steps: null, webhook: null } as const;
    expect(await jobs.replace({ ...plain, version: 2 }, 1)).toBe(true);
    expect(await triggers.findByToken(token.hash, START_MS)).toBeNull();
    expect(await jobs.replace({ ...job, version: 3 }, 2)).toBe(true);
    expect(await triggers.findByToken(token.hash, START_MS)).toMatchObject({ job: { version: 3 } });
  });

  it("is kept without its text where nothing can be sealed", async () => {
    const bare = aTriggerToken(aTriggerJob(), { sealed: null });
    await triggers.insert({ token: bare, secret: null });
    expect(await triggers.currentTokens([bare.jobId])).toEqual([bare]);
    expect(await triggers.sealedTokens.countNotUnder("k2")).toBeGreaterThan(0);
    const left = await triggers.sealedTokens.listNotUnder("k2", null, 1_000);
    expect(left.map(({ id }) => id)).toContain(token.hash);
    expect(left.map(({ id }) => id)).not.toContain(bare.hash);
  });

  it("stops at once when it is replaced without an overlap", async () => {
    const next = aTriggerToken(job, { createdAtMs: START_MS + 10 });
    await triggers.rotate(next, START_MS + 10);
    expect(await triggers.findByToken(token.hash, START_MS + 10)).toBeNull();
    expect(await triggers.findByToken(next.hash, START_MS + 10)).toMatchObject({ job: { id: job.id } });
    expect([await rowsOf("trigger_tokens", job.id), await triggers.currentTokens([job.id])]).toEqual([1, [next]]);
  });

  it("works on for the overlap, also when the rotation is repeated, but not beyond the next one", async () => {
    const second = aTriggerToken(job, { createdAtMs: START_MS + 10 });
    await triggers.rotate(second, START_MS + 1_000);
    await triggers.rotate(second, START_MS + 1_000);
    expect(await triggers.findByToken(token.hash, START_MS + 999)).not.toBeNull();
    expect(await triggers.findByToken(token.hash, START_MS + 1_000)).toBeNull();
    const third = aTriggerToken(job, { createdAtMs: START_MS + 20 });
    await triggers.rotate(third, START_MS + 2_000);
    const opens = async (hash: string) => (await triggers.findByToken(hash, START_MS + 20)) !== null;
    expect([await opens(token.hash), await opens(second.hash), await opens(third.hash)]).toEqual([false, true, true]);
    expect(await triggers.currentTokens([job.id])).toEqual([third]);
  });

  it("goes with its job, and so do secrets", async () => {
    await triggers.insert({ token: null, secret: aSecret(job) });
    await jobs.purge(job.id, 10);
    expect(await rowsOf("trigger_tokens", job.id)).toBe(1);
    await jobs.markDeleted(job.workspaceId, job.id, START_MS);
    expect(await jobs.purge(job.id, 10)).toBe(true);
    expect([await rowsOf("trigger_tokens", job.id), await rowsOf("webhook_secrets", job.id)]).toEqual([0, 0]);
  });
});

describe("a webhook secret", () => {
  it("is the one that the definition names", async () => {
    const secret = aSecret(aTriggerJob());
    const job = aTriggerJob(secret.id);
    const token = aTriggerToken(job);
    await triggers.insert({ token, secret });
    await triggers.insert({
      token: null,
      secret: { ...aSecret(job), sealed: { envelope: "newer", masterKeyId: "k1" } },
    });
    await jobs.insert(job, null);
    expect(await triggers.findByToken(token.hash, START_MS)).toEqual({ job, secret: "sealed secret" });
    await triggers.deleteSecret(secret.id);
    expect(await triggers.findByToken(token.hash, START_MS)).toEqual({ job, secret: null });
  });

  it("is put under another master key in its place", async () => {
    const job = aTriggerJob();
    const secret = aSecret(job);
    await triggers.insert({ token: null, secret });
    const stored = await triggers.sealedSecrets.listNotUnder("k2", null, 1_000);
    const found = stored.find(({ id }) => id === secret.id);
    expect(found).toEqual({
      id: secret.id,
      owner: { workspaceId: job.workspaceId, name: `webhook-secret/${secret.id}` },
      sealed: secret.sealed,
    });
    const to = { envelope: "new", masterKeyId: "k2" };
    await triggers.sealedSecrets.rewrap([{ id: secret.id, from: secret.sealed, to }]);
    const left = await triggers.sealedSecrets.listNotUnder("k2", null, 1_000);
    expect(left.map(({ id }) => id)).not.toContain(secret.id);
  });

  it("of a job that was not saved is forgotten with its token", async () => {
    const job = aTriggerJob();
    await triggers.insert({ token: aTriggerToken(job), secret: aSecret(job) });
    await triggers.deleteOf(job.id);
    expect([await rowsOf("trigger_tokens", job.id), await rowsOf("webhook_secrets", job.id)]).toEqual([0, 0]);
  });
});

describe("the plan of each statement", () => {
  it("walks no table", async () => {
    const { db, statements } = recordingD1();
    const recorded = createTriggerRepository(db, deps);
    const job = aTriggerJob();
    await recorded.findByToken("x", START_MS);
    await recorded.currentTokens([job.id]);
    await recorded.rotate(aTriggerToken(job), START_MS);
    await recorded.deleteOf(job.id);
    await recorded.deleteSecret("x");
    for (const { sql, params } of statements) {
      const plan = await env.DB.prepare(`EXPLAIN QUERY PLAN ${sql}`).bind(...params).all<{ detail: string }>(); // prettier-ignore
      const scans = plan.results.map(({ detail }) => detail).filter((line) => /^SCAN (?!wanted|CONSTANT)/.test(line));
      expect([sql, scans]).toEqual([sql, []]);
    }
  });
});
