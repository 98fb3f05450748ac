/** Every job that runs a task: the task itself, and the schedules that follow it. */

import { ok } from "../../domain/result.ts";
import type { Outcome } from "../errors.ts";
import type { Services } from "../services.ts";
import { findTask } from "./findTask.ts";

/** Their ids, the task's first. */
export async function jobsOfTask(
  services: Pick<Services, "jobs" | "scheduleBindings">,
  workspaceId: string,
  idOrName: string,
): Promise<Outcome<readonly string[]>> {
  const task = await findTask(services, workspaceId, idOrName);
  if (!task.ok) return task;
  const schedules = await services.scheduleBindings.listOfTask(workspaceId, task.value.id);
  return ok([task.value.id, ...schedules.map(({ jobId }) => jobId)]);
}
