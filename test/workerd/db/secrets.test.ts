import { env } from "cloudflare:workers";
import { describe, expect, it } from "vitest";
import { VALID_KEYS_MOST } from "../../../src/domain/signing/signingKey.ts";
import type { Job } from "../../../src/domain/job/job.ts";
import { REQUEST_DEFAULTS } from "../../../src/domain/job/request.ts";
import { aJob, anExecution, aSecret, aSigningKey, aWorkspaceId, SEALED, START_MS } from "./builders.ts";
import { failingD1, recordingD1, storageOn } from "./storage.ts";

const { jobs, secrets, signingKeys, history } = storageOn(env.DB);

function using(workspaceId: string, reference: string, changes: Partial<Job> = {}): Job {
  const request = { ...REQUEST_DEFAULTS, url: "https://example.com/", headers: { k: reference } };
  return aJob({ workspaceId, request, ...changes });
}

async function aStoredSecret(name = "stripe-key") {
  const secret = aSecret(aWorkspaceId(), { name });
  await secrets.insert(secret, SEALED);
  return secret;
}

describe("secrets", () => {
  it("are found by name in their workspace alone, without their envelope", async () => {
    const secret = await aStoredSecret();
    expect(await secrets.find(secret.workspaceId, "stripe-key")).toEqual({ secret, usedBy: [] });
    expect(await secrets.find(aWorkspaceId(), "stripe-key")).toBeNull();
    expect(await secrets.list(secret.workspaceId)).toEqual([{ secret, usedBy: [] }]);
  });

  it("have names of their own, and may be inserted again after a lost answer", async () => {
    const secret = await aStoredSecret();
    expect(await secrets.insert(secret, SEALED)).toBe("inserted");
    expect(await secrets.insert(aSecret(secret.workspaceId), SEALED)).toBe("name_taken");
    expect(await secrets.insert(aSecret(aWorkspaceId()), SEALED)).toBe("inserted");
  });

  it("get a new revision with every new value", async () => {
    const { id, workspaceId, name } = await aStoredSecret();
    const next = { envelope: "another", masterKeyId: "key-b" };
    expect(await secrets.replaceValue(workspaceId, name, next, START_MS + 5)).toBe(true);
    expect(await secrets.readSealed(workspaceId, [name, "other"])).toEqual([
      { id, name, revision: 2, envelope: "another" },
    ]);
    expect((await secrets.find(workspaceId, name))?.secret).toMatchObject({ revision: 2, updatedAtMs: START_MS + 5 });
    expect(await secrets.replaceValue(workspaceId, "other", next, START_MS)).toBe(false);
  });

  it("are read with any number of names at once", async () => {
    const { workspaceId, name } = await aStoredSecret();
    const names = [...Array.from({ length: 500 }, (_, index) => `n${index}`), name];
    expect(await secrets.readSealed(workspaceId, names)).toHaveLength(1);
  });

  it("know the jobs that name them and have something ahead", async () => {
    const { workspaceId } = await aStoredSecret();
    await secrets.insert(aSecret(workspaceId, { name: "other" }), SEALED);
    const both = using(workspaceId, "secret://stripe-key secret://other", { createdAtMs: START_MS + 1 });
    const paused = using(workspaceId, "secret://stripe-key", { state: "paused", createdAtMs: START_MS + 2 });
    const completed = using(workspaceId, "secret://stripe-key", { state: "completed" });
    const longer = using(workspaceId, "secret://stripe-key-2");
    const deleted = using(workspaceId, "secret://stripe-key");
    const edited = using(workspaceId, "secret://stripe-key");
    const elsewhere = using(aWorkspaceId(), "secret://stripe-key");
    for (const job of [both, paused, completed, longer, deleted, edited, elsewhere]) await jobs.insert(job, null);
    await jobs.markDeleted(workspaceId, deleted.id, START_MS);
    await jobs.replace({ ...using(workspaceId, "none"), id: edited.id, version: 2 }, 1);

    const users = new Map((await secrets.list(workspaceId)).map(({ secret, usedBy }) => [secret.name, usedBy]));
    expect(users.get("stripe-key")).toEqual([both.id, paused.id]);
    expect(users.get("other")).toEqual([both.id]);
    expect((await secrets.find(workspaceId, "other"))?.usedBy).toEqual([both.id]);
  });

  it("are kept while a job uses them, unless by force", async () => {
    const { workspaceId, name } = await aStoredSecret();
    const job = using(workspaceId, `secret://${name}`);
    await jobs.insert(job, null);
    expect(await secrets.delete(workspaceId, name, false)).toBe("kept");
    expect(await secrets.delete(workspaceId, name, true)).toBe("deleted");
    expect(await secrets.delete(workspaceId, name, true)).toBe("kept");
  });

  it("are free again when the last job that uses them is completed by its history", async () => {
    const { workspaceId, name } = await aStoredSecret();
    const job = using(workspaceId, `secret://${name}`, { schedule: { kind: "one_time" } });
    await jobs.insert(job, null);
    await history.record([{ execution: anExecution(job), completesJob: true }]);
    expect(await secrets.delete(workspaceId, name, false)).toBe("deleted");
  });

  it("cost a job one more row, and nothing when it names none", async () => {
    const rowsOf = async (job: Job) => {
      const recording = recordingD1();
      await storageOn(recording.db).jobs.insert(job, null);
      return recording.rowsWritten();
    };
    const workspaceId = aWorkspaceId();
    const without = await rowsOf(aJob({ workspaceId }));
    expect(await rowsOf(using(workspaceId, "secret://stripe-key"))).toBe(without + 1);
  });

  it("are out of reach when D1 is, for an attempt after three seconds", async () => {
    const { db } = failingD1("Network connection lost.");
    await expect(storageOn(db).secrets.readSealed("w", ["n"])).rejects.toMatchObject({ name: "StorageUnavailable" });

    const never = { prepare: () => ({ bind: () => ({ raw: () => new Promise(() => {}) }) }) } as unknown as D1Database;
    const { createSecretRepository } = await import("../../../src/db/secretRepository.ts");
    const hanging = createSecretRepository(never, { random: () => 0, sleep: () => Promise.resolve() });
    await expect(hanging.readSealed("w", ["n"])).rejects.toMatchObject({ marker: "our deadline passed" });
  });
});

