/**
 * What may be asked of the actor of a job, over RPC. The Worker and its Durable Objects are updated seconds to minutes
 * apart, so this only ever grows: fields are added, none is renamed or removed.
 */

import type { Execution, ExecutionSource } from "../execution/execution.ts";
import type { ParentLink } from "../execution/stepRecord.ts";
import type { FieldIssue } from "../issue.ts";
import type { Job } from "../job/job.ts";
import type { JsonValue } from "../json.ts";
import type { AttemptWork, ClaimAnswer } from "./claim.ts";
import type { ChildEnd, ErrandOrder, ErrandOutcome } from "./errands.ts";
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
  /** What templates see as `input`; `{}` by default. */
  readonly input?: JsonValue;
  /** What templates see as `trigger`: what came with a webhook. */
  readonly triggerInput?: JsonValue;
  /** An id of the caller's making (`requestedExecutionId`), so that a repeated call starts one execution. */
  readonly executionId?: string;
  /**
   * The same key within the window starts nothing and is answered with the first execution. Keys of events, the kind by
   * default, and keys that callers chose do not meet.
   */
  readonly dedupe?: { readonly key: string; readonly windowMs: number; readonly kind?: "event" | "idempotency" };
  readonly parent?: ParentLink;
  /** When it is due; one that has passed is now. */
  readonly delayUntilMs?: number;
  /** What follows is as in `StartOptions`. */
  readonly ttlMs?: number;
  readonly maxAttempts?: number;
  readonly concurrencyKey?: string;
  readonly idempotencyKey?: string;
  readonly batchId?: string;
  readonly bulkActionId?: string;
  /** The caller has room for an attempt: where the execution can begin at once, its claim is to come with the answer. */
  readonly takesWork?: boolean;
}

export type TriggerAnswer =
  | {
      readonly type: "started";
      /** As it was created: queued, also where its attempt is claimed by now. */
      readonly execution: Execution;
      /**
       * Only for who asked with `takesWork`, who then has to make the attempt: nobody else was handed it, and no message
       * is sent for it. Absent where the execution waits, or its attempt comes another way.
       */
      readonly work?: AttemptWork;
    }
  /** This event, or this id, started an execution before; `null` when that one is finished and in the history. */
  | { readonly type: "duplicate"; readonly executionId: string; readonly execution: Execution | null }
  | { readonly type: "backlog_full" }
  | { readonly type: "invalid_input"; readonly issues: readonly FieldIssue[] }
  /** This actor holds no such job of that workspace: it was deleted, or its definition never arrived. */
  | { readonly type: "unknown_job" };

export type RescheduleAnswer =
  | { readonly type: "rescheduled"; readonly execution: Execution }
  /** It is due already, or has ended. */
  | { readonly type: "not_delayed"; readonly execution: Execution }
  /** It is not live, nor is its record owed. */
  | { readonly type: "unknown" };

/** What a job's actor has on its hands. */
export interface JobLoad {
  readonly running: number;
  /** Due and not begun. */
  readonly queued: number;
  /** Not begun, because their due time is still to come. */
  readonly delayed: number;
  readonly waiting: number;
  /** Executions of this job that were ever created; `null` where earlier releases created some that were not counted. */
  readonly total: number | null;
  /** What it takes to count those once (`countEarlier`); `null` when they are counted. */
  readonly uncounted: Uncounted | null;
}

export interface Uncounted {
  /** When this was so. */
  readonly atMs: number;
  /** Executions that the actor had counted itself by then. */
  readonly created: number;
  /** Those that the history may not have yet. */
  readonly live: readonly string[];
}

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

/** Starts an execution that keeps the outputs of an earlier, finished one up to a step. */
export interface RestartRequest {
  readonly workspaceId: string;
  readonly original: Execution;
  /** The path or the id of a step that the original reached; `null` for its first failed one. */
  readonly fromStep: string | null;
  /** Laid over the original's input member by member where both are objects, else in its place; `undefined` keeps it. */
  readonly overrideInput?: JsonValue;
}

export type RestartAnswer =
  | { readonly type: "started"; readonly execution: Execution }
  | { readonly type: "backlog_full" }
  | { readonly type: "unknown_job" }
  /** The input with `overrideInput` in it does not fit the job's `input_schema`. */
  | { readonly type: "invalid_input"; readonly issues: readonly FieldIssue[] }
  /** The job is plain now, has no such step, the original did not reach it, or nothing in it failed. A sentence. */
  | { readonly type: "refused"; readonly message: string };

/** A call to the link of a `wait_for_webhook` step. */
export interface SignalRequest {
  readonly executionId: string;
  /** Its path. */
  readonly step: string;
  /** What the link carries. */
  readonly token: string;
  readonly payload: JsonValue;
}

/** `unknown`: no such live execution, no such step in it, or a wrong token. */
export type SignalAnswer = "accepted" | "already_received" | "unknown";

