/** What the use cases need from the world. Adapters implement these; nothing here knows SQL, HTTP routes or Workers. */

import type { AttemptWork } from "../domain/engine/claim.ts";
import type { JobActorProtocol, HistoryEntry } from "../domain/engine/protocol.ts";
import type { Execution, ExecutionSource, ExecutionStatus } from "../domain/execution/execution.ts";
import type { ExecutionFilter } from "../domain/execution/executionFilter.ts";
import type { Job, JobKind, JobState } from "../domain/job/job.ts";
import type { Result } from "../domain/result.ts";
import type { Secret } from "../domain/secret/secret.ts";
import type { SigningKey } from "../domain/signing/signingKey.ts";
import type { SealedWebhookSecret, TriggerToken } from "../domain/trigger/triggerToken.ts";
import type { Proof, VerificationType } from "../domain/trigger/verification.ts";
import type { Role, Token, Workspace } from "../domain/workspace/workspace.ts";

export interface Page<T> {
  readonly items: readonly T[];
  readonly hasMore: boolean;
  /** Opaque; `null` on the last page. */
  readonly nextCursor: string | null;
}

export interface PageRequest {
  readonly limit: number;
  readonly offset: number;
  readonly cursor: string | null;
}

/** The key that makes a creation idempotent, and the digest of the body that it came with. */
export interface IdempotencyKey {
  readonly key: string;
  readonly bodyDigest: string;
}

export interface JobFilter {
  readonly state: JobState | null;
  readonly kind: JobKind | null;
  /** Case-insensitive substring. */
  readonly name: string | null;
  /** Leaves out what was never armed. */
  readonly exceptDrafts?: boolean;
}

export interface JobRepository {
  /** Inserts a job whose definition its actor does not have yet (`markApplied` says when it has). */
  insert(job: Job, idempotency: IdempotencyKey | null): Promise<"inserted" | "idempotency_key_taken">;
  find(workspaceId: string, jobId: string): Promise<Job | null>;
  findByIdempotencyKey(workspaceId: string, key: string): Promise<{ job: Job; bodyDigest: string } | null>;
  /** By its exact name: the oldest that is not bound to a task as its schedule; the oldest of all when every one is. */
  findByName(workspaceId: string, name: string): Promise<Job | null>;
  /** Newest first. A cursor that does not decode yields `"bad_cursor"`. */
  list(workspaceId: string, filter: JobFilter, page: PageRequest): Promise<Page<Job> | "bad_cursor">;
  /** By the indexes that lists walk: the cost is that of a list without a limit, its definitions left out. */
  count(workspaceId: string): Promise<{ readonly all: number; readonly drafts: number }>;
  /** Replaces the definition if the stored version is still `expectedVersion`; says whether it was. */
  replace(job: Job, expectedVersion: number): Promise<boolean>;
  markApplied(jobId: string, version: number): Promise<void>;
  /** How many executions of the job were removed with age; `null` when there is no such job. */
  prunedCount(workspaceId: string, jobId: string): Promise<number | null>;
  /** Hides the job from every query at once; `purge` removes what is left of it. Says whether there was such a job. */
  markDeleted(workspaceId: string, jobId: string, nowMs: number): Promise<boolean>;
  /** Removes up to `mostExecutions` executions of a deleted job, and the job itself once none is left; says if all is gone. */
  purge(jobId: string, mostExecutions: number): Promise<boolean>;
  /** Jobs marked as deleted and not purged yet. */
  listDeleted(limit: number): Promise<readonly string[]>;
  /** Jobs whose newest definition was saved before `beforeMs` and is not known to have reached their actor. */
  listUnapplied(beforeMs: number, limit: number): Promise<readonly Job[]>;
  /** Jobs with an execution that was due before `dueBeforeMs` and, as far as the history knows, is queued or running. */
  listStalled(dueBeforeMs: number, limit: number): Promise<readonly Job[]>;
  /** Active jobs in the order of their ids, each with the latest due time that the history knows of. */
  listActive(
    afterJobId: string | null,
    limit: number,
  ): Promise<readonly { job: Job; lastScheduledForMs: number | null }[]>;
}