describe("signing keys", () => {
  const at = (createdAtMs: number, workspaceId: string) => aSigningKey(workspaceId, { createdAtMs });

  it("sign until the overlap after the next rotation is over", async () => {
    const workspaceId = aWorkspaceId();
    const [first, second] = [at(START_MS, workspaceId), at(START_MS + 10, workspaceId)];
    expect(await signingKeys.rotate(first, SEALED, START_MS)).toBe("rotated");
    expect(await signingKeys.list(workspaceId, START_MS)).toEqual([first]);
    expect(await signingKeys.rotate(second, SEALED, START_MS + 100)).toBe("rotated");
    const expiring = { ...first, expiresAtMs: START_MS + 100 };
    expect(await signingKeys.list(workspaceId, START_MS + 99)).toEqual([second, expiring]);
    expect(await signingKeys.list(workspaceId, START_MS + 100)).toEqual([second]);
    expect(await signingKeys.readSealed(workspaceId, START_MS + 100)).toEqual([
      { ...second, envelope: SEALED.envelope },
    ]);
  });

  it("never outlive the overlap of a later rotation, and are removed once they have expired", async () => {
    const workspaceId = aWorkspaceId();
    const keys = [0, 1, 2].map((ms) => at(START_MS + ms, workspaceId));
    const [first, second, third] = keys as [(typeof keys)[0], (typeof keys)[0], (typeof keys)[0]];
    await signingKeys.rotate(first, SEALED, START_MS);
    await signingKeys.rotate(second, SEALED, START_MS + 1_000);
    await signingKeys.rotate(third, SEALED, START_MS + 500);
    expect((await signingKeys.list(workspaceId, START_MS + 2)).map((key) => key.expiresAtMs)).toEqual([
      null,
      START_MS + 500,
      START_MS + 500,
    ]);
    await signingKeys.rotate(at(START_MS + 600, workspaceId), SEALED, START_MS + 600);
    const left = await env.DB.prepare("SELECT count(*) AS n FROM signing_keys WHERE workspace_id = ?")
      .bind(workspaceId)
      .first<{ n: number }>();
    expect(left?.n).toBe(1);
  });

  it("are at most so many at a time, which ends with a rotation without overlap", async () => {
    const workspaceId = aWorkspaceId();
    const later = START_MS + 1_000;
    for (let ms = 0; ms < VALID_KEYS_MOST; ms++) {
      expect(await signingKeys.rotate(at(START_MS + ms, workspaceId), SEALED, later)).toBe("rotated");
    }
    const before = await signingKeys.list(workspaceId, START_MS + 10);
    expect(await signingKeys.rotate(at(START_MS + 10, workspaceId), SEALED, START_MS + 20)).toBe("full");
    expect(await signingKeys.list(workspaceId, START_MS + 10)).toEqual(before);
    expect(await signingKeys.rotate(at(START_MS + 10, workspaceId), SEALED, START_MS + 10)).toBe("rotated");
    expect(await signingKeys.list(workspaceId, START_MS + 10)).toHaveLength(1);
  });

  it("may be rotated again after a lost answer", async () => {
    const workspaceId = aWorkspaceId();
    const key = at(START_MS, workspaceId);
    await signingKeys.rotate(key, SEALED, START_MS);
    expect(await signingKeys.rotate(key, SEALED, START_MS)).toBe("rotated");
    expect(await signingKeys.list(workspaceId, START_MS)).toEqual([key]);
  });
});

