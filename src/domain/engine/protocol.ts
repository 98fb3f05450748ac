/**
 * What may be asked of the actor of a job, over RPC. The Worker and its Durable Objects are updated seconds to minutes
 * apart, so this only ever grows: fields are added, none is renamed or removed.
 */

import type { Execution, ExecutionSource } from "../execution/execution.ts";
import type { Job } from "../job/job.ts";
import type { ClaimAnswer } from "./claim.ts";
import type { AttemptResult } from "./finish.ts";

export interface AttemptMessage {
  readonly executionId: string;
  readonly step: string;
  readonly fence: number;
}

export interface TriggerRequest {
  readonly workspaceId: string;
  readonly source: ExecutionSource;
  readonly replayedFrom: string | null;
}

export type TriggerAnswer =
  | { readonly type: "started"; readonly execution: Execution }
  | { readonly type: "backlog_full" }
  /** This actor holds no such job of that workspace: it was deleted, or its definition never arrived. */
  | { readonly type: "unknown_job" };

/** A picture of an execution that the history should have. */
export interface HistoryEntry {
  readonly execution: Execution;
  readonly completesJob: boolean;
}

/** What the actor spent since it last finished an execution: the bill of one, where executions do not overlap. */
export interface ActorCost {
  readonly actorRequests: number;
  readonly actorRowsRead: number;
  readonly actorRowsWritten: number;
  readonly queueMessages: number;
}

export interface FinishAnswer {
  /** `false`: the result came too late and changed nothing. */
  readonly applied: boolean;
  readonly cost: ActorCost;
}

export interface JobActorProtocol {
  /** Takes over a definition and arms the alarm. Idempotent; older versions are ignored. */
  apply(job: Job): Promise<void>;
  trigger(request: TriggerRequest): Promise<TriggerAnswer>;
  claim(message: AttemptMessage): Promise<ClaimAnswer>;
  finish(result: AttemptResult): Promise<FinishAnswer>;
  /** The execution as it ended; `null` when it is not live. */
  cancel(workspaceId: string, executionId: string): Promise<Execution | null>;
  /** An execution that is live or whose record is still owed; `null` for any other. */
  describe(workspaceId: string, executionId: string): Promise<Execution | null>;
  owed(): Promise<HistoryEntry[]>;
  confirm(confirmed: readonly { readonly id: string; readonly rev: number }[]): Promise<void>;
  /** Forgets the job and everything about it, storage included. */
  erase(): Promise<void>;
}
