/** A job as the API shows it. */

import { z } from "@hono/zod-openapi";
import type { JobView } from "../../../app/jobs/viewJob.ts";
import type { Job, ScheduleSpec } from "../../../domain/job/job.ts";
import { JOB_KINDS, JOB_STATES, MISFIRE_POLICIES, OVERLAP_POLICIES } from "../../../domain/job/job.ts";
import { isAllowed, type Role } from "../../../domain/workspace/workspace.ts";
import { iso, isoOrNull } from "../../time.ts";
import { ExecutionSummarySchema, EXECUTION_SUMMARY_EXAMPLE, fromExecutionSummary } from "./execution.ts";
import { RequestSchema, RetryPolicySchema, fromRequest, fromRetryPolicy } from "./request.ts";
import { fromStep } from "./stepConversions.ts";
import { StepSchema } from "./steps.ts";
import { momentOut } from "./time.ts";
import { WebhookSchema, fromTrigger, fromWebhook, triggerMembers } from "./webhook.ts";

const ScheduleSchema = z
  .strictObject({
    every_n_minutes: z.int().optional(),
    cron: z.string().optional(),
    timezone: z.string().optional(),
    dst: z.strictObject({ gap: z.enum(["run", "skip"]), repeat: z.enum(["once", "twice"]) }).optional(),
    run_at: momentOut().optional(),
  })
  .openapi("Schedule", { description: "The members of the job's kind; none for one_time." });

/** Which of them a job has follows from its kind. */
export const definitionMembers = {
  schedule: ScheduleSchema,
  request: RequestSchema.optional().openapi({ description: "Of plain kinds." }),
  retry_policy: RetryPolicySchema.optional().openapi({ description: "Of plain kinds." }),
  steps: z.array(StepSchema).optional().openapi({ description: "Of workflow and webhook_trigger, as the next three." }),
  env: z.record(z.string(), z.unknown()).optional(),
  input_schema: z.unknown().optional(),
  response_output_template: z.unknown().optional(),
  webhook: WebhookSchema.optional().openapi({ description: "Of webhook_trigger." }),
};

/** What decides how many executions go on at a time, and whether any does. */
export const queueMembers = {
  concurrency_limit: z.int(),
  concurrency_override: z.int().nullable().openapi({ description: "Holds in place of `concurrency_limit` while set." }),
  queue_paused: z.boolean().openapi({ description: "Nothing is sent while this is set; starts stay queued." }),
};

export function fromQueue(
  job: Pick<Job, "concurrencyLimit" | "concurrencyOverride" | "queuePaused">,
): Pick<z.output<typeof JobSchema>, keyof typeof queueMembers> {
  return {
    concurrency_limit: job.concurrencyLimit,
    concurrency_override: job.concurrencyOverride?.limit ?? null,
    queue_paused: job.queuePaused,
  };
}

export const JobSchema = z
  .strictObject({
    id: z.string(),
    name: z.string(),
    kind: z.enum(JOB_KINDS),
    state: z.enum(JOB_STATES),
    ...definitionMembers,
    ...triggerMembers,
    ...queueMembers,
    overlap_policy: z.enum(OVERLAP_POLICIES),
    misfire_policy: z.enum(MISFIRE_POLICIES),
    next_run_at: momentOut().nullable().openapi({ description: "null unless the job is active and still to run." }),
    last_execution: ExecutionSummarySchema.nullable().openapi({ description: "The newest by due time." }),
    created_at: momentOut(),
    updated_at: momentOut(),
    version: z.int().openapi({ description: "Starts at 1 and rises with every change." }),
  })
  .openapi("Job");

/** As `role` may see it: a webhook's token starts executions, so it is shown to those who may start them. */
export function fromJobView(view: JobView, role: Role): z.output<typeof JobSchema> {
  const { job, nextRunAtMs, lastExecution } = view;
  return {
    id: job.id,
    name: job.name,
    kind: job.schedule.kind,
    state: job.state,
    ...fromDefinition(job),
    ...fromTrigger(isAllowed(role, "write") ? view : { ...view, triggerToken: null }),
    ...fromQueue(job),
    overlap_policy: job.overlapPolicy,
    misfire_policy: job.misfirePolicy,
    next_run_at: isoOrNull(nextRunAtMs),
    last_execution: lastExecution === null ? null : fromExecutionSummary(lastExecution, role),
    created_at: iso(job.createdAtMs),
    updated_at: iso(job.updatedAtMs),
    version: job.version,
  };
}

