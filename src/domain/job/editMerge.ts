/** Laying changes over a job, or over the defaults of a new one, member by member. */

import type { JsonValue } from "../json.ts";
import type { Assertion, ResponseMatcher } from "../response/rules.ts";
import type { Backoff, RetryPolicy } from "../retry/policy.ts";
import { RETRY_DEFAULTS } from "../retry/policy.ts";
import type { DstPolicy } from "../schedule/schedule.ts";
import type { WebhookChanges } from "../trigger/editWebhook.ts";
import { mergeWebhook } from "../trigger/editWebhook.ts";
import { WEBHOOK_DEFAULTS } from "../trigger/webhook.ts";
import type { Job, JobKind, JobState, MisfirePolicy, OverlapPolicy } from "./job.ts";
import { defaultConcurrencyLimit, hasSteps, PLAIN_JOB, QUEUE_DEFAULTS } from "./job.ts";
import type { StepDefinition } from "../workflow/definition.ts";
import type { HttpMethod, RequestSpec } from "./request.ts";
import { REQUEST_DEFAULTS } from "./request.ts";
import type { JobDraft, KindMember, WorkflowDraft } from "./validate.ts";
import { KIND_MEMBERS } from "./validate.ts";
import type { RequestDraft } from "./validateRequest.ts";
import type { ScheduleDraft } from "./validateSchedule.ts";
import { scheduleDraftOf } from "./validateSchedule.ts";

/** A member to change: absent leaves it as it is, `null` sets it back to its default. */
type Change<T> = T | null | undefined;

/** What a person may decide about a job; everything is optional, because an edit names only what it changes. */
export interface JobChanges {
  readonly name?: string | undefined;
  readonly kind?: JobKind | undefined;
  readonly state?: Exclude<JobState, "completed"> | undefined;
  readonly schedule?: Change<{
    readonly everyMinutes?: Change<number>;
    readonly cron?: Change<string>;
    readonly timezone?: Change<string>;
    readonly dst?: Change<{ readonly gap?: Change<DstPolicy["gap"]>; readonly repeat?: Change<DstPolicy["repeat"]> }>;
    readonly runAtMs?: Change<number>;
  }>;
  readonly request?:
    | {
        readonly url?: string | undefined;
        readonly method?: Change<HttpMethod>;
        readonly headers?: Change<RequestSpec["headers"]>;
        readonly body?: JsonValue | undefined;
        readonly timeoutSeconds?: Change<number>;
        readonly successStatuses?: Change<readonly number[]>;
        readonly responseMatcher?: Change<ResponseMatcher>;
        readonly assertions?: Change<readonly Assertion[]>;
        readonly output?: Change<RequestSpec["output"]>;
      }
    | undefined;
  readonly retryPolicy?: Change<{
    readonly maxAttempts?: Change<number>;
    readonly retryOnStatuses?: Change<readonly number[]>;
    readonly retryOnMismatch?: Change<boolean>;
    readonly backoff?: Change<{ readonly [Member in keyof Backoff]?: Change<Backoff[Member]> }>;
    readonly maxDurationSeconds?: Change<number>;
  }>;
  readonly concurrencyLimit?: Change<number>;
  readonly queuePaused?: Change<boolean>;
  readonly concurrencyOverride?: Change<number>;
  readonly overlapPolicy?: Change<OverlapPolicy>;
  readonly misfirePolicy?: Change<MisfirePolicy>;
  /** Replaced as a whole. */
  readonly steps?: Change<readonly StepDefinition[]>;
  readonly env?: Change<Job["env"]>;
  /** JSON, so `null` is the default too. */
  readonly inputSchema?: JsonValue | undefined;
  readonly responseOutputTemplate?: JsonValue | undefined;
  readonly webhook?: Change<WebhookChanges>;
}

/** The definition that results; `job` is `null` for a new one. `publicUrl` is where the instance is reached, if known. */
export function mergeChanges(job: Job | null, changes: JobChanges, publicUrl?: string): JobDraft {
  const kind = changes.kind ?? job?.schedule.kind;
  const concurrencyDefault = defaultConcurrencyLimit(kind ?? "one_time");
  const isStepped = kind !== undefined && hasSteps(kind);
  return {
    name: changes.name ?? job?.name,
    kind,
    named: namedIn(changes),
    schedule: mergeSchedule(job, kind, changes.schedule),
    request: mergeRequest(job, kind, changes.request ?? {}),
    retryPolicy: isStepped ? RETRY_DEFAULTS : mergeRetryPolicy(job?.retryPolicy ?? RETRY_DEFAULTS, changes.retryPolicy),
    concurrencyLimit: pick(changes.concurrencyLimit, job?.concurrencyLimit ?? concurrencyDefault, concurrencyDefault),
    queuePaused: pick(changes.queuePaused, job?.queuePaused ?? QUEUE_DEFAULTS.queuePaused, QUEUE_DEFAULTS.queuePaused),
    concurrencyOverride: pick<number | null>(
      changes.concurrencyOverride,
      job?.concurrencyOverride?.limit ?? null,
      null,
    ),
    overlapPolicy: pick(changes.overlapPolicy, job?.overlapPolicy ?? "queue", "queue"),
    misfirePolicy: pick(changes.misfirePolicy, job?.misfirePolicy ?? "fire_once", "fire_once"),
    ...mergeSteps(job, kind, changes),
    publicUrl: isStepped ? (publicUrl ?? job?.publicUrl ?? null) : null,
    webhook: mergeWebhook(kind === "webhook_trigger" ? (job?.webhook ?? WEBHOOK_DEFAULTS) : null, changes.webhook),
  };
}

