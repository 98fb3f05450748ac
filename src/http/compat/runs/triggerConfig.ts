/** What starts a workflow (facts 2.3), as a schedule of ours and back. */

import { z } from "@hono/zod-openapi";
import type { JobChanges } from "../../../domain/job/editMerge.ts";
import type { ScheduleSpec, Timing } from "../../../domain/job/job.ts";
import { EVERY_MINUTES_MOST, scheduleDraftOf } from "../../../domain/job/validateSchedule.ts";
import type { JsonValue } from "../../../domain/json.ts";
import { DEFAULT_DST_POLICY } from "../../../domain/schedule/schedule.ts";
import { object, text, wholeNumber } from "../../fields.ts";
import { iso } from "../../time.ts";
import { unavailable } from "./unavailable.ts";

const CRON_CHARACTERS_MOST = 1_024;
const INTERVAL_MOST = 525_600;
const UNITS = { minutes: 1, hours: 60, days: 1_440, weeks: 10_080 } as const;

const Interval = object({
  value: wholeNumber(1, INTERVAL_MOST),
  unit: z.enum(["minutes", "hours", "days", "weeks"], { error: 'must be "minutes", "hours", "days" or "weeks"' }),
}).refine(({ value, unit }) => value * UNITS[unit] <= EVERY_MINUTES_MOST, {
  error: 'may be at most one day here; write longer ones as cron, such as "0 9 * * 1" for every Monday',
});

const ScheduleTrigger = object({
  type: z.literal("schedule"),
  cron: text(1, CRON_CHARACTERS_MOST).optional(),
  interval: Interval.optional(),
  timezone: text(1, 64).optional(),
  enabled: z.literal(true, { error: "must be true; a workflow that is not to run is a draft, or paused" }).optional(),
}).refine(({ cron, interval }) => (cron === undefined) !== (interval === undefined), {
  error: "must have either cron or interval, and not both",
});

/** Our URLs hold a secret of their own; who else may post is asked for in the native API. */
const VERIFICATION = "PATCH the job in /v1/jobs with webhook.verification, which takes the provider's secret too";

const WebhookTrigger = object({
  type: z.literal("webhook"),
  provider: z
    .literal("custom", { error: `must be "custom"; for signatures of a provider, ${VERIFICATION}` })
    .optional(),
  events: unavailable('use a "condition" step, or webhook.filter in /v1/jobs'),
  path: unavailable("post to the url that the workflow is shown with"),
  verifySignature: z.literal(false, { error: `must be false; ${VERIFICATION}` }).optional(),
});

const TYPES = 'must be of type "api", "schedule" or "webhook"';

export const TriggerInput = z.discriminatedUnion(
  "type",
  [object({ type: z.literal("api") }), ScheduleTrigger, WebhookTrigger],
  { error: ({ input }) => (input === undefined ? "is required: an object with a type" : TYPES) },
);
export type TriggerWire = z.output<typeof TriggerInput>;

export function toSchedule(wire: TriggerWire): ScheduleSpec {
  switch (wire.type) {
    case "api":
      return { kind: "workflow", timing: null };
    case "webhook":
      return { kind: "webhook_trigger" };
    case "schedule":
      return { kind: "workflow", timing: toTiming(wire) };
  }
}

function toTiming({ cron = "", interval, timezone = "UTC" }: z.output<typeof ScheduleTrigger>): Timing {
  if (interval !== undefined) return { kind: "recurring", everyMinutes: interval.value * UNITS[interval.unit] };
  return { kind: "cron", cron, timezone, dst: DEFAULT_DST_POLICY };
}

/** A schedule in the place of whatever there was. */
export function scheduleChanges(spec: ScheduleSpec): Pick<JobChanges, "kind" | "schedule"> {
  const { everyMinutes = null, cron = null, timezone = null, runAtMs = null } = scheduleDraftOf(spec);
  return { kind: spec.kind, schedule: { everyMinutes, cron, timezone, dst: null, runAtMs } };
}

/** `webhookUrl` is `null` where it must not or cannot be shown. One moment, which this API does not have, is `runAt`. */
export function fromSchedule(spec: ScheduleSpec, webhookUrl: string | null): Readonly<Record<string, JsonValue>> {
  switch (spec.kind) {
    case "workflow":
      return spec.timing === null ? { type: "api" } : fromSchedule(spec.timing, null);
    case "recurring":
      return { type: "schedule", interval: fromMinutes(spec.everyMinutes), timezone: "UTC", enabled: true };
    case "cron":
      return { type: "schedule", cron: spec.cron, timezone: spec.timezone, enabled: true };
    case "scheduled":
      return { type: "schedule", runAt: iso(spec.runAtMs), timezone: "UTC", enabled: true };
    case "one_time":
      return { type: "api" };
    case "webhook_trigger":
      return { type: "webhook", provider: "custom", ...(webhookUrl === null ? {} : { url: webhookUrl }) };
  }
}

function fromMinutes(minutes: number): { readonly value: number; readonly unit: string } {
  const unit = (["days", "hours"] as const).find((each) => minutes % UNITS[each] === 0) ?? "minutes";
  return { value: minutes / UNITS[unit], unit };
}
