/** Every endpoint of the native API, in the order in which the documentation shows them. */

import type { Operation } from "../operation.ts";
import {
  createTokenOperation,
  createWorkspaceOperation,
  deleteTokenOperation,
  listTokensOperation,
  whoamiOperation,
} from "./access.ts";
import { approvalPageOperation, approveByLinkOperation, rejectByLinkOperation } from "./approvalPages.ts";
import { approveStepOperation, listApprovalsOperation, rejectStepOperation } from "./approvals.ts";
import { callbackOperation } from "./callbacks.ts";
import {
  cancelExecutionOperation,
  getExecutionOperation,
  listExecutionsOperation,
  listJobExecutionsOperation,
  replayExecutionOperation,
} from "./executions.ts";
import { healthOperation } from "./health.ts";
import { importJobsOperation } from "./importJobs.ts";
import { activateJobOperation, pauseJobOperation, resumeJobOperation, upcomingOperation } from "./jobActions.ts";
import {
  createJobOperation,
  deleteJobOperation,
  getJobOperation,
  listJobsOperation,
  patchJobOperation,
} from "./jobs.ts";
import { restartExecutionOperation, retryExecutionOperation } from "./restarts.ts";
import { getJobVersionOperation, listJobVersionsOperation } from "./jobVersions.ts";
import { previewScheduleOperation } from "./schedules.ts";
import {
  createSecretOperation,
  deleteSecretOperation,
  listSecretsOperation,
  replaceSecretOperation,
} from "./secrets.ts";
import { listSigningKeysOperation, rotateMasterKeyOperation, rotateSigningKeyOperation } from "./signingKeys.ts";
import { rescheduleExecutionOperation, runNowOperation } from "./starts.ts";
import { testJobOperation } from "./testJob.ts";
import { receiveWebhookOperation, rotateWebhookTokenOperation } from "./triggers.ts";

export const OPERATIONS: readonly Operation[] = [
  createJobOperation,
  listJobsOperation,
  getJobOperation,
  patchJobOperation,
  deleteJobOperation,
  pauseJobOperation,
  resumeJobOperation,
  activateJobOperation,
  runNowOperation,
  testJobOperation,
  upcomingOperation,
  listJobVersionsOperation,
  getJobVersionOperation,
  importJobsOperation,
  previewScheduleOperation,
  listExecutionsOperation,
  listJobExecutionsOperation,
  getExecutionOperation,
  replayExecutionOperation,
  cancelExecutionOperation,
  rescheduleExecutionOperation,
  retryExecutionOperation,
  restartExecutionOperation,
  callbackOperation,
  listApprovalsOperation,
  approveStepOperation,
  rejectStepOperation,
  approvalPageOperation,
  approveByLinkOperation,
  rejectByLinkOperation,
  receiveWebhookOperation,
  rotateWebhookTokenOperation,
  createSecretOperation,
  listSecretsOperation,
  replaceSecretOperation,
  deleteSecretOperation,
  listSigningKeysOperation,
  rotateSigningKeyOperation,
  whoamiOperation,
  createTokenOperation,
  listTokensOperation,
  deleteTokenOperation,
  createWorkspaceOperation,
  rotateMasterKeyOperation,
  healthOperation,
];