/** A version of a job as it was saved. */
export type JobVersion = Omit<Job, "id" | "workspaceId" | "createdAtMs" | "updatedAtMs" | "scheduleFromMs"> & {
  readonly jobId: string;
  readonly savedAtMs: number;
};

/** Read by those who may read the job, which is for the caller to see to; written with the job itself. */
export interface JobVersionRepository {
  /** Newest first. A cursor that does not decode yields `"bad_cursor"`. */
  list(jobId: string, page: PageRequest): Promise<Page<JobVersion> | "bad_cursor">;
  /** `null` also for one that is too old to be kept. */
  find(jobId: string, version: number): Promise<JobVersion | null>;
  /** Those of the versions that are kept, in one query. */
  findMany(jobId: string, versions: readonly number[]): Promise<ReadonlyMap<number, JobVersion>>;
}

/** One line of a list of executions: everything but the attempts. */
export type ExecutionSummary = Omit<Execution, "attempts" | "output" | "parent" | "workflow" | "start"> & {
  readonly attemptCount: number;
  readonly lastStatusCode: number | null;
};

export interface ExecutionQuery extends ExecutionFilter {
  readonly jobId: string | null;
  readonly status: ExecutionStatus | null;
  readonly source: ExecutionSource | null;
  /** Bounds of the due time, `fromMs` included, `toMs` excluded. */
  readonly fromMs: number | null;
  readonly toMs: number | null;
  /** Case-insensitive substring of the job's name. */
  readonly jobName: string | null;
  readonly sort: "scheduled_for" | "created_at";
  readonly order: "asc" | "desc";
  readonly page: ExecutionPageRequest;
}

export interface ExecutionPageRequest extends PageRequest {
  /**
   * A cursor as well: the page that ends right before its place, in the same order. `hasMore` then says whether there is
   * more before that page, and `nextCursor` is the place of its last item. Not together with `cursor` or `offset`.
   */
  readonly before?: string;
}

export interface ExecutionRepository {
  find(workspaceId: string, executionId: string): Promise<Execution | null>;
  /** Of any workspace, for somebody who has a link of the execution, which the caller has to verify. */
  findForLink(executionId: string): Promise<Execution | null>;
  /** `nowMs` tells what is delayed. */
  list(workspaceId: string, query: ExecutionQuery, nowMs: number): Promise<Page<ExecutionSummary> | "bad_cursor">;
  /** How many executions a list would hold, all pages together. */
  count(workspaceId: string, query: ExecutionQuery, nowMs: number): Promise<number>;
  /** Those of the executions that the history has. */
  summaries(workspaceId: string, executionIds: readonly string[]): Promise<ReadonlyMap<string, ExecutionSummary>>;
  /** The newest execution, by due time, of each of the jobs: of those that were started for a time before `dueBeforeMs`. */
  latestOfJobs(jobIds: readonly string[], dueBeforeMs: number): Promise<ReadonlyMap<string, ExecutionSummary>>;
  /** What waits for a person, newest executions first. */
  listApprovals(workspaceId: string, page: PageRequest): Promise<Page<WaitingApproval> | "bad_cursor">;
  /** Reads them one by one: for what cannot be known otherwise. */
  countOfJob(
    jobId: string,
    range: { readonly createdBeforeMs: number; readonly except: readonly string[] },
  ): Promise<number>;
  /** Removes up to `limit` executions that were due before `beforeMs` and are finished; returns how many. */
  prune(beforeMs: number, limit: number): Promise<number>;
}

/** A step that waits for a person. */
export interface WaitingApproval {
  readonly executionId: string;
  readonly jobId: string;
  readonly jobName: string;
  /** Its path. */
  readonly step: string;
  readonly name: string | null;
  readonly message: string;
  readonly approvers: readonly string[];
  readonly sinceMs: number;
  readonly untilMs: number | null;
}

