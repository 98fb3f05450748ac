/** What starts a workflow, in the words of the Trigify API. */

import type { ExecutionSource } from "../../../domain/execution/execution.ts";
import type { ScheduleSpec, Timing } from "../../../domain/job/job.ts";
import type { JsonValue } from "../../../domain/json.ts";
import { iso } from "../../time.ts";

export interface Trigger {
  readonly kind: string;
  readonly inputs: Readonly<Record<string, JsonValue>>;
}

const SCHEDULED = "workflows/scheduled-trigger";
const WEBHOOK = "workflows/webhook";

/** The other API knows the first two; the rest are told by our own names. */
export function triggerOfSource(source: ExecutionSource): string {
  if (source === "schedule") return SCHEDULED;
  return source === "webhook" ? WEBHOOK : `workflows/${source}`;
}

export function toTrigger(schedule: ScheduleSpec): Trigger {
  switch (schedule.kind) {
    case "webhook_trigger":
      return { kind: WEBHOOK, inputs: {} };
    case "one_time":
      return { kind: SCHEDULED, inputs: {} };
    case "workflow":
      return schedule.timing === null ? { kind: triggerOfSource("manual"), inputs: {} } : scheduled(schedule.timing);
    default:
      return scheduled(schedule);
  }
}

function scheduled(timing: Timing): Trigger {
  switch (timing.kind) {
    case "recurring":
      return { kind: SCHEDULED, inputs: { every_n_minutes: timing.everyMinutes } };
    case "cron":
      return { kind: SCHEDULED, inputs: { cron: timing.cron, timezone: timing.timezone } };
    case "scheduled":
      return { kind: SCHEDULED, inputs: { run_at: iso(timing.runAtMs) } };
  }
}
