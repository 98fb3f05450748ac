/** Schedules in words, for previews and lists. */

import cronstrue from "cronstrue";
import { parseCron } from "./cron.ts";
import type { Schedule } from "./schedule.ts";

/** Largest first, so that an interval is told in the largest unit that divides it. */
const UNITS = [
  ["week", 604_800_000],
  ["day", 86_400_000],
  ["hour", 3_600_000],
  ["minute", 60_000],
  ["second", 1000],
] as const;

/** One English sentence without a full stop, on a 24-hour clock: "At 02:00, Europe/Berlin". */
export function describeSchedule(schedule: Schedule): string {
  switch (schedule.type) {
    case "interval":
      return describeInterval(schedule.everyMs);
    case "cron":
      return `${describeCron(schedule.expression)}, ${schedule.timezone}`;
    case "once":
      return `Once at ${new Date(schedule.atMs).toISOString()}`;
    case "none":
      return "Only when started by hand, by the API or by a webhook";
  }
}

function describeInterval(everyMs: number): string {
  const unit = UNITS.find(([, unitMs]) => everyMs % unitMs === 0);
  if (unit === undefined) return `Every ${everyMs} milliseconds`;
  const count = everyMs / unit[1];
  return count === 1 ? `Every ${unit[0]}` : `Every ${count} ${unit[0]}s`;
}

function describeCron(expression: string): string {
  const parsed = parseCron(expression);
  if (!parsed.ok) return `Cron ${expression}`;
  return cronstrue.toString(parsed.value.expression, {
    use24HourTimeFormat: true,
    // The words follow the rule by which the matcher joins the two day fields.
    logicalAndDayFields: !parsed.value.eitherDay,
  });
}
