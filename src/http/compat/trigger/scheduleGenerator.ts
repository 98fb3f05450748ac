/** When a schedule fires, as the client reads it: cron is the only type that it knows. */

import { describeSchedule } from "../../../domain/schedule/preview.ts";
import { DEFAULT_DST_POLICY } from "../../../domain/schedule/schedule.ts";

export function scheduleGenerator(cron: string, timezone: string) {
  const schedule = { type: "cron", expression: cron, timezone, dst: DEFAULT_DST_POLICY } as const;
  return { type: "CRON", expression: cron, description: describeSchedule(schedule) } as const;
}
