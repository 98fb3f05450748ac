/** A new URL for a job that webhooks start. */

import type { Job } from "../../domain/job/job.ts";
import { ok } from "../../domain/result.ts";
import type { Outcome } from "../errors.ts";
import { refused } from "../errors.ts";
import { findJob } from "../jobs/viewJob.ts";
import type { Services } from "../services.ts";
import { newTriggerToken } from "./triggerTokens.ts";

/** The token before works for the overlap, so that its sender can change over; without one, it stops at once. */
export async function rotateTriggerToken(
  services: Services,
  workspaceId: string,
  jobId: string,
  overlapSeconds: number,
): Promise<Outcome<{ readonly job: Job; readonly token: string }>> {
  const job = await findJob(services, workspaceId, jobId);
  if (!job.ok) return job;
  const { kind } = job.value.schedule;
  if (kind !== "webhook_trigger") {
    return refused("invalid_state", `A job of kind "${kind}" has no webhook token; only webhook_trigger has one.`);
  }
  const token = await newTriggerToken(services, job.value);
  await services.triggers.rotate(token.stored, token.stored.createdAtMs + overlapSeconds * 1_000);
  return ok({ job: job.value, token: token.text });
}
