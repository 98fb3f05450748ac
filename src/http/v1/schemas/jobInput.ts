/** What may be said about a job in a request, and its way into the domain. */

import type { z } from "@hono/zod-openapi";
import type { JobInput } from "../../../app/jobs/createJob.ts";
import type { FieldIssue } from "../../../domain/issue.ts";
import type { JobChanges } from "../../../domain/job/editMerge.ts";
import { JOB_KINDS, MISFIRE_POLICIES, OVERLAP_POLICIES } from "../../../domain/job/job.ts";
import { HTTP_METHODS } from "../../../domain/job/request.ts";
import { CONCURRENCY_LEAST, CONCURRENCY_MOST, NAME_CHARACTERS_MOST } from "../../../domain/job/validate.ts";
import {
  STATUSES_MOST,
  STATUS_LEAST,
  STATUS_MOST,
  TIMEOUT_SECONDS_LEAST,
  TIMEOUT_SECONDS_MOST,
} from "../../../domain/job/validateRequest.ts";
import { EVERY_MINUTES_LEAST, EVERY_MINUTES_MOST } from "../../../domain/job/validateSchedule.ts";
import type { JsonValue } from "../../../domain/json.ts";
import { BACKOFF_TYPES, MAX_BACKOFF_MS } from "../../../domain/retry/policy.ts";
import {
  anyJson,
  flag,
  list,
  moment,
  number,
  object,
  oneOf,
  optional,
  text,
  textMap,
  wholeNumber,
} from "../../fields.ts";
import type { Path } from "../../readInput.ts";
import { read } from "../../readInput.ts";
import { AssertionsSchema, ResponseMatcherSchema, toAssertion, toResponseMatcher } from "./responseRules.ts";

/** Longer than any URL that the guard lets through. */
const URL_CHARACTERS_MOST = 8_192;
const CRON_CHARACTERS_MOST = 1_024;
/** Thirty days, as `validateRetryPolicy` has it. */
const DURATION_SECONDS_MOST = 30 * 24 * 60 * 60;
const LIST_MS_MOST = 10;
/** `request.assertions[0].operator` is as deep as a field lies. */
const PATH_LEVELS_MOST = 4;

const status = () => wholeNumber(STATUS_LEAST, STATUS_MOST);

export const ScheduleInput = object({
  every_n_minutes: optional(wholeNumber(EVERY_MINUTES_LEAST, EVERY_MINUTES_MOST)).openapi({
    description: 'For kind "recurring"; counted from the job\'s creation, without drift.',
    example: 15,
  }),
  cron: optional(text(1, CRON_CHARACTERS_MOST)).openapi({
    description: 'For kind "cron": minute, hour, day of month, month, day of week.',
    example: "0 2 * * *",
  }),
  timezone: optional(text(1, 64)).openapi({
    description: 'IANA zone in which "cron" is read; default UTC. Accepted and idle with the other kinds.',
    example: "Europe/Berlin",
  }),
  dst: optional(object({ gap: optional(oneOf(["run", "skip"])), repeat: optional(oneOf(["once", "twice"])) })).openapi({
    description:
      "What a cron time does when clocks change: in the hour that is left out (`gap`, default `run`: at the gap's end), " +
      "and in the hour that comes twice (`repeat`, default `once`).",
  }),
  run_at: optional(moment()).openapi({
    description: 'For kind "scheduled": the moment, in the future.',
    example: "2030-01-31T09:00:00Z",
  }),
}).openapi("ScheduleInput");

const requestMembers = {
  method: optional(oneOf(HTTP_METHODS)).openapi({ description: "Default GET." }),
  headers: optional(textMap("header names and texts")).openapi({
    description: "Values may hold `{{variables}}` and `secret://name`. A PATCH replaces all of them.",
  }),
  body: anyJson().optional().openapi({
    description: "A string is sent as text, anything else as JSON; `null`, the default, sends none.",
  }),
  timeout_seconds: optional(wholeNumber(TIMEOUT_SECONDS_LEAST, TIMEOUT_SECONDS_MOST)).openapi({
    description: "For one attempt as a whole; default 30.",
  }),
  success_statuses: optional(list(status(), STATUSES_MOST, "HTTP statuses")).openapi({
    description: "Default 200, 201, 202, 204.",
  }),
  response_matcher: optional(ResponseMatcherSchema),
  assertions: optional(AssertionsSchema),
  output: optional(textMap("output names and JSONPaths or templates")).openapi({
    description: "What to keep of the response as the execution's `output`.",
  }),
};

