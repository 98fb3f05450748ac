/** Every endpoint of the native API, in the order in which the documentation shows them. */

import type { Operation } from "../operation.ts";
import {
  createTokenOperation,
  createWorkspaceOperation,
  deleteTokenOperation,
  listTokensOperation,
  whoamiOperation,
} from "./access.ts";
import {
  cancelExecutionOperation,
  getExecutionOperation,
  listExecutionsOperation,
  listJobExecutionsOperation,
  replayExecutionOperation,
} from "./executions.ts";
import { healthOperation } from "./health.ts";
import { importJobsOperation } from "./importJobs.ts";
import {
  activateJobOperation,
  pauseJobOperation,
  resumeJobOperation,
  runNowOperation,
  upcomingOperation,
} from "./jobActions.ts";
import {
  createJobOperation,
  deleteJobOperation,
  getJobOperation,
  listJobsOperation,
  patchJobOperation,
} from "./jobs.ts";
import { previewScheduleOperation } from "./schedules.ts";
import {
  createSecretOperation,
  deleteSecretOperation,
  listSecretsOperation,
  replaceSecretOperation,
} from "./secrets.ts";
import { listSigningKeysOperation, rotateMasterKeyOperation, rotateSigningKeyOperation } from "./signingKeys.ts";
import { testJobOperation } from "./testJob.ts";

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
  importJobsOperation,
  previewScheduleOperation,
  listExecutionsOperation,
  listJobExecutionsOperation,
  getExecutionOperation,
  replayExecutionOperation,
  cancelExecutionOperation,
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