/** The history as the execution path sees it: write-only. */
export interface History {
  /**
   * Upserts pictures of executions, each only over an older revision and only while its job exists; a record that
   * completes its job does so in the same transaction. Resolves to `false` when the history cannot be reached in time:
   * the actor then keeps what is owed.
   */
  record(entries: readonly HistoryEntry[]): Promise<boolean>;
}

/** Why no secret can be read at all. */
export interface SecretsUnreadable {
  readonly message: string;
  /** Whether the storage was out of reach, so that another try may help. */
  readonly transient: boolean;
}

/** Plaintext of secrets, for the length of an attempt. */
export interface SecretReader {
  /** Values by name; names that do not exist or cannot be decrypted are absent. */
  read(workspaceId: string, names: readonly string[]): Promise<Result<ReadonlyMap<string, string>, SecretsUnreadable>>;
}

export interface Signer {
  /**
   * Standard Webhooks headers of a request; none for a workspace without a signing key. `body` is exactly what is sent.
   * The error says which key is there and cannot be used.
   */
  sign(
    workspaceId: string,
    id: string,
    nowMs: number,
    body: string,
  ): Promise<Result<readonly (readonly [string, string])[], string>>;
}

/** A value under a key of its own, which is under a master key. */
export interface Sealed {
  readonly envelope: string;
  /** Names the master key; also inside the envelope, and here so that a rotation finds what is left. */
  readonly masterKeyId: string;
}

/** Whose value it is: an envelope opens under the identity that it was sealed with and under no other. */
export interface SealedFor {
  readonly workspaceId: string;
  /** A secret's name, or `signingKeyIdentity`. */
  readonly name: string;
}

/** Seals with the instance's master keys; opens nothing. */
export interface Vault {
  readonly currentKeyId: string;
  /** `null` outside a rotation. */
  readonly previousKeyId: string | null;
  seal(owner: SealedFor, value: string): Promise<Sealed>;
  /** The same value under the current master key. `unknown_key`: its own is not bound; `corrupt`: it does not open. */
  rewrap(owner: SealedFor, envelope: string): Promise<Result<Sealed, "unknown_key" | "corrupt">>;
  /** A new signing key in the form that receivers configure. */
  drawSigningKey(): string;
}

export interface SecretWithUsers {
  readonly secret: Secret;
  /** Ids of the jobs that name it and are not completed, in their order. */
  readonly usedBy: readonly string[];
}

/** Something sealed that is not under the wanted master key. */
export interface Rewrappable {
  readonly id: string;
  readonly owner: SealedFor;
  readonly sealed: Sealed;
}

/** What a rotation of the master key needs of a table with envelopes. */
export interface RewrapStore {
  /** In the order of ids, from the one after `afterId`. */
  listNotUnder(masterKeyId: string, afterId: string | null, limit: number): Promise<readonly Rewrappable[]>;
  /** Replaces envelopes that are still as they were read; what changed meanwhile is under the current key already. */
  rewrap(changes: readonly { readonly id: string; readonly from: Sealed; readonly to: Sealed }[]): Promise<void>;
  countNotUnder(masterKeyId: string): Promise<number>;
}

export interface SecretRepository extends RewrapStore {
  insert(secret: Secret, sealed: Sealed): Promise<"inserted" | "name_taken">;
  find(workspaceId: string, name: string): Promise<SecretWithUsers | null>;
  /** By name. */
  list(workspaceId: string): Promise<readonly SecretWithUsers[]>;
  /** A new value in place, under the next revision; says whether there is such a secret. */
  replaceValue(workspaceId: string, name: string, sealed: Sealed, nowMs: number): Promise<boolean>;
  /** Without `force` only if no job uses it, which is judged by the deletion itself. */
  delete(workspaceId: string, name: string, force: boolean): Promise<"deleted" | "kept">;
  /** The envelopes of those names that exist, in one query. */
  readSealed(workspaceId: string, names: readonly string[]): Promise<readonly SealedSecret[]>;
}

export interface SealedSecret {
  readonly id: string;
  readonly name: string;
  readonly revision: number;
  readonly envelope: string;
}