const url = () =>
  text(1, URL_CHARACTERS_MOST).openapi({
    description: "A public http or https URL; `{{variables}}` may stand after the host.",
    example: "https://api.example.com/sync",
  });

export const RetryPolicyInput = object({
  max_attempts: optional(wholeNumber(1, 10)).openapi({ description: "The first one included; default 3." }),
  retry_on_statuses: optional(list(status(), STATUSES_MOST, "HTTP statuses")).openapi({
    description: "Default 429, 500, 502, 503, 504. Timeouts and connection errors are always retried.",
  }),
  retry_on_mismatch: optional(flag()).openapi({
    description: "Whether a success status whose body breaks a response rule is retried; default false.",
  }),
  backoff: optional(
    object({
      type: optional(oneOf(BACKOFF_TYPES)),
      initial_ms: optional(wholeNumber(0, MAX_BACKOFF_MS)),
      factor: optional(number(1, 10)),
      max_ms: optional(wholeNumber(0, MAX_BACKOFF_MS)),
      jitter: optional(flag()),
      list_ms: optional(list(wholeNumber(0, MAX_BACKOFF_MS), LIST_MS_MOST, "waits in milliseconds")),
    }),
  ).openapi({ description: "Waits between attempts; by default 500 ms, doubling, with jitter." }),
  max_duration_seconds: optional(wholeNumber(1, DURATION_SECONDS_MOST)).openapi({
    description: "Bounds the whole execution, waits included; default no bound.",
  }),
}).openapi("RetryPolicyInput");

const STATES = ["active", "paused", "draft"] as const;

const members = {
  state: oneOf(STATES).optional().openapi({ description: "Default active; `completed` is reached by itself." }),
  schedule: optional(ScheduleInput),
  retry_policy: optional(RetryPolicyInput),
  concurrency_limit: optional(wholeNumber(CONCURRENCY_LEAST, CONCURRENCY_MOST)).openapi({
    description: "Executions at a time, whatever started them; default 1 for recurring and cron, else 10.",
  }),
  overlap_policy: optional(oneOf(OVERLAP_POLICIES)).openapi({
    description: "What a due time does when every slot is taken; default queue.",
  }),
  misfire_policy: optional(oneOf(MISFIRE_POLICIES)).openapi({
    description: "What becomes of due times that passed while the instance was down; default fire_once.",
  }),
};

const name = () => text(1, NAME_CHARACTERS_MOST);

export const CreateJobBody = object({
  name: name().openapi({ example: "nightly-sync" }),
  kind: oneOf(JOB_KINDS),
  ...members,
  request: object({ url: url(), ...requestMembers }).openapi("RequestInput"),
}).openapi("CreateJob");

export const PatchJobBody = object({
  name: name().optional(),
  kind: oneOf(JOB_KINDS).optional(),
  ...members,
  request: object({ url: url().optional(), ...requestMembers }).optional(),
}).openapi("PatchJob");

export const PreviewBody = object({
  kind: oneOf(JOB_KINDS).optional().openapi({ description: "May be left out when the schedule's members tell it." }),
  schedule: optional(ScheduleInput),
  count: wholeNumber(1, 100).optional().openapi({ description: "How many times; default 10." }),
}).openapi("PreviewSchedule");

/**
 * Reads a job's definition. When the schema refuses a part, the rest is read all the same, so that the domain can judge
 * it and the answer names every field at fault at once.
 */
export function readJobInput(schema: typeof CreateJobBody | typeof PatchJobBody, body: JsonValue): JobInput {
  const { value, complaints } = readLeniently(schema, PatchJobBody, body);
  return { changes: value === null ? {} : toChanges(value), complaints };
}

