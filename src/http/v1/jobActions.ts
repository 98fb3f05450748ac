/** `/v1/jobs/{job_id}/…`: pause, resume, activate, and when it is due. */

import { transitionJob } from "../../app/jobs/changeJob.ts";
import { findJob, viewJob } from "../../app/jobs/viewJob.ts";
import { upcomingTimes } from "../../app/schedules/previewSchedule.ts";
import type { Transition } from "../../domain/job/edit.ts";
import { ok } from "../../domain/result.ts";
import { object, wholeNumber } from "../fields.ts";
import type { Operation } from "../operation.ts";
import { jsonBody } from "../operation.ts";
import { readBody, readQuery } from "../readInput.ts";
import { iso } from "../time.ts";
import { JOB_EXAMPLE, JobSchema, fromJobView } from "./schemas/job.ts";
import { UPCOMING_EXAMPLE, UpcomingSchema } from "./schemas/upcoming.ts";

/** An action that takes nothing: no body, or an empty object. */
export const NothingBody = object({}).openapi("Nothing");
export const NOTHING = { schema: NothingBody, example: {}, optional: true } as const;

function transitionOperation(
  transition: Transition,
  words: { readonly summary: string; readonly description: string },
  example: typeof JOB_EXAMPLE,
): Operation {
  return {
    access: "write",
    contract: {
      id: `${transition}Job`,
      method: "post",
      path: `/v1/jobs/{job_id}/${transition}`,
      tag: "Jobs",
      ...words,
      body: NOTHING,
      answers: { 200: { description: "The job as it is now.", schema: JobSchema, example } },
      errors: ["not_found", "invalid_state", "job_completed", "run_at_passed", "edit_conflict", "actor_unavailable"],
    },
    async handle(input) {
      const { services, workspaceId, id } = input;
      const body = readBody(NothingBody, jsonBody(input));
      if (!body.ok) return body;
      const job = await transitionJob(services, workspaceId, id, transition);
      return job.ok
        ? ok({ status: 200, body: fromJobView(await viewJob(services, job.value), input.token.role) })
        : job;
    },
  };
}

export const pauseJobOperation = transitionOperation(
  "pause",
  {
    summary: "Pause a job",
    description:
      "Suspends the schedule of an active job. Scheduled executions that are queued wait until it is resumed; those by " +
      "hand run on. A paused job stays as it is.",
  },
  { ...JOB_EXAMPLE, state: "paused", next_run_at: null, version: 2 },
);

export const resumeJobOperation = transitionOperation(
  "resume",
  {
    summary: "Resume a job",
    description:
      "Makes a paused job active. Its next run is worked out from now; what passed meanwhile is not made up for. A " +
      "scheduled job whose run_at has passed needs a new one first.",
  },
  { ...JOB_EXAMPLE, version: 3 },
);

export const activateJobOperation = transitionOperation(
  "activate",
  { summary: "Activate a draft", description: "Starts a job that was created as a draft." },
  { ...JOB_EXAMPLE, version: 2 },
);

/** Of upcoming times, by default. */
export const UPCOMING_DEFAULT = 10;

const UpcomingQuery = object({
  count: wholeNumber(1, 100)
    .optional()
    .openapi({ description: `How many times; default ${UPCOMING_DEFAULT}.` }),
});

export const upcomingOperation: Operation = {
  access: "read",
  contract: {
    id: "listUpcoming",
    method: "get",
    path: "/v1/jobs/{job_id}/upcoming",
    tag: "Jobs",
    summary: "When a job is due next",
    description: "The next due times; none unless the job is active.",
    query: UpcomingQuery,
    queryExample: "?count=2",
    answers: { 200: { description: "The times.", schema: UpcomingSchema, example: UPCOMING_EXAMPLE } },
    errors: ["not_found"],
  },
  async handle({ services, workspaceId, id, query }) {
    const read = readQuery(UpcomingQuery, query);
    if (!read.ok) return read;
    const job = await findJob(services, workspaceId, id);
    if (!job.ok) return job;
    const { description, timesMs } = upcomingTimes(services, job.value, read.value.count ?? UPCOMING_DEFAULT);
    return ok({ status: 200, body: { kind: job.value.schedule.kind, description, upcoming: timesMs.map(iso) } });
  },
};