describe("envelopes under an old master key", () => {
  it("are listed in order, replaced if they are still the same, and counted", async () => {
    const workspaceId = aWorkspaceId();
    const names = ["a", "b", "c"];
    const stored = names.map((name, ms) =>
      aSecret(workspaceId, { name, id: `sec_zzz${ms}`.padEnd(30, "0"), createdAtMs: START_MS + ms }),
    );
    for (const secret of stored) await secrets.insert(secret, { envelope: `of ${secret.name}`, masterKeyId: "old" });
    const mine = async () =>
      (await secrets.listNotUnder("new", null, 1_000)).filter(({ owner }) => owner.workspaceId === workspaceId);
    const before = await secrets.countNotUnder("new");
    const listed = await mine();
    expect(listed.map(({ owner }) => owner.name)).toEqual(names);
    expect(await secrets.listNotUnder("new", listed[0]?.id ?? "", 1)).toEqual([listed[1]]);

    await secrets.replaceValue(workspaceId, "b", { envelope: "newer", masterKeyId: "old" }, START_MS);
    await secrets.rewrap(
      listed.map(({ id, sealed }) => ({ id, from: sealed, to: { envelope: "wrapped", masterKeyId: "new" } })),
    );
    expect((await mine()).map(({ owner, sealed }) => [owner.name, sealed.envelope])).toEqual([["b", "newer"]]);
    expect(await secrets.countNotUnder("new")).toBe(before - 2);
  });

  it("of signing keys are sealed for a name that no secret can have", async () => {
    const key = aSigningKey(aWorkspaceId());
    await signingKeys.rotate(key, SEALED, START_MS);
    const listed = await signingKeys.listNotUnder("other", null, 1_000);
    expect(listed.find(({ id }) => id === key.id)?.owner).toEqual({
      workspaceId: key.workspaceId,
      name: `signing-key/${key.id}`,
    });
  });
});
