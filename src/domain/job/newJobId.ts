/** Where a new job is to live: the id says it, and never changes. */

import type { Random } from "../clock.ts";
import { newId, newSharedJobId, setOfHour, setOfMinute } from "../ids.ts";
import { nextAfter } from "../schedule/schedule.ts";
import { hasSteps, isOneShot, type Job, scheduleOf } from "./job.ts";

/**
 * Plain jobs that fire together share objects, since an object of its own costs more than a whole execution, and thousands
 * that are due at one instant would each wake one: those that fire once by the hour in which they do (ADR 0018), those that
 * repeat by the minute of the hour in which they first do (ADR 0019). A job with steps may wait, hold data and be called
 * from outside as long and as often as its author likes, and has an object of its own.
 */
export function newJobId(job: Pick<Job, "schedule" | "createdAtMs" | "scheduleFromMs">, random: Random): string {
  const { schedule, createdAtMs, scheduleFromMs } = job;
  if (hasSteps(schedule.kind)) return newId("job", createdAtMs, random);
  const dueMs = nextAfter(scheduleOf(job), scheduleFromMs - 1) ?? createdAtMs;
  return newSharedJobId(createdAtMs, isOneShot(schedule) ? setOfHour(dueMs) : setOfMinute(dueMs), random);
}
