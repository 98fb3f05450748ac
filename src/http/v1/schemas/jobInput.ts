/** What may be said about a job in a request, and its way into the domain. */

import type { z } from "@hono/zod-openapi";
import type { JobInput } from "../../../app/jobs/createJob.ts";
import type { FieldIssue } from "../../../domain/issue.ts";
import type { JobChanges } from "../../../domain/job/editMerge.ts";
import { JOB_KINDS, MISFIRE_POLICIES, OVERLAP_POLICIES } from "../../../domain/job/job.ts";
import { CONCURRENCY_LEAST, CONCURRENCY_MOST, NAME_CHARACTERS_MOST } from "../../../domain/job/validate.ts";
import { EVERY_MINUTES_LEAST, EVERY_MINUTES_MOST } from "../../../domain/job/validateSchedule.ts";
import type { JsonValue } from "../../../domain/json.ts";
import { anyJson, flag, moment, object, oneOf, optional, text, wholeNumber } from "../../fields.ts";
import type { Path } from "../../readInput.ts";
import { read } from "../../readInput.ts";
import {
  RequestChangesInput,
  RetryPolicyInput,
  requestMembers,
  toRequestChanges,
  toRetryPolicyChanges,
  url,
} from "./requestInput.ts";
import { toStep } from "./stepConversions.ts";
import { jsonMap, stepList } from "./steps.ts";
import { WebhookInput, toWebhookChanges } from "./webhook.ts";

const CRON_CHARACTERS_MOST = 1_024;
/** `request.assertions[0].operator` is as deep as a field lies; what is wrong within a list leaves out the list. */
const PATH_LEVELS_MOST = 4;

export const ScheduleInput = object({
  every_n_minutes: optional(wholeNumber(EVERY_MINUTES_LEAST, EVERY_MINUTES_MOST)).openapi({
    description: 'For kinds "recurring" and "workflow"; counted from the job\'s creation, without drift.',
    example: 15,
  }),
  cron: optional(text(1, CRON_CHARACTERS_MOST)).openapi({
    description: 'For kinds "cron" and "workflow": minute, hour, day of month, month, day of week.',
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
    description: 'For kinds "scheduled" and "workflow": the moment, in the future.',
    example: "2030-01-31T09:00:00Z",
  }),
}).openapi("ScheduleInput");

const STATES = ["active", "paused", "draft"] as const;

const members = {
  state: oneOf(STATES).optional().openapi({ description: "Default active; `completed` is reached by itself." }),
  schedule: optional(ScheduleInput),
  retry_policy: optional(RetryPolicyInput).openapi({
    description: "For plain kinds; an `http` step has its own.",
  }),
  concurrency_limit: optional(wholeNumber(CONCURRENCY_LEAST, CONCURRENCY_MOST)).openapi({
    description: "Executions at a time, whatever started them; default 1 for recurring and cron, else 10.",
  }),
  concurrency_override: optional(wholeNumber(CONCURRENCY_LEAST, CONCURRENCY_MOST)).openapi({
    description: "Holds in place of concurrency_limit until it is set to `null`, the default.",
  }),
  queue_paused: optional(flag()).openapi({
    description:
      "Holds everything of the job back, also what is asked for: starts are taken and stay queued. Default false.",
  }),
  overlap_policy: optional(oneOf(OVERLAP_POLICIES)).openapi({
    description: "What a due time does when every slot is taken; default queue.",
  }),
  misfire_policy: optional(oneOf(MISFIRE_POLICIES)).openapi({
    description: "What becomes of due times that passed while the instance was down; default fire_once.",
  }),
  steps: optional(stepList()).openapi({
    description: "Required for workflow and webhook_trigger, and for them only. A PATCH replaces the list.",
  }),
  env: optional(jsonMap("names and JSON values")).openapi({
    description: "What templates of steps see as `env`. Not for secrets: it is shown.",
  }),
  input_schema: anyJson()
    .optional()
    .openapi({
      description:
        "JSON Schema (2020-12 or draft-07, references within it only, at most 64 KB) of the `input` that a run is given; " +
        "`null`, the default, takes any.",
    }),
  webhook: optional(WebhookInput).openapi({
    description: "For webhook_trigger: what is asked of what is posted to its URL. A PATCH changes what it names.",
  }),
  response_output_template: anyJson().optional().openapi({
    description:
      "JSON with templates: what an execution answers with as `final_output`; `null`, the default, for none.",
  }),
};

const name = () => text(1, NAME_CHARACTERS_MOST);

export const CreateJobBody = object({
  name: name().openapi({ example: "nightly-sync" }),
  kind: oneOf(JOB_KINDS),
  ...members,
  request: object({ url: url(), ...requestMembers })
    .openapi("RequestInput")
    .optional()
    .openapi({
      description:
        "Required for plain kinds, and for them only. Templates see what a run was given as `{{input}}`; one that has no " +
        "`body` sends that as its JSON body, with POST, PUT and PATCH.",
    }),
}).openapi("CreateJob");

export const PatchJobBody = object({
  name: name().optional(),
  kind: oneOf(JOB_KINDS).optional(),
  ...members,
  request: RequestChangesInput.optional(),
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

function toChanges(wire: z.output<typeof PatchJobBody>): JobChanges {
  return withoutUndefined({
    name: wire.name,
    kind: wire.kind,
    state: wire.state,
    schedule: toScheduleChanges(wire.schedule),
    request: toRequestChanges(wire.request),
    retryPolicy: toRetryPolicyChanges(wire.retry_policy),
    concurrencyLimit: wire.concurrency_limit,
    concurrencyOverride: wire.concurrency_override,
    queuePaused: wire.queue_paused,
    overlapPolicy: wire.overlap_policy,
    misfirePolicy: wire.misfire_policy,
    steps: wire.steps ? wire.steps.map(toStep) : wire.steps,
    env: wire.env as JobChanges["env"],
    inputSchema: json(wire.input_schema),
    responseOutputTemplate: json(wire.response_output_template),
    webhook: toWebhookChanges(wire.webhook),
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

/** What came out of `JSON.parse` is JSON, though the schema says only that it is anything. */
function json(value: unknown): JsonValue | undefined {
  return value as JsonValue | undefined;
}

/** An edit that names nothing has no members, so that it can be told from one that does. */
function withoutUndefined(changes: JobChanges): JobChanges {
  return Object.fromEntries(Object.entries(changes).filter(([, value]) => value !== undefined));
}
