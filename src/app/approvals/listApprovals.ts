/** What waits for a person in a workspace. */

import { ok } from "../../domain/result.ts";
import type { Outcome } from "../errors.ts";
import { badCursor } from "../jobs/viewJob.ts";
import type { Page, PageRequest, WaitingApproval } from "../ports.ts";
import type { Services } from "../services.ts";

export async function listApprovals(
  services: Services,
  workspaceId: string,
  page: PageRequest,
): Promise<Outcome<Page<WaitingApproval>>> {
  const found = await services.executions.listApprovals(workspaceId, page);
  return found === "bad_cursor" ? badCursor() : ok(found);
}
