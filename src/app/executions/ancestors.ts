/** The executions above one that a `run_job` step started. */

import type { Execution } from "../../domain/execution/execution.ts";
import type { Services } from "../services.ts";
import { getExecution } from "./getExecution.ts";

/** From its parent up to its root: at most as many as executions may be deep. One too old for the history ends the line. */
export async function ancestorsOf(
  services: Services,
  workspaceId: string,
  execution: Execution,
): Promise<readonly Execution[]> {
  const ancestors: Execution[] = [];
  for (let link = execution.parent; link !== null;) {
    const found = await getExecution(services, workspaceId, link.executionId);
    if (!found.ok) break;
    ancestors.push(found.value);
    link = found.value.parent;
  }
  return ancestors;
}
