/**
 * Turns a job's saved request into what one attempt sends: variables filled in, secrets resolved, headers added, signed.
 *
 * Guarantee: plaintext of secrets exists from here to the end of the attempt and nowhere else. A secret that cannot be
 * read fails the attempt before anything is sent; the literal `secret://name` never leaves.
 */

import type { AttemptWork } from "../../domain/engine/claim.ts";
import { deadlineMs } from "../../domain/engine/timers.ts";
import type { Execution } from "../../domain/execution/execution.ts";
import type { RequestSpec } from "../../domain/job/request.ts";
import type { JsonValue } from "../../domain/json.ts";
import type { OutboundRequest, OutboundResult } from "../../domain/net/exchange.ts";
import { err, ok, type Result } from "../../domain/result.ts";
import { makeRedactor } from "../../domain/secret/redact.ts";
import { findSecretReferences, referencesIn } from "../../domain/secret/reference.ts";
import type { TemplateScope } from "../../domain/template/render.ts";
import { renderRequest, secretsFrom } from "../../domain/template/requestTemplate.ts";
import { jobScope } from "../../domain/template/variables.ts";
import { isWithinBound } from "../../domain/workflow/resolve.ts";
import type { Clock } from "../../domain/clock.ts";
import type { SecretReader, Signer } from "../ports.ts";

export interface Preparation {
  readonly request: OutboundRequest;
  /** Masks the values of the secrets that this request carries. */
  readonly redact: (text: string, options?: { cutAtEnd: boolean }) => string;
  /** The variables as this attempt saw them, for the output's templates. */
  readonly scope: TemplateScope;
}

/** An attempt that cannot be prepared fails without a request being sent. */
export type PreparationFailure = Extract<OutboundResult, { kind: "failure" }>;

/** What a request is made from: the work of a claim, or a test of a job that no execution stands behind. */
export type Preparable = Pick<AttemptWork, "executionId" | "job" | "target" | "data" | "attempt" | "frozen"> & {
  readonly execution: Pick<Execution, "scheduledForMs" | "start">;
};

export interface PrepareDeps {
  readonly clock: Clock;
  readonly secrets: SecretReader;
  readonly signer: Signer;
}

export async function prepareRequest(
  work: Preparable,
  deps: PrepareDeps,
): Promise<Result<Preparation, PreparationFailure>> {
  const { workspaceId } = work.job;
  const { request } = work.target;
  const scope = scopeOf(work);
  if (work.data === null && !isBounded(request, scope)) {
    const message = "Nothing was sent: with this input, request or output would take more than 1 MB.";
    return err(notSent("invalid_request", message));
  }
  const names = findSecretReferences(request);
  const read = names.length > 0 ? await deps.secrets.read(workspaceId, names) : ok(new Map<string, string>());
  if (!read.ok) {
    const errorClass = read.error.transient ? "secret_store_unreachable" : "secret_unavailable";
    return err(notSent(errorClass, `Nothing was sent: ${read.error.message}.`));
  }
  const rendered = renderRequest(request, scope, secretsFrom(read.value));
  if (!rendered.ok) {
    return err(
      notSent(
        "secret_unavailable",
        `The secret "${rendered.error.missing}" does not exist or cannot be decrypted, so nothing was sent. Look for it in GET /v1/secrets: create it with POST /v1/secrets, or set its value anew with PUT /v1/secrets/${rendered.error.missing}.`,
      ),
    );
  }
  const { url, headers, body } = rendered.value;
  const encoded = sendsInput(work) ? asJson(inputOf(work)) : encodeBody(body);
  const sent = new Map<string, readonly [string, string]>();
  if (encoded.contentType !== null) sent.set("content-type", ["Content-Type", encoded.contentType]);
  for (const [name, value] of Object.entries(headers)) sent.set(name.toLowerCase(), [name, value]);
  const signed = await deps.signer.sign(workspaceId, work.executionId, deps.clock.now(), encoded.body ?? "");
  // A receiver may rely on the signature: without it nothing is sent.
  if (!signed.ok) return err(notSent("signing_unavailable", `Nothing was sent: ${signed.error}.`));
  return ok({
    request: {
      url,
      method: request.method,
      headers: [...sent.values(), ...identityHeaders(work), ...signed.value],
      body: encoded.body,
      timeoutMs: deadlineMs(request.timeoutSeconds),
      sensitiveHeaders: headersWithSecrets(request.headers),
      sensitiveBody: findSecretReferences({ url: "", headers: {}, body: request.body }).length > 0,
    },
    redact: makeRedactor([...read.value.values()]),
    scope,
  });
}

/** Templates may name a large input many times. A step's are judged when the step begins. */
function isBounded({ url, headers, body, output }: RequestSpec, scope: TemplateScope): boolean {
  const templates = Object.values(output).filter((source) => !source.startsWith("$"));
  return isWithinBound([url, headers, body, templates], scope);
}

/** What a step sees, and the frozen variables; two attempts differ in `{{attempt}}` and in nothing else. */
export function scopeOf(work: Preparable): TemplateScope {
  const { timestampMs, uuid } = work.frozen;
  const variables = jobScope(
    {
      timestampMs,
      uuid,
      executionId: work.executionId,
      jobId: work.job.id,
      jobName: work.job.name,
      scheduledForMs: work.execution.scheduledForMs,
    },
    work.attempt,
  );
  return { ...(work.data ?? { input: inputOf(work) }), ...variables };
}

/** Of a plain job; a step has its own in `data`. Frozen with the execution, so that each attempt sends the same. */
function inputOf({ execution }: Preparable): JsonValue {
  return execution.start?.input ?? {};
}

/** A plain job that was given an input and says nothing of its body sends the input, where a body is usual. */
function sendsInput({ data, target, execution }: Preparable): boolean {
  const { method, body } = target.request;
  const isGiven = data === null && (execution.start?.input ?? null) !== null;
  return isGiven && body === null && (method === "POST" || method === "PUT" || method === "PATCH");
}

function notSent(errorClass: string, message: string): PreparationFailure {
  return { kind: "failure", failure: "connection", errorClass, message, latencyMs: 0 };
}

/** A string is sent as it is; anything else as JSON. */
function encodeBody(body: JsonValue): { body: string | null; contentType: string | null } {
  if (body === null) return { body: null, contentType: null };
  if (typeof body === "string") return { body, contentType: "text/plain;charset=UTF-8" };
  return asJson(body);
}

function asJson(value: JsonValue): { body: string; contentType: string } {
  return { body: JSON.stringify(value), contentType: "application/json" };
}

/** By these a target tells executions and their retries apart (DESIGN section 5). */
function identityHeaders(work: Preparable): [string, string][] {
  return [
    ["X-Cron-Service-Execution-Id", work.executionId],
    ["X-Cron-Service-Job-Id", work.job.id],
    ["X-Cron-Service-Scheduled-For", new Date(work.execution.scheduledForMs).toISOString()],
    ["X-Cron-Service-Attempt", String(work.attempt)],
  ];
}

/** A header that carries a secret must not follow a redirect to another origin, whatever its name. */
function headersWithSecrets(headers: Readonly<Record<string, string>>): string[] {
  return Object.entries(headers)
    .filter(([, value]) => referencesIn(value).length > 0)
    .map(([name]) => name.toLowerCase());
}
