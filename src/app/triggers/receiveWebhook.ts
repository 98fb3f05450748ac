/**
 * A webhook arrives: is it known, allowed, genuine, wanted and new? Only then does it start an execution.
 *
 * What a stranger can learn: a token that opens nothing is limited like any other and answered as if it had been taken,
 * after the same steps (hash, look-up, parse, a signature computed). Whoever holds a token that works is told what is
 * wrong, so that a sender can be set up.
 */

import type { TriggerRequest } from "../../domain/engine/protocol.ts";
import { requestedExecutionId } from "../../domain/ids.ts";
import type { Job } from "../../domain/job/job.ts";
import type { JsonValue } from "../../domain/json.ts";
import { ok } from "../../domain/result.ts";
import type { WebhookEvent } from "../../domain/trigger/event.ts";
import { eventKey, matchesFilter, triggerInputOf } from "../../domain/trigger/event.ts";
import type { Verification } from "../../domain/trigger/verification.ts";
import { readProof } from "../../domain/trigger/verification.ts";
import type { Dedupe } from "../../domain/trigger/webhook.ts";
import { WEBHOOK_DEFAULTS } from "../../domain/trigger/webhook.ts";
import { jsonBytes, STATE_BYTES_MOST } from "../../domain/workflow/size.ts";
import type { Outcome } from "../errors.ts";
import { invalid, refused } from "../errors.ts";
import type { InboundBody } from "../inbound/inboundBody.ts";
import { parseInboundBody } from "../inbound/inboundBody.ts";
import { applyJob } from "../jobs/applyJob.ts";
import { backlogFull } from "../jobs/askToStart.ts";
import { actorUnavailable, callActor } from "../jobs/callActor.ts";
import type { Services } from "../services.ts";

export interface ReceivedWebhook {
  readonly token: string;
  readonly method: string;
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  readonly query: WebhookEvent["query"];
  readonly body: InboundBody;
}

export type WebhookReceipt =
  /** Also for an event that started an execution before: that one. */
  | { readonly type: "started"; readonly executionId: string }
  /** The job does not want it: its filter does not match, or it is not active. */
  | { readonly type: "ignored" }
  | { readonly type: "unknown" };

/** When a sender may try again what could not be verified. */
const VERIFY_RETRY_AFTER_SECONDS = 5;

export async function receiveWebhook(services: Services, received: ReceivedWebhook): Promise<Outcome<WebhookReceipt>> {
  const nowMs = services.clock.now();
  const hash = await services.digest(received.token);
  const waitSeconds = services.triggerLimits.take(hash, nowMs);
  if (waitSeconds !== null) {
    return refused("rate_limited", `Too many requests to this URL; send the next one in ${waitSeconds} s.`, {
      retryAfterSeconds: waitSeconds,
    });
  }
  const found = await services.triggers.findByToken(hash, nowMs);
  const event: WebhookEvent = {
    method: received.method,
    headers: received.headers,
    query: received.query,
    contentType: received.body.contentType,
    body: await parseInboundBody(received.body),
    receivedAtMs: nowMs,
  };
  if (found === null) {
    await proveNothing(services, received.body);
    return ok({ type: "unknown" });
  }
  const { job, secret } = found;
  const webhook = job.webhook ?? WEBHOOK_DEFAULTS;
  services.triggerLimits.setLimit(hash, webhook.rateLimit, nowMs);
  if (webhook.verification !== null) {
    const verified = await verify(services, job, { verification: webhook.verification, secret, event }, received.body);
    if (!verified.ok) return verified;
  }
  // What a paused or drafted job missed is not made up for, like due times of a schedule.
  if (job.state !== "active") return ok({ type: "ignored" });

  const triggerInput = triggerInputOf(event, webhook.verification);
  if (jsonBytes(triggerInput, STATE_BYTES_MOST) > STATE_BYTES_MOST) {
    return refused("event_too_large", "As JSON, headers and body of this request take more than 1 MB.");
  }
  if (webhook.filter !== null) {
    const matches = matchesFilter(webhook.filter, triggerInput);
    // Neither run nor lost unseen: the sender keeps a record of what was refused, and its owner looks there.
    if (!matches.ok) return invalid([{ path: "webhook.filter", message: matches.error.message }]);
    if (!matches.value) return ok({ type: "ignored" });
  }
  return await start(services, job, {
    workspaceId: job.workspaceId,
    source: "webhook",
    replayedFrom: null,
    triggerInput,
    executionId: requestedExecutionId(job.id, nowMs, services.random),
    ...(await dedupeOf(services, webhook.dedupe, event)),
  });
}

