/** What is shown with a run besides itself: its labels, its schedule, and the runs that started it or that it started. */

import { ancestorsOf } from "../../../app/executions/ancestors.ts";
import { labelsOf } from "../../../app/executions/labels.ts";
import { getSchedule } from "../../../app/schedules/taskSchedules.ts";
import type { Services } from "../../../app/services.ts";
import type { Execution } from "../../../domain/execution/execution.ts";
import type { StepRecord } from "../../../domain/execution/stepRecord.ts";
import type { RelatedRun, RunContext } from "./runView.ts";
import { asRunSource } from "./runView.ts";

/** Children that are shown with a run, the oldest: a `for_each` may start a thousand. */
const CHILDREN_MOST = 100;

export async function runContext(services: Services, workspaceId: string, execution: Execution): Promise<RunContext> {
  const { id, jobId, parent, source, workflow } = execution;
  const starters = (workflow?.steps ?? []).filter((step) => step.child !== null).slice(0, CHILDREN_MOST);
  const childIds = starters.flatMap(({ child }) => (child === null ? [] : [child]));
  const [ancestors, schedule, found] = await Promise.all([
    ancestorsOf(services, workspaceId, execution),
    source === "schedule" ? getSchedule(services, workspaceId, jobId) : null,
    childIds.length === 0 ? null : services.executions.summaries(workspaceId, childIds),
  ]);
  const labels = await labelsOf(services, workspaceId, [id, ...ancestors.map((each) => each.id), ...childIds]);
  const asAncestor = (ancestor: Execution | undefined): RelatedRun | null =>
    ancestor === undefined
      ? null
      : {
          run: asRunSource(ancestor),
          labels: labels.get(ancestor.id),
          depth: ancestor.parent?.depth ?? 0,
          isAwaited: ancestor.parent?.waits === true,
        };
  return {
    labels: labels.get(id),
    // A job that was deleted, or whose timing was changed since, is no schedule any more.
    schedule: schedule?.ok === true ? schedule.value : null,
    root: asAncestor(ancestors.at(-1)),
    parent: asAncestor(ancestors[0]),
    children: starters.flatMap((step) => {
      const run = found?.get(step.child ?? "");
      if (run === undefined) return [];
      return [{ run, labels: labels.get(run.id), depth: (parent?.depth ?? 0) + 1, isAwaited: isAwaited(step) }];
    }),
  };
}

/** A `run_job` step that does not wait has succeeded with the child's id alone. */
function isAwaited({ status, output }: StepRecord): boolean {
  if (status !== "succeeded") return true;
  return typeof output === "object" && output !== null && "status" in output;
}