export interface DecisionRequest {
  readonly executionId: string;
  readonly step: string;
  readonly decision: "approve" | "reject";
  /** Who, as far as is known: a token's name, or `link`. */
  readonly by: string;
  readonly comment: string | null;
  /** The right to decide: membership of the workspace, checked before, or the token of a link. */
  readonly authority: { readonly workspaceId: string } | { readonly token: string };
}

export type DecisionAnswer =
  | { readonly type: "decided"; readonly execution: Execution }
  /** Somebody, or its timeout, was first; or the execution has not got there. */
  | { readonly type: "not_waiting"; readonly execution: Execution }
  | { readonly type: "unknown" };

/** What the page behind an approval's link shows. */
export interface ApprovalView {
  readonly executionId: string;
  readonly jobName: string;
  readonly step: string;
  readonly message: string;
  readonly approvers: readonly string[];
  /** `false` before the execution has come to it, and once it is decided or over. */
  readonly open: boolean;
  readonly untilMs: number | null;
  /** `null` while there is none; absent from an actor of the release that did not tell. */
  readonly end?: ApprovalEnd | null;
}

/** How an approval came to its end. */
export interface ApprovalEnd {
  /** `null` where there was none: the step, or its execution, ended without. */
  readonly decision: "approved" | "rejected" | null;
  /** A token's name and id, or `link`; `null` where it was nobody. */
  readonly by: string | null;
  /** Whether its time was over before anybody decided. */
  readonly timedOut: boolean;
  readonly atMs: number | null;
}

export interface JobActorProtocol {
  /** Takes over a definition and arms the alarm. Idempotent; older versions are ignored. */
  apply(job: Job): Promise<void>;
  trigger(request: TriggerRequest): Promise<TriggerAnswer>;
  /** As that many calls of `trigger`, in their order, one answer each; all are of one workspace. */
  triggerMany(requests: readonly TriggerRequest[]): Promise<TriggerAnswer[]>;
  /** Moves the due time of an execution that is delayed; its `ttlMs` counts from the new one. */
  reschedule(workspaceId: string, executionId: string, untilMs: number): Promise<RescheduleAnswer>;
  /** Lets the next start with this idempotency key start one; says whether the key was known. */
  forgetDedupe(workspaceId: string, key: string): Promise<boolean>;
  /** `null` for a job that this actor does not hold. */
  load(workspaceId: string): Promise<JobLoad | null>;
  /** Takes over the number of executions that earlier releases created (`JobLoad.uncounted`). The first one holds. */
  countEarlier(workspaceId: string, count: number): Promise<void>;
  claim(message: AttemptMessage): Promise<ClaimAnswer>;
  finish(result: AttemptResult): Promise<FinishAnswer>;
  /** The execution as it ended; `null` when it is not live. */
  cancel(workspaceId: string, executionId: string): Promise<Execution | null>;
  /** An execution that is live or whose record is still owed; `null` for any other. */
  describe(workspaceId: string, executionId: string): Promise<Execution | null>;
  owed(): Promise<HistoryEntry[]>;
  confirm(confirmed: readonly { readonly id: string; readonly rev: number }[]): Promise<void>;
  restart(request: RestartRequest): Promise<RestartAnswer>;
  signal(request: SignalRequest): Promise<SignalAnswer>;
  decide(request: DecisionRequest): Promise<DecisionAnswer>;
  /** `null` for an execution that is neither live nor owed to the history, and for a wrong token. */
  approval(executionId: string, step: string, token: string): Promise<ApprovalView | null>;
  /** What other actors have to be told; each is done by a consumer and then confirmed by `errandDone`. */
  errands(): Promise<ErrandOrder[]>;
  errandDone(id: string, outcome: ErrandOutcome): Promise<void>;
  /** Ends an execution that its parent gave up, or keeps it from starting. */
  cancelChild(workspaceId: string, executionId: string): Promise<void>;
  /** Idempotent: an end that is known, or that nobody waits for any more, changes nothing. */
  childEnded(end: ChildEnd): Promise<void>;
  /** Forgets the job and everything about it, storage included. */
  erase(): Promise<void>;
}

export type JobMethod = keyof JobActorProtocol;

/** What may be asked of an object that several jobs share: the same, of the job with the key. */
export interface SharedActorProtocol {
  ask<Method extends JobMethod>(
    key: string,
    method: Method,
    given: Parameters<JobActorProtocol[Method]>,
  ): Promise<Awaited<ReturnType<JobActorProtocol[Method]>>>;
}

/** What an actor asks of the Worker, over RPC: the other direction, with the same promise to only grow. */
export interface AttemptStarter {
  /** Takes claimed attempts, and answers before they are made. `false`: no room, and none was taken. */
  start(works: readonly AttemptWork[]): Promise<boolean>;
}