type Definition = Pick<
  Job,
  "schedule" | "request" | "retryPolicy" | "steps" | "env" | "inputSchema" | "responseOutputTemplate" | "webhook"
>;

export function fromDefinition(job: Definition): Pick<z.output<typeof JobSchema>, keyof typeof definitionMembers> {
  const schedule = fromSchedule(job.schedule);
  if (job.steps === null) {
    return { schedule, request: fromRequest(job.request), retry_policy: fromRetryPolicy(job.retryPolicy) };
  }
  return {
    schedule,
    steps: job.steps.map(fromStep),
    env: { ...job.env },
    input_schema: job.inputSchema,
    response_output_template: job.responseOutputTemplate,
    ...(job.webhook === null ? {} : { webhook: fromWebhook(job.webhook) }),
  };
}

function fromSchedule(spec: ScheduleSpec): z.output<typeof ScheduleSchema> {
  switch (spec.kind) {
    case "recurring":
      return { every_n_minutes: spec.everyMinutes };
    case "cron":
      return { cron: spec.cron, timezone: spec.timezone, dst: { gap: spec.dst.gap, repeat: spec.dst.repeat } };
    case "scheduled":
      return { run_at: iso(spec.runAtMs) };
    case "one_time":
    case "webhook_trigger":
      return {};
    case "workflow":
      return spec.timing === null ? {} : fromSchedule(spec.timing);
  }
}

export const JOB_EXAMPLE: z.output<typeof JobSchema> = {
  id: "job_01k8rb2c9078f31njdbhv0m7q2",
  name: "nightly-sync",
  kind: "cron",
  state: "active",
  schedule: { cron: "0 2 * * *", timezone: "Europe/Berlin", dst: { gap: "run", repeat: "once" } },
  request: {
    url: "https://api.example.com/sync",
    method: "POST",
    headers: { "X-Source": "carillon" },
    body: { full: true },
    timeout_seconds: 30,
    success_statuses: [200, 201, 202, 204],
    response_matcher: null,
    assertions: [],
    output: {},
  },
  retry_policy: {
    max_attempts: 5,
    retry_on_statuses: [429, 500, 502, 503, 504],
    retry_on_mismatch: false,
    backoff: { type: "exponential", initial_ms: 500, factor: 2, max_ms: 900_000, jitter: true, list_ms: [] },
    max_duration_seconds: null,
  },
  concurrency_limit: 1,
  concurrency_override: null,
  queue_paused: false,
  overlap_policy: "queue",
  misfire_policy: "fire_once",
  next_run_at: "2030-02-01T01:00:00.000Z",
  last_execution: EXECUTION_SUMMARY_EXAMPLE,
  created_at: "2030-01-30T12:00:00.000Z",
  updated_at: "2030-01-30T12:00:00.000Z",
  version: 1,
};

export const NEW_JOB_EXAMPLE: z.output<typeof JobSchema> = { ...JOB_EXAMPLE, last_execution: null };

const { request: _request, retry_policy: _retryPolicy, ...WITHOUT_REQUEST } = NEW_JOB_EXAMPLE;

export const WEBHOOK_JOB_EXAMPLE: z.output<typeof JobSchema> = {
  ...WITHOUT_REQUEST,
  name: "on-push",
  kind: "webhook_trigger",
  schedule: {},
  steps: [{ id: "note", type: "transform", value: { branch: "{{trigger.body.ref}}" } }],
  env: {},
  input_schema: null,
  response_output_template: null,
  webhook: {
    verification: {
      type: "hmac_sha256",
      header: "x-hub-signature-256",
      prefix: "sha256=",
      encoding: "hex",
      tolerance_seconds: null,
    },
    dedupe: { header: "x-github-delivery", window_seconds: 3_600 },
    filter: { left: "{{trigger.body.ref}}", operator: "eq", right: "refs/heads/main" },
    rate_limit: { requests: 60, per_seconds: 10 },
  },
  webhook_url: "https://carillon.example.com/v1/triggers/whk_q5m2xk7ahz3nw6ueb4tdyrfjcvs2lpiogm5xq7ka",
  webhook_token: "whk_q5m2xk7ahz3nw6ueb4tdyrfjcvs2lpiogm5xq7ka",
  webhook_secret_configured: true,
  concurrency_limit: 10,
  next_run_at: null,
};
