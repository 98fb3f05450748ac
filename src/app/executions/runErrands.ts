/** Carries what one job's actor has to tell others: starts children, cancels them, and reports their ends. */

import type { ErrandOrder, ErrandOutcome } from "../../domain/engine/errands.ts";
import type { TriggerAnswer } from "../../domain/engine/protocol.ts";
import type { JobActors, JobRepository } from "../ports.ts";
import { sideBySide } from "../sideBySide.ts";

export interface ErrandDeps {
  readonly actors: JobActors;
  readonly jobs: Pick<JobRepository, "find">;
  readonly report: (event: string, error: unknown) => void;
}

/** Errands that are carried side by side: each is two short calls to actors. */
const AT_A_TIME = 10;

/** Idempotent, and safe to lose: what fails here is asked for again by the actor that it is owed to. */
export async function runErrands(jobId: string, deps: ErrandDeps): Promise<void> {
  const orders = await deps.actors.of(jobId).errands();
  await sideBySide(orders, AT_A_TIME, (order) => runErrand(jobId, order, deps));
}

async function runErrand(jobId: string, order: ErrandOrder, deps: ErrandDeps): Promise<void> {
  try {
    const outcome = await carry(order, deps);
    if (outcome !== null) await deps.actors.of(jobId).errandDone(order.id, outcome);
  } catch (error) {
    deps.report("errand.failed", error);
  }
}

/** `null`: not now; it stays owed. */
async function carry(order: ErrandOrder, deps: ErrandDeps): Promise<ErrandOutcome | null> {
  switch (order.type) {
    case "start_child":
      return startOutcome(await startChild(order, deps), order.jobId);
    case "notify_parent":
      await deps.actors.of(order.end.executionId).childEnded(order.end);
      return { type: "done" };
    case "cancel_child":
      await deps.actors.of(order.childId).cancelChild(order.workspaceId, order.childId);
      return { type: "done" };
  }
}

/** An actor that does not know its job is given the definition, which it may have missed. */
async function startChild(
  order: Extract<ErrandOrder, { type: "start_child" }>,
  deps: ErrandDeps,
): Promise<TriggerAnswer> {
  const { workspaceId, jobId, childId, parent, input } = order;
  const request = { workspaceId, source: "job", replayedFrom: null, executionId: childId, parent, input } as const;
  const answer = await deps.actors.of(jobId).trigger(request);
  if (answer.type !== "unknown_job") return answer;
  const job = await deps.jobs.find(workspaceId, jobId);
  if (job === null) return answer;
  await deps.actors.of(jobId).apply(job);
  return await deps.actors.of(jobId).trigger(request);
}

function startOutcome(answer: TriggerAnswer, jobId: string): ErrandOutcome | null {
  switch (answer.type) {
    case "started":
    case "duplicate":
      return { type: "done" };
    case "backlog_full":
      return null;
    case "invalid_input": {
      const message = `${jobId} does not take this input: ${answer.issues.map((issue) => `${issue.path} ${issue.message}`).join("; ")}.`;
      return { type: "refused", error: { code: "invalid_input", message } };
    }
    case "unknown_job":
      return {
        type: "refused",
        error: {
          code: "unknown_job",
          message: `This workspace has no job ${jobId}; correct job_id of the run_job step.`,
        },
      };
  }
}