function namedIn(changes: JobChanges): KindMember[] {
  const values = {
    request: changes.request,
    retry_policy: changes.retryPolicy,
    steps: changes.steps,
    env: changes.env,
    input_schema: changes.inputSchema,
    response_output_template: changes.responseOutputTemplate,
  } satisfies Record<KindMember, unknown>;
  return KIND_MEMBERS.filter((member) => values[member] !== undefined && values[member] !== null);
}

/** What belongs to steps does not survive a change to a plain kind; what the changes name is kept, to be judged. */
function mergeSteps(job: Job | null, kind: JobKind | undefined, changes: JobChanges): Omit<WorkflowDraft, "publicUrl"> {
  const isStepped = kind !== undefined && hasSteps(kind);
  const before = job !== null && isStepped ? job : PLAIN_JOB;
  return {
    steps: pick(changes.steps, before.steps, null),
    env: pick(changes.env, before.env, PLAIN_JOB.env),
    inputSchema: changes.inputSchema === undefined ? before.inputSchema : changes.inputSchema,
    responseOutputTemplate:
      changes.responseOutputTemplate === undefined ? before.responseOutputTemplate : changes.responseOutputTemplate,
  };
}

function pick<T>(change: Change<T>, before: T, fallback: T): T {
  if (change === undefined) return before;
  return change === null ? fallback : change;
}

/** Members of another kind's schedule do not survive a change of kind; what the changes name is kept, to be judged. */
function mergeSchedule(job: Job | null, kind: JobKind | undefined, changes: JobChanges["schedule"]): ScheduleDraft {
  if (changes === null) return {};
  const before = job !== null && job.schedule.kind === kind ? scheduleDraftOf(job.schedule) : {};
  if (changes === undefined) return before;
  return {
    everyMinutes: pick(changes.everyMinutes, before.everyMinutes, undefined),
    cron: pick(changes.cron, before.cron, undefined),
    timezone: pick(changes.timezone, before.timezone, undefined),
    dst: mergeDst(before.dst, changes.dst),
    runAtMs: pick(changes.runAtMs, before.runAtMs, undefined),
  };
}

function mergeDst(
  before: ScheduleDraft["dst"],
  changes: NonNullable<NonNullable<JobChanges["schedule"]>["dst"]> | null | undefined,
): ScheduleDraft["dst"] {
  if (changes === undefined) return before;
  if (changes === null) return undefined;
  const gap = pick<DstPolicy["gap"] | undefined>(changes.gap, before?.gap, undefined);
  const repeat = pick<DstPolicy["repeat"] | undefined>(changes.repeat, before?.repeat, undefined);
  return { ...(gap === undefined ? {} : { gap }), ...(repeat === undefined ? {} : { repeat }) };
}

/** A request does not survive a change to or from a kind with steps. */
function mergeRequest(
  job: Job | null,
  kind: JobKind | undefined,
  changes: NonNullable<JobChanges["request"]>,
): RequestDraft {
  const kept = job !== null && job.steps === null && !(kind !== undefined && hasSteps(kind)) ? job.request : undefined;
  const before = kept ?? REQUEST_DEFAULTS;
  return {
    url: changes.url ?? kept?.url,
    method: pick(changes.method, before.method, REQUEST_DEFAULTS.method),
    headers: pick(changes.headers, before.headers, REQUEST_DEFAULTS.headers),
    body: changes.body === undefined ? before.body : changes.body,
    timeoutSeconds: pick(changes.timeoutSeconds, before.timeoutSeconds, REQUEST_DEFAULTS.timeoutSeconds),
    successStatuses: pick(changes.successStatuses, before.successStatuses, REQUEST_DEFAULTS.successStatuses),
    responseMatcher: pick(changes.responseMatcher, before.responseMatcher, REQUEST_DEFAULTS.responseMatcher),
    assertions: pick(changes.assertions, before.assertions, REQUEST_DEFAULTS.assertions),
    output: pick(changes.output, before.output, REQUEST_DEFAULTS.output),
  };
}

export function mergeRetryPolicy(before: RetryPolicy, changes: JobChanges["retryPolicy"]): RetryPolicy {
  if (changes === undefined) return before;
  if (changes === null) return RETRY_DEFAULTS;
  return {
    maxAttempts: pick(changes.maxAttempts, before.maxAttempts, RETRY_DEFAULTS.maxAttempts),
    retryOnStatuses: pick(changes.retryOnStatuses, before.retryOnStatuses, RETRY_DEFAULTS.retryOnStatuses),
    retryOnMismatch: pick(changes.retryOnMismatch, before.retryOnMismatch, RETRY_DEFAULTS.retryOnMismatch),
    backoff: mergeBackoff(before.backoff, changes.backoff),
    maxDurationSeconds: pick(changes.maxDurationSeconds, before.maxDurationSeconds, RETRY_DEFAULTS.maxDurationSeconds),
  };
}

function mergeBackoff(
  before: Backoff,
  changes: NonNullable<NonNullable<JobChanges["retryPolicy"]>["backoff"]> | null | undefined,
): Backoff {
  if (changes === undefined) return before;
  const defaults = RETRY_DEFAULTS.backoff;
  if (changes === null) return defaults;
  const type = pick(changes.type, before.type, defaults.type);
  // A list of waits belongs to its type: it goes when the type does, unless the changes name one.
  const listBefore = type === "list" ? before.listMs : defaults.listMs;
  return {
    type,
    initialMs: pick(changes.initialMs, before.initialMs, defaults.initialMs),
    factor: pick(changes.factor, before.factor, defaults.factor),
    maxMs: pick(changes.maxMs, before.maxMs, defaults.maxMs),
    jitter: pick(changes.jitter, before.jitter, defaults.jitter),
    listMs: pick(changes.listMs, listBefore, defaults.listMs),
  };
}
