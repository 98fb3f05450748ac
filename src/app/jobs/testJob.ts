/** Sends a job's request once, as an attempt would, and keeps nothing of it. */

import { httpTarget } from "../../domain/engine/httpRun.ts";
import { PLAIN_STEP } from "../../domain/engine/state.ts";
import type { Attempt } from "../../domain/execution/attempt.ts";
import { randomUuid, requestedExecutionId } from "../../domain/ids.ts";
import type { Job } from "../../domain/job/job.ts";
import type { HttpMethod } from "../../domain/job/request.ts";
import type { JsonValue } from "../../domain/json.ts";
import type { OutboundResult } from "../../domain/net/exchange.ts";
import { evaluateRules } from "../../domain/response/rules.ts";
import type { RuleVerdict } from "../../domain/response/rules.ts";
import { ok } from "../../domain/result.ts";
import type { Outcome } from "../errors.ts";
import { refused } from "../errors.ts";
import { describeResponse, responseMask } from "../executions/describeResponse.ts";
import { prepareRequest, scopeOf } from "../executions/prepareRequest.ts";
import type { Preparable, Preparation } from "../executions/prepareRequest.ts";
import type { Services } from "../services.ts";
import { findJob } from "./viewJob.ts";

/** A request as it was sent, secrets masked. */
export interface ShownRequest {
  readonly url: string;
  readonly method: HttpMethod;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | null;
}

export interface JobTest {
  /** `null` when it could not be prepared: nothing was sent. */
  readonly request: ShownRequest | null;
  /** What an attempt would record. */
  readonly attempt: Omit<Attempt, "number" | "startedAtMs" | "late">;
  readonly bodyTruncated: boolean;
  /** Every rule, judged whatever the status; none without a response. */
  readonly rules: readonly RuleVerdict[];
  readonly output: Readonly<Record<string, JsonValue>> | null;
}

/**
 * The definition that is saved, under the guard, the secrets and the signature of a real attempt, with an execution id
 * that no execution has. Answers within the job's timeout.
 */
export async function testJob(services: Services, workspaceId: string, jobId: string): Promise<Outcome<JobTest>> {
  const job = await findJob(services, workspaceId, jobId);
  if (!job.ok) return job;
  if (job.value.steps !== null) {
    return refused("invalid_state", "The requests of this job are in its steps, which need one another; use run-now.");
  }
  const work = preparableOf(services, job.value);
  const prepared = await prepareRequest(work, { ...services.outbound, clock: services.clock });
  const sent: OutboundResult = prepared.ok ? await services.outbound.send(prepared.value.request) : prepared.error;
  const context = prepared.ok ? prepared.value : { redact: (text: string) => text, scope: scopeOf(work) };
  const { attempt, output } = describeResponse(work, sent, context);
  return ok({
    request: prepared.ok ? shown(job.value, prepared.value) : null,
    attempt,
    bodyTruncated: sent.kind === "response" && sent.bodyTruncated,
    rules:
      sent.kind === "response"
        ? evaluateRules(job.value.request, sent, responseMask(context.redact, sent.bodyTruncated))
        : [],
    output,
  });
}

function preparableOf({ clock, random }: Pick<Services, "clock" | "random">, job: Job): Preparable {
  const nowMs = clock.now();
  return {
    executionId: requestedExecutionId(job.id, nowMs, random),
    job,
    target: httpTarget(job, PLAIN_STEP),
    data: null,
    attempt: 1,
    frozen: { timestampMs: nowMs, uuid: randomUuid(random) },
    execution: { scheduledForMs: nowMs, start: null },
  };
}

function shown(job: Job, { request, redact }: Preparation): ShownRequest {
  return {
    url: redact(request.url),
    method: job.request.method,
    headers: Object.fromEntries(request.headers.map(([name, value]) => [name, redact(value)])),
    body: request.body === null ? null : redact(request.body),
  };
}