/** Reads by the `strict` schema; what it refuses is left out, and the rest read by the schema in which all is optional. */
export function readLeniently<Strict extends z.ZodType, Lenient extends z.ZodType>(
  strict: Strict,
  lenient: Lenient,
  body: JsonValue,
): { readonly value: z.output<Strict> | z.output<Lenient> | null; readonly complaints: readonly FieldIssue[] } {
  const whole = read(strict, body);
  if (whole.ok) return { value: whole.value, complaints: [] };
  const complaints = whole.issues.map(({ path, message }) => ({ path, message }));
  let rest: JsonValue = body;
  let { issues } = whole;
  // Leaving a member out can make its parent incomplete; so each round cuts what is still refused one level further out.
  for (let levelsUp = 0; levelsUp < PATH_LEVELS_MOST && issues.length > 0; levelsUp++) {
    for (const { at } of issues) rest = without(rest, at.slice(0, Math.max(1, at.length - levelsUp)));
    const attempt = read(lenient, rest);
    if (attempt.ok) return { value: attempt.value, complaints };
    ({ issues } = attempt);
  }
  return { value: null, complaints };
}

/** A copy without the member at `path`; a path into a list leaves out the list. */
function without(value: JsonValue, path: Path): JsonValue {
  const [head, ...tail] = path;
  if (head === undefined || typeof value !== "object" || value === null || Array.isArray(value)) return value;
  const members = value as Readonly<Record<string, JsonValue>>;
  return Object.fromEntries(
    Object.entries(members).flatMap(([key, member]): [string, JsonValue][] => {
      if (key !== head) return [[key, member]];
      const isLeaf = tail.length === 0 || typeof member !== "object" || member === null || Array.isArray(member);
      return isLeaf ? [] : [[key, without(member, tail)]];
    }),
  );
}

export function toChanges(wire: z.output<typeof PatchJobBody>): JobChanges {
  return withoutUndefined({
    name: wire.name,
    kind: wire.kind,
    state: wire.state,
    schedule: toScheduleChanges(wire.schedule),
    request: toRequestChanges(wire.request),
    retryPolicy: toRetryPolicyChanges(wire.retry_policy),
    concurrencyLimit: wire.concurrency_limit,
    overlapPolicy: wire.overlap_policy,
    misfirePolicy: wire.misfire_policy,
  });
}

export function toScheduleChanges(wire: z.output<typeof ScheduleInput> | null | undefined): JobChanges["schedule"] {
  if (wire === null || wire === undefined) return wire;
  return {
    everyMinutes: wire.every_n_minutes,
    cron: wire.cron,
    timezone: wire.timezone,
    dst: wire.dst,
    runAtMs: typeof wire.run_at === "string" ? Date.parse(wire.run_at) : wire.run_at,
  };
}

function toRequestChanges(wire: z.output<typeof PatchJobBody>["request"]): JobChanges["request"] {
  if (wire === undefined) return undefined;
  return {
    url: wire.url,
    method: wire.method,
    headers: wire.headers,
    // What came out of `JSON.parse` is JSON, though the schema says only that it is anything.
    body: wire.body as JsonValue | undefined,
    timeoutSeconds: wire.timeout_seconds,
    successStatuses: wire.success_statuses,
    responseMatcher: wire.response_matcher ? toResponseMatcher(wire.response_matcher) : wire.response_matcher,
    assertions: wire.assertions?.map(toAssertion) ?? (wire.assertions === null ? null : undefined),
    output: wire.output,
  };
}

function toRetryPolicyChanges(wire: z.output<typeof RetryPolicyInput> | null | undefined): JobChanges["retryPolicy"] {
  if (wire === null || wire === undefined) return wire;
  const { backoff } = wire;
  return {
    maxAttempts: wire.max_attempts,
    retryOnStatuses: wire.retry_on_statuses,
    retryOnMismatch: wire.retry_on_mismatch,
    maxDurationSeconds: wire.max_duration_seconds,
    backoff: backoff
      ? {
          type: backoff.type,
          initialMs: backoff.initial_ms,
          factor: backoff.factor,
          maxMs: backoff.max_ms,
          jitter: backoff.jitter,
          listMs: backoff.list_ms,
        }
      : backoff,
  };
}

/** An edit that names nothing has no members, so that it can be told from one that does. */
function withoutUndefined(changes: JobChanges): JobChanges {
  return Object.fromEntries(Object.entries(changes).filter(([, value]) => value !== undefined));
}
