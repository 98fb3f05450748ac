/** Tokens and secrets of a job that webhooks start: made with it and shown with it. */

import { newId } from "../../domain/ids.ts";
import type { Job } from "../../domain/job/job.ts";
import { ok } from "../../domain/result.ts";
import type { TriggerToken } from "../../domain/trigger/triggerToken.ts";
import { TRIGGER_TOKEN_PREFIX, tokenIdentity, webhookSecretIdentity } from "../../domain/trigger/triggerToken.ts";
import type { Outcome } from "../errors.ts";
import type { JobInput } from "../jobs/createJob.ts";
import type { StoredTriggerToken } from "../ports.ts";
import { openVault } from "../secrets/masterKey.ts";
import type { Services } from "../services.ts";
import { drawToken } from "../tokens/newToken.ts";

/** A secret that came with a definition: its id is in the definition, its value goes to the vault. */
export interface GivenSecret {
  readonly id: string;
  readonly value: string;
}

/** Gives the secret in an input its id, under which the definition will name it; `null` when there is none. */
export function nameSecret(
  services: Pick<Services, "clock" | "random">,
  input: JobInput,
): { readonly input: JobInput; readonly secret: GivenSecret | null } {
  const verification = input.changes.webhook?.verification;
  const value = verification?.secret ?? null;
  if (value === null) return { input, secret: null };
  const id = newId("whs", services.clock.now(), services.random);
  const webhook = { ...input.changes.webhook, verification: { ...verification, secretId: id } };
  return { input: { ...input, changes: { ...input.changes, webhook } }, secret: { id, value } };
}

/**
 * Stores what a definition refers to before the definition itself is saved, so that no saved one lacks its token or
 * secret. What is stored for a definition that then is not saved opens nothing, and goes with the job. `before` is `null`
 * for a new job.
 */
export async function storeTrigger(
  services: Services,
  before: Job | null,
  job: Job,
  secret: GivenSecret | null,
): Promise<Outcome<NewTriggerToken | null>> {
  if (job.schedule.kind !== "webhook_trigger") return ok(null);
  const token = (await hasToken(services, before)) ? null : await newTriggerToken(services, job);
  const stored = secret === null ? ok(null) : await sealSecret(services, job, secret);
  if (!stored.ok) return stored;
  await services.triggers.insert({ token: token?.stored ?? null, secret: stored.value });
  return ok(token);
}

/** A job that was of another kind in the meantime has kept its token. */
async function hasToken(services: Services, before: Job | null): Promise<boolean> {
  if (before === null) return false;
  return before.schedule.kind === "webhook_trigger" || (await services.triggers.currentTokens([before.id])).length > 0;
}

async function sealSecret(services: Services, job: Job, { id, value }: GivenSecret) {
  const vault = await openVault(services);
  if (!vault.ok) return vault;
  const secret = { id, jobId: job.id, workspaceId: job.workspaceId, createdAtMs: services.clock.now() };
  return ok({ ...secret, sealed: await vault.value.seal(webhookSecretIdentity(secret), value) });
}

export interface NewTriggerToken {
  readonly stored: StoredTriggerToken;
  readonly text: string;
}

/**
 * Sealed where the instance has a master key, so that it can be shown again; elsewhere only its hash is kept. 200 random
 * bits cannot be guessed from that.
 */
export async function newTriggerToken(
  services: Services,
  job: Pick<Job, "id" | "workspaceId">,
): Promise<NewTriggerToken> {
  const text = drawToken(services, TRIGGER_TOKEN_PREFIX);
  const token: TriggerToken = {
    hash: await services.digest(text),
    jobId: job.id,
    workspaceId: job.workspaceId,
    createdAtMs: services.clock.now(),
  };
  const vault = await services.openVault();
  const sealed = vault.ok ? await vault.value.seal(tokenIdentity(token), text) : null;
  return { stored: { ...token, sealed }, text };
}

/** The tokens of those of the jobs that webhooks start, by the id of the job; `null` for one that cannot be shown. */
export async function readTriggerTokens(
  services: Services,
  jobs: readonly Job[],
): Promise<ReadonlyMap<string, string | null>> {
  const ids = jobs.filter((job) => job.schedule.kind === "webhook_trigger").map((job) => job.id);
  if (ids.length === 0) return new Map();
  const stored = await services.triggers.currentTokens(ids);
  const opened = await Promise.all(
    stored.map(async (token) => [token.jobId, await services.triggerSeals.openToken(token)] as const),
  );
  return new Map(opened);
}
