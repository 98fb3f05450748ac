/** Whether a job's definition as a whole can be saved: the one judge of create, edit and import. */

import type { FieldIssue } from "../issue.ts";
import type { TargetPolicy } from "../net/target.ts";
import { err, ok } from "../result.ts";
import type { Result } from "../result.ts";
import type { RetryPolicy } from "../retry/policy.ts";
import { validateRetryPolicy } from "../retry/policy.ts";
import type { WebhookDraft } from "../trigger/editWebhook.ts";
import { validateWebhook, webhookOf } from "../trigger/editWebhook.ts";
import { STEPS_MOST } from "../workflow/definition.ts";
import { validateInputSchema } from "../schema/inputSchema.ts";
import { validateWorkflow } from "../workflow/validate.ts";
import type { Job, JobKind, MisfirePolicy, OverlapPolicy } from "./job.ts";
import { hasSteps, NO_REQUEST } from "./job.ts";
import type { RequestDraft } from "./validateRequest.ts";
import { validateRequest } from "./validateRequest.ts";
import type { ScheduleDraft } from "./validateSchedule.ts";
import { scheduleSpecOf, validateSchedule } from "./validateSchedule.ts";

export const NAME_CHARACTERS_MOST = 255;
export const CONCURRENCY_LEAST = 1;
export const CONCURRENCY_MOST = 100;

/** Members, as the wire names them, that are either for plain kinds or for those with steps. */
export const KIND_MEMBERS = [
  "request",
  "retry_policy",
  "steps",
  "env",
  "input_schema",
  "response_output_template",
] as const;
export type KindMember = (typeof KIND_MEMBERS)[number];

/** What a job with steps has beyond one without. */
export type WorkflowDraft = Pick<Job, "steps" | "env" | "inputSchema" | "responseOutputTemplate" | "publicUrl">;

/** A definition with every default filled in; `undefined` where something was not given, or refused before. */
export interface JobDraft extends WorkflowDraft {
  readonly name: string | undefined;
  readonly kind: JobKind | undefined;
  /** What was asked for by name, other than with `null`, and which not every kind has. */
  readonly named: readonly KindMember[];
  readonly schedule: ScheduleDraft;
  readonly request: RequestDraft;
  readonly retryPolicy: RetryPolicy;
  readonly concurrencyLimit: number;
  readonly queuePaused: boolean;
  /** The limit alone: when it began to hold is not for the author to say. */
  readonly concurrencyOverride: number | null;
  readonly overlapPolicy: OverlapPolicy;
  readonly misfirePolicy: MisfirePolicy;
  readonly webhook: WebhookDraft | null;
}

/** What a person decides about a job, checked. */
export type JobDefinition = Pick<
  Job,
  | "name"
  | "schedule"
  | "request"
  | "retryPolicy"
  | "concurrencyLimit"
  | "queuePaused"
  | "overlapPolicy"
  | "misfirePolicy"
  | "webhook"
  | keyof WorkflowDraft
>;

export interface ValidationContext {
  readonly targetPolicy: TargetPolicy;
  /** The moment that `run_at` must come after; `null` when it may be past. */
  readonly runAtAfterMs: number | null;
}

/**
 * Returns the definition, or every complaint about it at once, each with its JSON path. `complaints` are those that the
 * reader of the input already has; of two about the same field the earlier one stays.
 */
export function validateJob(
  draft: JobDraft,
  context: ValidationContext,
  complaints: readonly FieldIssue[] = [],
): Result<JobDefinition, FieldIssue[]> {
  const { name, kind } = draft;
  const issues = onePerPath([
    ...complaints,
    ...validateName(draft.name),
    ...(draft.kind === undefined ? [{ path: "kind", message: "is required" }] : []),
    ...validateSchedule(draft.kind, draft.schedule, context.runAtAfterMs),
    ...(kind === undefined ? [] : validateNamed(draft.named, kind)),
    ...(kind !== undefined && hasSteps(kind)
      ? validateSteps(draft, kind, context.targetPolicy, complaints)
      : validatePlain(draft, context.targetPolicy)),
    ...validateRetryPolicy(draft.retryPolicy, "retry_policy"),
    ...validateConcurrency(draft.concurrencyLimit, "concurrency_limit"),
    ...(draft.concurrencyOverride === null
      ? []
      : validateConcurrency(draft.concurrencyOverride, "concurrency_override")),
    ...validateWebhook(draft.webhook, kind),
  ]);
  const schedule = kind === undefined ? null : scheduleSpecOf(kind, draft.schedule);
  const request = requestOf(draft);
  if (issues.length > 0 || name === undefined || request === null || schedule === null) return err(issues);
  return ok({
    name,
    schedule,
    request,
    retryPolicy: draft.retryPolicy,
    concurrencyLimit: draft.concurrencyLimit,
    queuePaused: draft.queuePaused,
    overlapPolicy: draft.overlapPolicy,
    misfirePolicy: draft.misfirePolicy,
    steps: draft.steps,
    env: draft.env,
    inputSchema: draft.inputSchema,
    responseOutputTemplate: draft.responseOutputTemplate,
    publicUrl: draft.publicUrl,
    webhook: draft.webhook === null ? null : webhookOf(draft.webhook),
  });
}

