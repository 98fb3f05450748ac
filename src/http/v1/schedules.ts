/** `POST /v1/schedules/preview`: tries a schedule out. */

import type { z } from "@hono/zod-openapi";
import { previewSchedule } from "../../app/schedules/previewSchedule.ts";
import { ok } from "../../domain/result.ts";
import type { Operation } from "../operation.ts";
import { jsonBody } from "../operation.ts";
import { iso } from "../time.ts";
import { UPCOMING_DEFAULT } from "./jobActions.ts";
import { PreviewBody, readLeniently, toScheduleChanges } from "./schemas/jobInput.ts";
import { UPCOMING_EXAMPLE, UpcomingSchema } from "./schemas/upcoming.ts";

export const previewScheduleOperation: Operation = {
  access: "read",
  contract: {
    id: "previewSchedule",
    method: "post",
    path: "/v1/schedules/preview",
    tag: "Schedules",
    summary: "Preview a schedule",
    description: "When a schedule would fire, and the same in an English sentence. Nothing is saved.",
    body: {
      schema: PreviewBody,
      example: { kind: "cron", schedule: { cron: "0 2 * * *", timezone: "Europe/Berlin" }, count: 2 },
    },
    answers: { 200: { description: "The times.", schema: UpcomingSchema, example: UPCOMING_EXAMPLE } },
    errors: [],
  },
  handle(input) {
    const { value, complaints } = readLeniently(PreviewBody, PreviewBody, jsonBody(input));
    const { kind, schedule, count = UPCOMING_DEFAULT } = value ?? {};
    const changes = { kind, schedule: toScheduleChanges(schedule) };
    const preview = previewSchedule(input.services, { changes, complaints }, count);
    if (!preview.ok) return Promise.resolve(preview);
    const { description, timesMs } = preview.value;
    const body: z.output<typeof UpcomingSchema> = {
      kind: preview.value.kind,
      description,
      upcoming: timesMs.map(iso),
    };
    return Promise.resolve(ok({ status: 200, body }));
  },
};
