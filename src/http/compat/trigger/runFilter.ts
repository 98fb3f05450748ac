/** Which runs a client asks for, in a list's parameters or in a bulk action's body, translated into a query of the history. */

import { z } from "@hono/zod-openapi";
import type { Outcome } from "../../../app/errors.ts";
import { invalid } from "../../../app/errors.ts";
import { jobsOfTask } from "../../../app/jobs/jobsOfTask.ts";
import type { Services } from "../../../app/services.ts";
import type { ExecutionFilter } from "../../../domain/execution/executionFilter.ts";
import { ok } from "../../../domain/result.ts";
import { optional } from "../../fields.ts";
import { textList, textOrNumber } from "./bodies.ts";
import { askedRange, readCreatedRange } from "./createdRange.ts";
import { fromScheduleId } from "./ids.ts";
import { RUN_STATUSES, statusFilters } from "./runStatus.ts";
import { ENVIRONMENT_NAME } from "./runView.ts";

/** The same words in both places; in a body, queues are `{type, name}`. */
const queue = z.object({ type: z.enum(["task", "custom"]), name: z.string() });
export const RunFilterBody = z.object({
  status: optional(textList()),
  taskIdentifier: optional(textList()),
  version: optional(textList()),
  from: optional(textOrNumber("a date in ISO 8601")),
  to: optional(textOrNumber("a date in ISO 8601")),
  period: optional(z.string()),
  bulkAction: optional(z.string()),
  tag: optional(textList()),
  schedule: optional(z.string()),
  isTest: optional(z.boolean()),
  batch: optional(z.string()),
  queue: optional(z.union([queue, z.array(queue)]).transform((given) => (Array.isArray(given) ? given : [given]))),
  machine: optional(textList()),
  region: optional(textList()),
  error: optional(z.string()),
  env: optional(textList()),
});
export type RunFilter = z.output<typeof RunFilterBody>;

/** Empty parameters ask for nothing in particular. */
export function readRunFilter(query: URLSearchParams): Outcome<RunFilter> {
  const text = (name: string): string | undefined => {
    const value = query.get(`filter[${name}]`)?.trim();
    return value === undefined || value === "" ? undefined : value;
  };
  const list = (name: string): string[] | undefined => {
    const values = text(name)
      ?.split(",")
      .map((value) => value.trim());
    return values?.filter((value) => value !== "");
  };
  const isTest = text("isTest");
  if (isTest !== undefined && isTest !== "true" && isTest !== "false") {
    return invalid([{ path: "filter[isTest]", message: "must be true or false" }]);
  }
  return ok({
    status: list("status"),
    taskIdentifier: list("taskIdentifier"),
    version: list("version"),
    tag: list("tag"),
    machine: list("machine"),
    region: list("region"),
    env: list("env"),
    queue: list("queue")?.map(queueOf),
    bulkAction: text("bulkAction"),
    schedule: text("schedule"),
    batch: text("batch"),
    error: text("error"),
    isTest: isTest === undefined ? undefined : isTest === "true",
    ...askedRange(query),
  });
}

/** A task's own queue is written `task/NAME`. */
function queueOf(text: string): { type: "task" | "custom"; name: string } {
  return text.startsWith("task/") ? { type: "task", name: text.slice("task/".length) } : { type: "custom", name: text };
}

/** The query; `null` when nothing can match, as with a machine or a test run, which there are none of. */
export async function toHistoryFilter(
  services: Services,
  workspaceId: string,
  filter: RunFilter,
): Promise<Outcome<ExecutionFilter | null>> {
  const statuses = filter.status == null ? null : statusFilters(filter.status);
  if (statuses === undefined) {
    return invalid([{ path: "filter[status]", message: `must be one or more of ${RUN_STATUSES.join(", ")}` }]);
  }
  const created = readCreatedRange(filter, services.clock.now());
  if (!created.ok) return created;
  const jobVersions = readVersions(filter.version);
  if (statuses?.length === 0 || jobVersions?.length === 0 || asksForWhatIsNot(filter)) return ok(null);
  const scope = await jobScope(services, workspaceId, filter);
  if (!scope.ok || scope.value === null) return scope;
  return ok({
    ...created.value,
    ...scope.value,
    ...(statuses === null ? {} : { statuses }),
    ...(jobVersions === null ? {} : { jobVersions }),
    ...(filter.tag == null || filter.tag.length === 0 ? {} : { tags: filter.tag }),
    ...(filter.batch == null ? {} : { batchId: filter.batch }),
    ...(filter.bulkAction == null ? {} : { bulkActionId: filter.bulkAction }),
  });
}

/** Runs are on no machine, in no region, have no fingerprint of their error, and none is a test. */
function asksForWhatIsNot({ machine, region, error, isTest, env }: RunFilter): boolean {
  const isElsewhere = env != null && env.length > 0 && !env.includes(ENVIRONMENT_NAME);
  return (machine ?? []).length > 0 || (region ?? []).length > 0 || error != null || isTest === true || isElsewhere;
}

type JobScope = Pick<ExecutionFilter, "jobIds" | "sources">;

/** Tasks, queues and a schedule each name jobs; together they name those that all of them do. */
async function jobScope(services: Services, workspaceId: string, filter: RunFilter): Promise<Outcome<JobScope | null>> {
  const { taskIdentifier, queue, schedule } = filter;
  const named: (readonly string[])[] = [];
  for (const tasks of [taskIdentifier, queue?.map(({ name }) => name)]) {
    if (tasks == null || tasks.length === 0) continue;
    const jobs = await Promise.all([...new Set(tasks)].map((task) => jobsOfTask(services, workspaceId, task)));
    // A name that no job has names none.
    named.push(jobs.flatMap((found) => (found.ok ? found.value : [])));
  }
  if (schedule != null) named.push([fromScheduleId(schedule) ?? ""]);
  const [first, ...others] = named;
  if (first === undefined) return ok({});
  const jobIds = first.filter((id) => id !== "" && others.every((ids) => ids.includes(id)));
  if (jobIds.length === 0) return ok(null);
  return ok({ jobIds, ...(schedule == null ? {} : { sources: ["schedule"] }) });
}

/** A version is the number of a job's definition; any other text is one that no run has. */
function readVersions(versions: readonly string[] | null | undefined): readonly number[] | null {
  if (versions == null || versions.length === 0) return null;
  return versions.filter((version) => /^\d{1,9}$/.test(version)).map(Number);
}
