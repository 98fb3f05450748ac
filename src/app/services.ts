/** Everything that the API's use cases need from the world; `entry/compose.ts` builds it for each request. */

import type { Clock, Random } from "../domain/clock.ts";
import type { TargetPolicy } from "../domain/net/target.ts";
import type { Result } from "../domain/result.ts";
import type { TokenBuckets } from "../domain/trigger/tokenBuckets.ts";
import type { AttemptDeps } from "./executions/attemptExecution.ts";
import type {
  ExecutionRepository,
  JobActors,
  JobVersionRepository,
  JobRepository,
  OwnAttempt,
  SecretRepository,
  SigningKeyRepository,
  TokenRepository,
  TriggerRepository,
  TriggerSeals,
  Vault,
  WorkspaceRepository,
} from "./ports.ts";
import type { BatchRepository } from "./ports/batches.ts";
import type { BulkActionRepository, BulkQueue } from "./ports/bulkActions.ts";
import type { LabelRepository } from "./ports/labels.ts";
import type { ScheduleBindingRepository } from "./ports/scheduleBindings.ts";
import type { WaitTokenRepository } from "./ports/waitTokens.ts";

export interface Services {
  readonly jobs: JobRepository;
  readonly jobVersions: JobVersionRepository;
  readonly executions: ExecutionRepository;
  readonly workspaces: WorkspaceRepository;
  readonly tokens: TokenRepository;
  readonly secrets: SecretRepository;
  readonly signingKeys: SigningKeyRepository;
  readonly triggers: TriggerRepository;
  readonly labels: LabelRepository;
  readonly batches: BatchRepository;
  readonly waitTokens: WaitTokenRepository;
  readonly scheduleBindings: ScheduleBindingRepository;
  readonly bulkActions: BulkActionRepository;
  readonly bulkQueue: BulkQueue;
  readonly triggerSeals: TriggerSeals;
  /** By the hash of a token; of this isolate. */
  readonly triggerLimits: TokenBuckets;
  /** Reads the master keys; the error is a sentence for the operator. */
  openVault(): Promise<Result<Vault, string>>;
  /** Makes this isolate read the signing keys of a workspace again before it signs the next request. */
  forgetSigningKeys(workspaceId: string): void;
  /** Prepares and sends a request as an attempt does. */
  readonly outbound: Pick<AttemptDeps, "secrets" | "signer" | "send">;
  readonly actors: JobActors;
  readonly ownAttempt: OwnAttempt;
  readonly clock: Clock;
  /** Backed by a cryptographic source: tokens are drawn from it. */
  readonly random: Random;
  /** SHA-256 of the text's UTF-8 bytes, in lower-case hex. */
  digest(text: string): Promise<string>;
  /** Lets work go on after the answer was sent. Never throws; work that rejects is reported and otherwise forgotten. */
  later(work: Promise<unknown>): void;
  /** Tells the operator about a fault that the caller of the API must not see in detail. Never throws. */
  report(fault: unknown, context: Readonly<Record<string, string>>): void;
  /** Where this instance is reached, without a slash at its end: links of the jobs that are saved begin with it. */
  readonly publicUrl: string;
  /** What jobs may call. Judged again by whoever sends. */
  readonly targetPolicy: TargetPolicy;
  /** The operator's token; `null` when none is configured, and then nobody can create a workspace. */
  readonly adminToken: string | null;
}
