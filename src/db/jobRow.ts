/** A job as a row: columns for what is queried, one JSON column for the rest of its definition. */

import type { Job, JobState, MisfirePolicy, OverlapPolicy, ScheduleSpec, Timing } from "../domain/job/job.ts";
import { defaultConcurrencyLimit, PLAIN_JOB, QUEUE_DEFAULTS } from "../domain/job/job.ts";
import type { RequestSpec } from "../domain/job/request.ts";
import { REQUEST_DEFAULTS } from "../domain/job/request.ts";
import type { JsonValue } from "../domain/json.ts";
import { foldName } from "../domain/names.ts";
import type { Backoff, RetryPolicy } from "../domain/retry/policy.ts";
import { RETRY_DEFAULTS } from "../domain/retry/policy.ts";
import type { DstPolicy } from "../domain/schedule/schedule.ts";
import { DEFAULT_DST_POLICY } from "../domain/schedule/schedule.ts";
import type { WebhookSpec } from "../domain/trigger/webhook.ts";
import type { StepDefinition } from "../domain/workflow/definition.ts";
import { nestedLists } from "../domain/workflow/definition.ts";
import { findSecretReferences } from "../domain/secret/reference.ts";
import type { jobs } from "./schema.ts";

type JobRow = typeof jobs.$inferSelect;

/** The columns that a domain job decides; the others belong to the storage. */
export type JobColumns = Omit<
  JobRow,
  "appliedVersion" | "idempotencyKey" | "idempotencyDigest" | "deletedAt" | "prunedCount"
>;

/**
 * The JSON of the `definition` column. Rows outlive releases: a field that this release knows and the row's release did
 * not is absent, and reads as its default. So a field is added here as optional, and none is ever renamed.
 */
interface StoredDefinition {
  readonly schedule: StoredSchedule;
  readonly request: Partial<RequestSpec> & Pick<RequestSpec, "url">;
  readonly retryPolicy?: Partial<Omit<RetryPolicy, "backoff">> & { readonly backoff?: Partial<Backoff> };
  readonly concurrencyLimit?: number;
  readonly overlapPolicy?: OverlapPolicy;
  readonly misfirePolicy?: MisfirePolicy;
  readonly queuePaused?: boolean;
  readonly concurrencyOverride?: Job["concurrencyOverride"];
  readonly steps?: readonly StepDefinition[] | null;
  readonly env?: Readonly<Record<string, JsonValue>>;
  readonly inputSchema?: JsonValue;
  readonly responseOutputTemplate?: JsonValue;
  readonly publicUrl?: string | null;
  readonly webhook?: WebhookSpec | null;
}

type StoredSchedule =
  | Exclude<ScheduleSpec, { kind: "cron" | "workflow" }>
  | { readonly kind: "workflow"; readonly timing: Exclude<StoredSchedule, { kind: "workflow" }> | null }
  | { readonly kind: "cron"; readonly cron: string; readonly timezone?: string; readonly dst?: Partial<DstPolicy> };

export function toJobColumns(job: Job): JobColumns {
  const definition: StoredDefinition = {
    schedule: job.schedule,
    request: job.request,
    retryPolicy: job.retryPolicy,
    concurrencyLimit: job.concurrencyLimit,
    overlapPolicy: job.overlapPolicy,
    misfirePolicy: job.misfirePolicy,
    ...(job.queuePaused ? { queuePaused: true } : {}),
    ...(job.concurrencyOverride === null ? {} : { concurrencyOverride: job.concurrencyOverride }),
    ...(job.steps === null ? {} : stepsOf(job)),
  };
  return {
    id: job.id,
    workspaceId: job.workspaceId,
    name: job.name,
    nameFolded: foldName(job.name),
    kind: job.schedule.kind,
    state: job.state,
    createdAt: job.createdAtMs,
    updatedAt: job.updatedAtMs,
    version: job.version,
    scheduleFrom: job.scheduleFromMs,
    definition: JSON.stringify(definition),
    secretNames: secretNamesOf(job),
  };
}

/** `null` for none, so that such a job has no place in the index of those that have some. */
function secretNamesOf(job: Job): string | null {
  const requests = job.steps === null ? [job.request] : requestsOf(job.steps);
  const names = new Set(requests.flatMap(findSecretReferences));
  return names.size === 0 ? null : JSON.stringify([...names]);
}

function requestsOf(steps: readonly StepDefinition[]): RequestSpec[] {
  return steps.flatMap((step) => [
    ...(step.type === "http" ? [step.request] : []),
    ...nestedLists(step).flatMap((nested) => requestsOf(nested.steps)),
  ]);
}

export function toJob(row: JobColumns): Job {
  return {
    id: row.id,
    workspaceId: row.workspaceId,
    name: row.name,
    state: row.state as JobState,
    ...toDefinition(row.definition),
    createdAtMs: row.createdAt,
    updatedAtMs: row.updatedAt,
    version: row.version,
    scheduleFromMs: row.scheduleFrom,
  };
}

/** What the `definition` column holds, with the defaults of what its release did not know. */
export function toDefinition(
  definition: string,
): Omit<Job, "id" | "workspaceId" | "name" | "state" | "createdAtMs" | "updatedAtMs" | "version" | "scheduleFromMs"> {
  const stored = JSON.parse(definition) as StoredDefinition;
  return {
    schedule: toSchedule(stored.schedule),
    request: { ...REQUEST_DEFAULTS, ...stored.request },
    retryPolicy: {
      ...RETRY_DEFAULTS,
      ...stored.retryPolicy,
      backoff: { ...RETRY_DEFAULTS.backoff, ...stored.retryPolicy?.backoff },
    },
    concurrencyLimit: stored.concurrencyLimit ?? defaultConcurrencyLimit(stored.schedule.kind),
    overlapPolicy: stored.overlapPolicy ?? "queue",
    misfirePolicy: stored.misfirePolicy ?? "fire_once",
    queuePaused: stored.queuePaused ?? QUEUE_DEFAULTS.queuePaused,
    concurrencyOverride: stored.concurrencyOverride ?? QUEUE_DEFAULTS.concurrencyOverride,
    steps: stored.steps ?? PLAIN_JOB.steps,
    env: stored.env ?? PLAIN_JOB.env,
    inputSchema: stored.inputSchema ?? PLAIN_JOB.inputSchema,
    responseOutputTemplate: stored.responseOutputTemplate ?? PLAIN_JOB.responseOutputTemplate,
    publicUrl: stored.publicUrl ?? PLAIN_JOB.publicUrl,
    webhook: stored.webhook ?? PLAIN_JOB.webhook,
  };
}

/** What only a job with steps has; a plain job's row does not grow by it. */
function stepsOf(job: Job): Partial<StoredDefinition> {
  const { steps, env, inputSchema, responseOutputTemplate, publicUrl, webhook } = job;
  return { steps, env, inputSchema, responseOutputTemplate, publicUrl, ...(webhook === null ? {} : { webhook }) };
}

function toSchedule(stored: StoredSchedule): ScheduleSpec {
  if (stored.kind === "workflow") {
    return { kind: "workflow", timing: stored.timing === null ? null : (toSchedule(stored.timing) as Timing) };
  }
  if (stored.kind !== "cron") return stored;
  return { ...stored, timezone: stored.timezone ?? "UTC", dst: { ...DEFAULT_DST_POLICY, ...stored.dst } };
}
