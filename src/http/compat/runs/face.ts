/** The Runs API (LoopFour's dialect) at `/api/v1`. */

import type { Face } from "../../face.ts";
import type { Endpoint } from "../../operation.ts";
import { refuse } from "./envelope.ts";
import { cancelRun, restartRun, retryRun } from "./runActions.ts";
import { getRun, getRunLogs, listRuns } from "./runs.ts";
import { activateWorkflow, pauseWorkflow, runWorkflow } from "./workflowActions.ts";
import { createWorkflow, deleteWorkflow, getWorkflow, listWorkflows, updateWorkflow } from "./workflows.ts";

const ENDPOINTS: readonly Endpoint[] = [
  listRuns,
  getRun,
  getRunLogs,
  cancelRun,
  retryRun,
  restartRun,
  listWorkflows,
  createWorkflow,
  getWorkflow,
  updateWorkflow,
  deleteWorkflow,
  activateWorkflow,
  pauseWorkflow,
  runWorkflow,
];

/** The one path that Trigger.dev's clients use as well; they come with a Bearer token. */
const SHARED_PATH = "/api/v1/runs";

const OWN_PATH = /^\/api\/v1\/(?:runs|workflows)(?:\/|$)/;

export const runsFace: Face = {
  name: "runs",
  endpoints: ENDPOINTS,
  /**
   * An API key is this API's way to say who asks. Without one, a path that no other API has is enough, unless the client
   * says that it is Trigger.dev's.
   */
  speaks(request) {
    if (request.headers.has("x-api-key")) return true;
    const { pathname, searchParams } = new URL(request.url);
    if (isTriggerDev(request.headers, searchParams)) return false;
    return pathname === SHARED_PATH ? !request.headers.has("authorization") : OWN_PATH.test(pathname);
  },
  owns: (pathname) => OWN_PATH.test(pathname),
  refuse,
};

/** What only Trigger.dev's clients send (facts section 5). */
function isTriggerDev(headers: Headers, query: URLSearchParams): boolean {
  if (headers.has("trigger-version") || headers.has("x-trigger-api-version")) return true;
  return [...query.keys()].some((name) => name.startsWith("page[") || name.startsWith("filter["));
}
