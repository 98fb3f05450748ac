/** Saves a new job and starts it. */

import type { FieldIssue } from "../../domain/issue.ts";
import { createJob as newJob } from "../../domain/job/edit.ts";
import type { JobChanges } from "../../domain/job/editMerge.ts";
import type { Job } from "../../domain/job/job.ts";
import { ok } from "../../domain/result.ts";
import type { Outcome } from "../errors.ts";
import { invalid, refused } from "../errors.ts";
import type { IdempotencyKey } from "../ports.ts";
import type { Services } from "../services.ts";
import { nameSecret, storeTrigger } from "../triggers/triggerTokens.ts";
import { applyJob } from "./applyJob.ts";

/** A job's definition as far as the input could be read, and what is wrong with the rest. */
export interface JobInput {
  readonly changes: JobChanges;
  readonly complaints: readonly FieldIssue[];
}

export interface CreatedJob {
  readonly job: Job;
  readonly created: boolean;
  /** Of a new job that webhooks start. */
  readonly triggerToken: string | null;
}

/**
 * Creates a job, or answers with the one that the same idempotency key created before (`created: false`). A replay is
 * recognised before anything is judged: what was accepted once is the same answer for as long as the job exists.
 */
export async function createJob(
  services: Services,
  workspaceId: string,
  input: JobInput,
  idempotency: IdempotencyKey | null,
): Promise<Outcome<CreatedJob>> {
  const known = idempotency === null ? null : await findReplay(services, workspaceId, idempotency);
  if (known !== null) return known;

  const { input: named, secret } = nameSecret(services, input);
  const job = newJob(workspaceId, named.changes, {
    nowMs: services.clock.now(),
    random: services.random,
    targetPolicy: services.targetPolicy,
    publicUrl: services.publicUrl,
    complaints: input.complaints,
  });
  if (!job.ok) return invalid(job.error);
  const token = await storeTrigger(services, null, job.value, secret);
  if (!token.ok) return token;
  const inserted = await services.jobs.insert(job.value, idempotency);
  if (inserted === "idempotency_key_taken" && idempotency !== null) {
    // Another request with the same key was faster; its job is the answer.
    if (token.value !== null) services.later(services.triggers.deleteOf(job.value.id));
    const winner = await findReplay(services, workspaceId, idempotency);
    return winner ?? refused("edit_conflict", "The job of this Idempotency-Key was deleted meanwhile; send it again.");
  }
  const applied = await applyJob(services, job.value);
  return applied.ok ? ok({ job: job.value, created: true, triggerToken: token.value?.text ?? null }) : applied;
}

async function findReplay(
  services: Services,
  workspaceId: string,
  idempotency: IdempotencyKey,
): Promise<Outcome<CreatedJob> | null> {
  const known = await services.jobs.findByIdempotencyKey(workspaceId, idempotency.key);
  if (known === null) return null;
  if (known.bodyDigest !== idempotency.bodyDigest) {
    return refused(
      "idempotency_key_reused",
      "This Idempotency-Key was used before with a different body. Use a new key for a new job, or PATCH the existing one.",
      { details: { job_id: known.job.id } },
    );
  }
  return ok({ job: known.job, created: false, triggerToken: null });
}
