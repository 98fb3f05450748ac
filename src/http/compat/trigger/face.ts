/** The API that the Trigger.dev client speaks. */

import type { Face } from "../../face.ts";
import type { Endpoint } from "../../operation.ts";
import { ABSENT_CALLS } from "./absentCalls.ts";
import { addBatchItems, createBatchOf, retrieveBatch, retrieveBatchV1 } from "./batches.ts";
import { abortBulk, createBulk, listBulk, retrieveBulk } from "./bulkActions.ts";
import { batchTriggerV1, batchTriggerV2 } from "./oldBatches.ts";
import { listQueues, overrideQueue, pauseQueue, resetQueue, retrieveQueue } from "./queues.ts";
import { refusal } from "./refusal.ts";
import { cancelRun, replayRun, rescheduleRun } from "./runActions.ts";
import { addRunTags, getRunMetadata, updateRunMetadata } from "./runLabels.ts";
import { listProjectRuns, listRunEvents, listRuns, retrieveRun, runResult } from "./runs.ts";
import {
  activateSchedule,
  changeSchedule,
  createSchedule,
  deactivateSchedule,
  deleteSchedule,
  listAllSchedules,
  retrieveSchedule,
} from "./schedules.ts";
import { resetIdempotencyKey, triggerTask } from "./tasks.ts";
import { listTimezones } from "./timezones.ts";
import { completeToken, createToken, listTokens, retrieveToken, tokenCallback } from "./waitTokens.ts";

export const ENDPOINTS: readonly Endpoint[] = [
  listRuns,
  listProjectRuns,
  retrieveRun,
  runResult,
  listRunEvents,
  cancelRun,
  replayRun,
  rescheduleRun,
  addRunTags,
  getRunMetadata,
  updateRunMetadata,
  triggerTask,
  resetIdempotencyKey,
  createBatchOf,
  addBatchItems,
  retrieveBatch,
  retrieveBatchV1,
  batchTriggerV2,
  batchTriggerV1,
  createSchedule,
  listAllSchedules,
  retrieveSchedule,
  changeSchedule,
  activateSchedule,
  deactivateSchedule,
  deleteSchedule,
  listTimezones,
  createToken,
  listTokens,
  retrieveToken,
  completeToken,
  tokenCallback,
  listQueues,
  retrieveQueue,
  pauseQueue,
  overrideQueue,
  resetQueue,
  createBulk,
  listBulk,
  retrieveBulk,
  abortBulk,
  ...ABSENT_CALLS,
];

/** Every version of the client says which one it is, except when it asks for the time zones. */
export const triggerFace: Face = {
  name: "trigger.dev",
  endpoints: ENDPOINTS,
  speaks: (request) => hasItsHeaders(request.headers) || hasItsParameters(request.url) || isItsList(request),
  owns: (pathname) => /^\/(?:api\/v[123]|realtime|engine)\//.test(pathname),
  refuse: refusal,
};

function hasItsHeaders(headers: Headers): boolean {
  return headers.has("trigger-version") || headers.has("x-trigger-api-version");
}

function hasItsParameters(url: string): boolean {
  return [...new URL(url).searchParams.keys()].some((name) => name.startsWith("page[") || name.startsWith("filter["));
}

/** `GET /api/v1/runs` is in two APIs, and only the other one takes its key in `x-api-key`. */
function isItsList({ method, url, headers }: Request): boolean {
  const isList = (method === "GET" || method === "HEAD") && new URL(url).pathname === "/api/v1/runs";
  return isList && !headers.has("x-api-key") && /^bearer /i.test(headers.get("authorization") ?? "");
}