interface Check {
  readonly verification: Verification;
  readonly secret: string | null;
  readonly event: WebhookEvent;
}

async function verify(
  services: Services,
  job: Job,
  { verification, secret, event }: Check,
  body: InboundBody,
): Promise<Outcome<null>> {
  const proof = readProof(verification, event.headers, event.receivedAtMs);
  if (!proof.ok) return refused("unauthorized", proof.error);
  const { type, secretId } = verification;
  const verdict =
    secret === null
      ? { ok: false as const, error: `the webhook secret ${secretId} is gone` }
      : await services.triggerSeals.verify({
          secret: { id: secretId, workspaceId: job.workspaceId, envelope: secret },
          type,
          proof: proof.value,
          body: body.bytes,
        });
  if (!verdict.ok) {
    services.report(new Error(verdict.error), { call: "webhook.verify", id: job.id });
    return refused("master_key_missing", "This request cannot be verified just now, so nothing was started.", {
      retryAfterSeconds: VERIFY_RETRY_AFTER_SECONDS,
    });
  }
  const what = type === "shared_secret" ? "secret" : "signature";
  return verdict.value ? ok(null) : refused("unauthorized", `The ${what} in ${verification.header} is wrong.`);
}

/** The work of a verification, for nothing. */
async function proveNothing(services: Services, body: InboundBody): Promise<void> {
  await services.triggerSeals.verify({
    secret: null,
    type: "hmac_sha256",
    proof: { type: "signature", signedBefore: "", encoding: "hex", signatures: ["00"] },
    body: body.bytes,
  });
}

/** By a digest: the actor keeps it for as long as the window lasts, whatever the sender put there. */
async function dedupeOf(
  services: Services,
  dedupe: Dedupe | null,
  event: WebhookEvent,
): Promise<Pick<TriggerRequest, "dedupe">> {
  const key: JsonValue = dedupe === null ? null : eventKey(dedupe, event);
  if (dedupe === null || key === null) return {};
  return { dedupe: { key: await services.digest(JSON.stringify(key)), windowMs: dedupe.windowSeconds * 1_000 } };
}

/** Repeated where the platform fails: the execution's id is ours, so that two calls start one execution. */
async function start(services: Services, job: Job, request: TriggerRequest): Promise<Outcome<WebhookReceipt>> {
  for (let isApplied = false; ; isApplied = true) {
    const answer = await callActor(services, job.id, (actor) => actor.trigger(request));
    if (!answer.ok) {
      return actorUnavailable("What runs this job could not be reached just now; send it again.");
    }
    switch (answer.value.type) {
      case "started":
        return ok({ type: "started", executionId: answer.value.execution.id });
      case "duplicate":
        return ok({ type: "started", executionId: answer.value.executionId });
      case "backlog_full":
        return backlogFull(
          "So many executions are waiting, or such large ones, that no more of this job are taken; send it later.",
        );
      case "invalid_input":
        // An event is no input; only what somebody chooses is held against input_schema.
        throw new Error("A webhook's event was judged as an input.");
      case "unknown_job": {
        // It was saved a moment ago and its definition has not arrived; or it was deleted since it was read.
        if (isApplied) return ok({ type: "unknown" });
        const applied = await applyJob(services, job);
        if (!applied.ok) return applied;
      }
    }
  }
}
