/** `schedules.*`: our `cron` jobs, those that follow a task among them. */

import { z } from "@hono/zod-openapi";
import type { Outcome } from "../../../app/errors.ts";
import {
  createOrUpdateSchedule,
  getSchedule,
  listSchedules,
  removeSchedule,
  setScheduleActive,
  updateSchedule,
} from "../../../app/schedules/taskSchedules.ts";
import type { ScheduleView } from "../../../app/schedules/taskSchedules.ts";
import { ok } from "../../../domain/result.ts";
import { optional } from "../../fields.ts";
import type { Answer, Endpoint, WorkspaceInput } from "../../operation.ts";
import { jsonBody, param } from "../../operation.ts";
import { readBody } from "../../readInput.ts";
import { iso } from "../../time.ts";
import { fromScheduleId, toScheduleId } from "./ids.ts";
import { readOffsetPage, toOffsetPagination } from "./pageQuery.ts";
import { unprocessable } from "./refusal.ts";
import { scheduleGenerator } from "./scheduleGenerator.ts";

/** Facts 3.5. */
const PER_PAGE_DEFAULT = 20;

const ScheduleBody = z.object({
  task: z.string(),
  cron: z.string(),
  timezone: optional(z.string()),
  externalId: optional(z.string().max(255)),
  /** Spreads what is due over a stretch of time. Everything here is due at its time, so nothing has to be spread. */
  window: optional(z.string()),
});
const NewScheduleBody = ScheduleBody.extend({ deduplicationKey: optional(z.string().max(255)) });

/** The same `deduplicationKey` changes the schedule that has it. */
export const createSchedule: Endpoint = {
  access: "write",
  contract: { id: "createSchedule", method: "post", path: "/api/v1/schedules", body: {} },
  async handle(input) {
    const body = readBody(NewScheduleBody, jsonBody(input));
    if (!body.ok) return body;
    const wanted = { ...toInput(body.value), deduplicationKey: body.value.deduplicationKey ?? null };
    return await answerChanged(
      input,
      wanted.task,
      await createOrUpdateSchedule(input.services, input.workspaceId, wanted),
    );
  },
};

export const listAllSchedules: Endpoint = {
  access: "read",
  contract: { id: "listSchedules", method: "get", path: "/api/v1/schedules" },
  async handle({ services, workspaceId, query }) {
    const page = readOffsetPage(query, PER_PAGE_DEFAULT);
    if (!page.ok) return page;
    const { schedules, count } = await listSchedules(services, workspaceId, page.value);
    const body = { data: schedules.map(toSchedule), pagination: toOffsetPagination(page.value, count) };
    return ok({ status: 200, body });
  },
};

export const retrieveSchedule: Endpoint = {
  access: "read",
  contract: { id: "retrieveSchedule", method: "get", path: "/api/v1/schedules/{schedule_id}" },
  handle: async (input) => answer(await getSchedule(input.services, input.workspaceId, jobIdIn(input))),
};

export const changeSchedule: Endpoint = {
  access: "write",
  contract: { id: "updateSchedule", method: "put", path: "/api/v1/schedules/{schedule_id}", body: {} },
  async handle(input) {
    const body = readBody(ScheduleBody, jsonBody(input));
    if (!body.ok) return body;
    const wanted = toInput(body.value);
    const changed = await updateSchedule(input.services, input.workspaceId, jobIdIn(input), wanted);
    return await answerChanged(input, wanted.task, changed);
  },
};

export const activateSchedule: Endpoint = setActive("activateSchedule", "activate", true);
export const deactivateSchedule: Endpoint = setActive("deactivateSchedule", "deactivate", false);

function setActive(id: string, action: string, active: boolean): Endpoint {
  const path = `/api/v1/schedules/{schedule_id}/${action}`;
  return {
    access: "write",
    contract: { id, method: "post", path, body: { optional: true } },
    handle: async (input) => answer(await setScheduleActive(input.services, input.workspaceId, jobIdIn(input), active)),
  };
}

export const deleteSchedule: Endpoint = {
  access: "write",
  contract: { id: "deleteSchedule", method: "delete", path: "/api/v1/schedules/{schedule_id}" },
  async handle(input) {
    const jobId = jobIdIn(input);
    const removed = await removeSchedule(input.services, input.workspaceId, jobId);
    return removed.ok ? ok({ status: 200, body: { id: toScheduleId(jobId) } }) : removed;
  },
};

/** As the client reads it. Only cron is known to it, which every schedule here has. */
export function toSchedule(view: ScheduleView) {
  const { job, binding, cron, timezone, active, nextRunAtMs } = view;
  return {
    id: toScheduleId(job.id),
    type: binding === null ? "DECLARATIVE" : "IMPERATIVE",
    task: job.name,
    active,
    ...(binding?.deduplicationKey == null ? {} : { deduplicationKey: binding.deduplicationKey }),
    ...(binding?.externalId == null ? {} : { externalId: binding.externalId }),
    generator: scheduleGenerator(cron, timezone),
    timezone,
    ...(nextRunAtMs === null ? {} : { nextRun: iso(nextRunAtMs) }),
    environments: [{ id: job.workspaceId, type: "PRODUCTION" }],
  };
}

function answer(view: Outcome<ScheduleView>): Outcome<Answer> {
  return view.ok ? ok({ status: 200, body: toSchedule(view.value) }) : view;
}

/** A cron expression, a time zone or a task that cannot be is 422, as with Trigger.dev. */
async function answerChanged(
  input: WorkspaceInput,
  task: string,
  view: Outcome<ScheduleView>,
): Promise<Outcome<Answer>> {
  if (view.ok) return answer(view);
  if (view.error.code === "invalid_request") return ok(unprocessable(view.error.issues));
  if (view.error.code !== "not_found") return view;
  // Of a change either the schedule is not there or its task.
  const isChange = input.params["schedule_id"] !== undefined;
  const schedule = isChange ? await getSchedule(input.services, input.workspaceId, jobIdIn(input)) : null;
  return schedule?.ok === false ? schedule : ok(unprocessable([noTask(task)]));
}

function noTask(task: string) {
  return { path: "task", message: `names no job of this workspace: ${JSON.stringify(task)}` };
}

function toInput({ task, cron, timezone, externalId }: z.output<typeof ScheduleBody>) {
  return {
    task,
    cron,
    ...(timezone == null ? {} : { timezone }),
    ...(externalId == null ? {} : { externalId }),
  };
}

/** What cannot be a schedule's id names nothing. */
function jobIdIn(input: WorkspaceInput): string {
  const text = param(input, "schedule_id");
  return fromScheduleId(text) ?? text;
}
