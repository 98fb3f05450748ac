/** Whether a job's definition as a whole can be saved: the one judge of create, edit and import. */

import type { FieldIssue } from "../issue.ts";
import type { TargetPolicy } from "../net/target.ts";
import { err, ok } from "../result.ts";
import type { Result } from "../result.ts";
import type { RetryPolicy } from "../retry/policy.ts";
import { validateRetryPolicy } from "../retry/policy.ts";
import type { Job, JobKind, MisfirePolicy, OverlapPolicy } from "./job.ts";
import type { RequestDraft } from "./validateRequest.ts";
import { validateRequest } from "./validateRequest.ts";
import type { ScheduleDraft } from "./validateSchedule.ts";
import { scheduleSpecOf, validateSchedule } from "./validateSchedule.ts";

export const NAME_CHARACTERS_MOST = 255;
export const CONCURRENCY_LEAST = 1;
export const CONCURRENCY_MOST = 100;

/** A definition with every default filled in; `undefined` where something was not given, or refused before. */
export interface JobDraft {
  readonly name: string | undefined;
  readonly kind: JobKind | undefined;
  readonly schedule: ScheduleDraft;
  readonly request: RequestDraft;
  readonly retryPolicy: RetryPolicy;
  readonly concurrencyLimit: number;
  readonly overlapPolicy: OverlapPolicy;
  readonly misfirePolicy: MisfirePolicy;
}

/** What a person decides about a job, checked. */
export type JobDefinition = Pick<
  Job,
  "name" | "schedule" | "request" | "retryPolicy" | "concurrencyLimit" | "overlapPolicy" | "misfirePolicy"
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
  const issues = onePerPath([
    ...complaints,
    ...validateName(draft.name),
    ...(draft.kind === undefined ? [{ path: "kind", message: "is required" }] : []),
    ...validateSchedule(draft.kind, draft.schedule, context.runAtAfterMs),
    ...(draft.request.url === undefined ? [{ path: "request.url", message: "is required" }] : []),
    ...validateRequest(draft.request, context.targetPolicy),
    ...validateRetryPolicy(draft.retryPolicy, "retry_policy"),
    ...validateConcurrency(draft.concurrencyLimit),
  ]);
  const { name, kind } = draft;
  const { url } = draft.request;
  const schedule = kind === undefined ? null : scheduleSpecOf(kind, draft.schedule);
  if (issues.length > 0 || name === undefined || url === undefined || schedule === null) return err(issues);
  return ok({
    name,
    schedule,
    request: { ...draft.request, url },
    retryPolicy: draft.retryPolicy,
    concurrencyLimit: draft.concurrencyLimit,
    overlapPolicy: draft.overlapPolicy,
    misfirePolicy: draft.misfirePolicy,
  });
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

function validateConcurrency(limit: number): FieldIssue[] {
  if (Number.isInteger(limit) && limit >= CONCURRENCY_LEAST && limit <= CONCURRENCY_MOST) return [];
  const range = `from ${CONCURRENCY_LEAST} to ${CONCURRENCY_MOST}`;
  return [{ path: "concurrency_limit", message: `must be a whole number ${range}` }];
}
