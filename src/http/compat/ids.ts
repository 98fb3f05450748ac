/** Ids as other APIs' clients know them: `run_` for an execution, `wf_` for a job. */

import { isExecutionId, isJobId } from "../../domain/ids.ts";

/** `exe_X` as `run_X`. */
export function toRunId(executionId: string): string {
  return `run_${bare(executionId)}`;
}

/** `job_X` as `wf_X`. */
export function toWorkflowId(jobId: string): string {
  return `wf_${bare(jobId)}`;
}

/** The execution's id in `run_X`, `exe_X` or `X`; `null` for what cannot be one. */
export function fromRunId(text: string): string | null {
  const id = `exe_${text.startsWith("run_") || text.startsWith("exe_") ? bare(text) : text}`;
  return isExecutionId(id) ? id : null;
}

/** The job's id in `wf_X`, `job_X` or `X`; `null` for what cannot be one. */
export function fromWorkflowId(text: string): string | null {
  const id = `job_${text.startsWith("wf_") || text.startsWith("job_") ? bare(text) : text}`;
  return isJobId(id) ? id : null;
}

function bare(id: string): string {
  return id.slice(id.indexOf("_") + 1);
}