export interface SigningKeyRepository extends RewrapStore {
  /** Newest first, those that have expired left out. */
  list(workspaceId: string, nowMs: number): Promise<readonly SigningKey[]>;
  /**
   * Adds a key, lets every older one expire at `overlapUntilMs` at the latest, and removes those that have expired.
   * `full`: as many as are allowed would still be valid.
   */
  rotate(key: SigningKey, sealed: Sealed, overlapUntilMs: number): Promise<"rotated" | "full">;
  /** Newest first, those that have expired left out. */
  readSealed(workspaceId: string, nowMs: number): Promise<readonly (SigningKey & { readonly envelope: string })[]>;
  deleteExpired(nowMs: number): Promise<void>;
}

/** Tokens of the URLs that webhooks are posted to, and the secrets that their senders sign with. */
export interface TriggerRepository {
  /** What a job needs before its definition refers to it, in one transaction. Repeatable. */
  insert(parts: {
    readonly token: StoredTriggerToken | null;
    readonly secret: StoredWebhookSecret | null;
  }): Promise<void>;
  /** The job that a token opens at this moment, and the secret that its verification names, in one query. */
  findByToken(hash: string, nowMs: number): Promise<{ readonly job: Job; readonly secret: string | null } | null>;
  /** The newest token of each of the jobs. */
  currentTokens(jobIds: readonly string[]): Promise<readonly StoredTriggerToken[]>;
  /**
   * Makes a token the current one. The one before it works until `overlapUntilMs`, any older one no longer. Repeatable.
   */
  rotate(token: StoredTriggerToken, overlapUntilMs: number): Promise<void>;
  /** Forgets what was stored for a job that then was not saved. */
  deleteOf(jobId: string): Promise<void>;
  deleteSecret(secretId: string): Promise<void>;
  readonly sealedTokens: RewrapStore;
  readonly sealedSecrets: RewrapStore;
}

/** `null` where nothing can be sealed: such a token is shown when it is made, and never again. */
export type StoredTriggerToken = TriggerToken & { readonly sealed: Sealed | null };
export type StoredWebhookSecret = SealedWebhookSecret & { readonly sealed: Sealed };

/** What triggers need of what is sealed. */
export interface TriggerSeals {
  /** A token to be shown again; `null` when it does not open. */
  openToken(token: StoredTriggerToken): Promise<string | null>;
  /** Whether the proof holds for the raw body; the error is a sentence for the operator. */
  verify(check: ProofCheck): Promise<Result<boolean, string>>;
}

export interface ProofCheck {
  /** `null` does the same work and finds nothing proved. */
  readonly secret: (Pick<SealedWebhookSecret, "id" | "workspaceId"> & { readonly envelope: string }) | null;
  readonly type: VerificationType;
  readonly proof: Proof;
  readonly body: Uint8Array;
}

export interface WorkspaceRepository {
  insert(workspace: Workspace, ownerToken: Token): Promise<void>;
  find(workspaceId: string): Promise<Workspace | null>;
}

export interface TokenRepository {
  insert(token: Token): Promise<void>;
  list(workspaceId: string): Promise<readonly Token[]>;
  delete(workspaceId: string, tokenId: string): Promise<"deleted" | "not_found" | "last_owner">;
  /** By the SHA-256 of the whole token, in hex. */
  findByHash(hash: string): Promise<Token | null>;
}

/**
 * The attempt that an invocation of the API makes itself, beside its answer: one at a time, because the connections of an
 * invocation are few.
 */
export interface OwnAttempt {
  /** Whether there is room for it, here and in this isolate. */
  hasRoom(): boolean;
  /**
   * Holds room from now on, for a claim that is being asked for; makes the attempt when it is there, and frees the room
   * when it has ended or `claim` comes to none. All of that goes on after the answer was sent, and when whoever asked has
   * gone. Never throws; what `claim` rejects with is for whoever asked to tell.
   */
  begin(claim: Promise<AttemptWork | null>): void;
}

export interface JobActors {
  /** The actor that hosts the job of this id, or the job of this execution. */
  of(jobOrExecutionId: string): JobActorProtocol;
}

export type { Role };
