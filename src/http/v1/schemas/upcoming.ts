/** Due times to come, of a job or of a schedule that is only tried out. */

import { z } from "@hono/zod-openapi";
import { JOB_KINDS } from "../../../domain/job/job.ts";
import { momentOut } from "./time.ts";

export const UpcomingSchema = z
  .strictObject({
    kind: z.enum(JOB_KINDS),
    description: z.string().openapi({ description: "The schedule in an English sentence." }),
    upcoming: z.array(momentOut()),
  })
  .openapi("Upcoming");

export const UPCOMING_EXAMPLE: z.output<typeof UpcomingSchema> = {
  kind: "cron",
  description: "At 02:00, Europe/Berlin",
  upcoming: ["2030-01-31T01:00:00.000Z", "2030-02-01T01:00:00.000Z"],
};