function requestOf(draft: JobDraft): Job["request"] | null {
  if (draft.steps !== null) return NO_REQUEST;
  const { url } = draft.request;
  return url === undefined ? null : { ...draft.request, url };
}

/** What only other kinds have is refused, rather than kept unused. */
function validateNamed(named: readonly KindMember[], kind: JobKind): FieldIssue[] {
  return named
    .filter((member) => (member === "request" || member === "retry_policy") === hasSteps(kind))
    .map((path) => ({ path, message: kindMessage(path, kind) }));
}

function kindMessage(member: KindMember, kind: JobKind): string {
  switch (member) {
    case "request":
      return `is for plain kinds; a job of kind "${kind}" makes its requests in its steps`;
    case "retry_policy":
      return `is for plain kinds; in a job of kind "${kind}" each http step has its own`;
    default:
      return `is for the kinds "workflow" and "webhook_trigger"; a job of kind "${kind}" has one request and no steps`;
  }
}

function validatePlain(draft: JobDraft, policy: TargetPolicy): FieldIssue[] {
  return [
    ...(draft.request.url === undefined ? [missingUrl(draft.named)] : []),
    ...validateRequest(draft.request, policy),
  ];
}

function missingUrl(named: readonly KindMember[]): FieldIssue {
  if (named.includes("request")) return { path: "request.url", message: "is required" };
  return { path: "request", message: "is required: an object with a url" };
}

function validateSteps(
  draft: JobDraft,
  kind: JobKind,
  policy: TargetPolicy,
  complaints: readonly FieldIssue[],
): FieldIssue[] {
  const { steps, inputSchema } = draft;
  // Steps that could not be read are complained about already, one by one.
  const isUnread = complaints.some(({ path }) => isWithin(path, "steps"));
  const message = `is required for kind "${kind}": a list of 1 to ${STEPS_MOST} steps`;
  return [
    ...(steps !== null || isUnread ? [] : [{ path: "steps", message }]),
    ...(steps === null ? [] : validateWorkflow({ ...draft, steps }, policy)),
    ...(inputSchema === null ? [] : validateInputSchema(inputSchema, "input_schema")),
  ];
}

/** The first complaint about each field, and none about what is inside a field that is complained about as a whole. */
export function onePerPath(issues: readonly FieldIssue[]): FieldIssue[] {
  const kept: FieldIssue[] = [];
  for (const issue of issues) {
    if (!kept.some((earlier) => isWithin(issue.path, earlier.path))) kept.push(issue);
  }
  return kept;
}

function isWithin(path: string, outer: string): boolean {
  return outer === "" || path === outer || path.startsWith(`${outer}.`) || path.startsWith(`${outer}[`);
}

function validateName(name: string | undefined): FieldIssue[] {
  const path = "name";
  if (name === undefined) return [{ path, message: "is required" }];
  if (name.trim() === "" || name.length > NAME_CHARACTERS_MOST) {
    return [{ path, message: `must be text of 1 to ${NAME_CHARACTERS_MOST} characters` }];
  }
  // Names travel in templates, lists and logs; a half of a surrogate pair cannot be stored as UTF-8.
  if (/\p{Cc}/u.test(name) || !name.isWellFormed()) {
    return [{ path, message: "must be text without line breaks or other control characters" }];
  }
  return [];
}

function validateConcurrency(limit: number, path: string): FieldIssue[] {
  if (Number.isInteger(limit) && limit >= CONCURRENCY_LEAST && limit <= CONCURRENCY_MOST) return [];
  const range = `from ${CONCURRENCY_LEAST} to ${CONCURRENCY_MOST}`;
  return [{ path, message: `must be a whole number ${range}` }];
}
