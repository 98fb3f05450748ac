/** The composition root: builds ports from what the platform binds. The only place that sees every layer. */

import { createJobActors } from "../actors/client.ts";
import { secureRandom } from "../actors/secureRandom.ts";
import { type AttemptDeps, attemptExecution } from "../app/executions/attemptExecution.ts";
import { collectHistory } from "../app/executions/collectHistory.ts";
import { groupCommit } from "../app/executions/groupCommit.ts";
import { runErrands } from "../app/executions/runErrands.ts";
import { runSlice } from "../app/bulkActions/runSlice.ts";
import type { BulkQueue } from "../app/ports/bulkActions.ts";
import type { WatchdogDeps } from "../app/reconcile/watchdog.ts";
import type { History } from "../app/ports.ts";
import type { Services } from "../app/services.ts";
import { createBatchRepository } from "../db/batchRepository.ts";
import { createBulkActionRepository } from "../db/bulkActionRepository.ts";
import type { StorageDeps } from "../db/calls.ts";
import { createExecutionRepository } from "../db/executionRepository.ts";
import { createHistory } from "../db/history.ts";
import { createJobRepository } from "../db/jobRepository.ts";
import { createJobVersionRepository } from "../db/jobVersions.ts";
import { createLabelRepository } from "../db/labelRepository.ts";
import { type D1Counts, metered } from "../db/meter.ts";
import { createScheduleBindingRepository } from "../db/scheduleBindingRepository.ts";
import { createSecretRepository } from "../db/secretRepository.ts";
import { createSigningKeyRepository } from "../db/signingKeyRepository.ts";
import { createTokenRepository } from "../db/tokenRepository.ts";
import { createTriggerRepository } from "../db/triggerRepository.ts";
import { createWaitTokenRepository } from "../db/waitTokenRepository.ts";
import { createWorkspaceRepository } from "../db/workspaceRepository.ts";
import type { AttemptWork } from "../domain/engine/claim.ts";
import { isFinished } from "../domain/execution/execution.ts";
import type { TargetPolicy } from "../domain/net/target.ts";
import { ok } from "../domain/result.ts";
import type { Result } from "../domain/result.ts";
import { TokenBuckets } from "../domain/trigger/tokenBuckets.ts";
import { RATE_LIMIT_DEFAULT } from "../domain/trigger/webhook.ts";
import { logFinished } from "../observability/executionLog.ts";
import { logFault } from "../observability/log.ts";
import { sendHttp } from "../outbound/httpClient.ts";
import type { ConsumerDeps } from "../queue/consumer.ts";
import { createProducer } from "../queue/producer.ts";
import { parseKeyring } from "../secrets/keyring.ts";
import type { Keyring } from "../secrets/keyring.ts";
import { createDataKeyCache, createSecretReader } from "../secrets/reader.ts";
import { SigningKeyCache, createSigner } from "../secrets/signer.ts";
import { createTriggerSeals, createWebhookKeyCache } from "../secrets/triggerSeals.ts";
import { createVault } from "../secrets/vault.ts";
import { composeOwnAttempt, NO_OWN_ATTEMPT } from "./attempts.ts";
import type { Bindings } from "./env.ts";

const DEFAULT_RETENTION_DAYS = 30;

const clock = { now: () => Date.now() };

/** What this isolate keeps from invocation to invocation: keys that cannot be exported, never plaintext. */
const dataKeys = createDataKeyCache();
const signingKeyCache = new SigningKeyCache();
const webhookKeys = createWebhookKeyCache();

/**
 * In the isolate, not in the platform's rate-limit binding: that one has a fixed limit, and jobs choose theirs. Each
 * isolate counts for itself, so a burst that is spread over several gets more; what a job cannot work off is bounded
 * exactly, by its actor (`backlog_full`). 10,000 buckets take about a megabyte.
 */
const triggerLimits = new TokenBuckets(10_000, RATE_LIMIT_DEFAULT);

function later(work: () => void, delayMs: number): () => void {
  const timer = setTimeout(work, delayMs);
  return () => clearTimeout(timer);
}

const storage: StorageDeps = {
  random: Math.random,
  sleep: (delayMs, signal) => {
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, delayMs);
    const abort = () => {
      clearTimeout(timer);
      resolve();
    };
    if (signal?.aborted) abort();
    else signal?.addEventListener("abort", abort, { once: true });
    return promise;
  },
};

type Repositories = Pick<
  Services,
  | "jobs"
  | "jobVersions"
  | "executions"
  | "workspaces"
  | "tokens"
  | "secrets"
  | "signingKeys"
  | "triggers"
  | "labels"
  | "batches"
  | "waitTokens"
  | "scheduleBindings"
  | "bulkActions"
>;

const repositoriesByEnv = new WeakMap<Bindings, Repositories>();

/** Built once for each environment, which is once per isolate: they hold nothing of a request. */
function repositoriesOf(env: Bindings): Repositories {
  const known = repositoriesByEnv.get(env);
  if (known) return known;
  const db = env.DB;
  const repositories = {
    jobs: createJobRepository(db, storage),
    jobVersions: createJobVersionRepository(db),
    executions: createExecutionRepository(db, storage),
    workspaces: createWorkspaceRepository(db, storage),
    tokens: createTokenRepository(db, storage),
    secrets: createSecretRepository(db, storage),
    signingKeys: createSigningKeyRepository(db, storage),
    triggers: createTriggerRepository(db, storage),
    labels: createLabelRepository(db, storage),
    batches: createBatchRepository(db, storage),
    waitTokens: createWaitTokenRepository(db, storage),
    scheduleBindings: createScheduleBindingRepository(db, storage),
    bulkActions: createBulkActionRepository(db, storage),
  };
  repositoriesByEnv.set(env, repositories);
  return repositories;
}

/**
 * What the use cases work with. The host of `requestUrl` is our own: no job may call it; `null` where none came in, and then
 * the invocation is not one of the API and makes no attempt of what it starts.
 */
export function composeServices(
  env: Bindings,
  waitUntil: (work: Promise<unknown>) => void,
  requestUrl: URL | null,
): Services {
  const policy = targetPolicy(env, requestUrl === null ? [] : [requestUrl.host]);
  const outbound = composeOutbound(env, policy);
  return {
    ...repositoriesOf(env),
    bulkQueue: composeBulkQueue(env),
    triggerSeals: createTriggerSeals({ keyring: () => parseKeyring(env), keys: webhookKeys }),
    triggerLimits,
    openVault: async () => {
      const keyring = await parseKeyring(env);
      return keyring.ok ? ok(createVault(keyring.value)) : keyring;
    },
    forgetSigningKeys: (workspaceId) => signingKeyCache.expire(workspaceId),
    outbound,
    actors: createJobActors(env.JOB_ACTOR),
    ownAttempt:
      requestUrl === null
        ? NO_OWN_ATTEMPT
        : composeOwnAttempt({ env, waitUntil, attempt: (work) => composeAttempts(env)(work) }),
    clock,
    random: secureRandom,
    digest: sha256Hex,
    later: (work) => waitUntil(work.catch((error: unknown) => logFault("api.later_failed", error))),
    report: (fault, context) => logFault("api.fault", fault, context),
    publicUrl: (env.PUBLIC_URL ?? requestUrl?.origin ?? "").replace(/\/+$/, ""),
    targetPolicy: policy,
    adminToken: env.ADMIN_TOKEN ?? null,
  };
}

/** What one invocation of the queue handler works with. */
export function composeConsumer(env: Bindings, waitUntil: (work: Promise<unknown>) => void): ConsumerDeps {
  const actors = createJobActors(env.JOB_ACTOR);
  const { history, d1 } = historyFor(env);
  return {
    actors,
    waitUntil,
    report: logFault,
    connections: Number(env.CONNECTIONS_PER_INVOCATION),
    collectHistory: async (jobId) => {
      for (const { execution } of await collectHistory(jobId, { actors, history })) logFinished(execution, null);
    },
    runBulkSlice: (id) => runSlice(composeServices(env, waitUntil, null), id),
    runErrands: (jobId) => runErrands(jobId, { actors, jobs: repositoriesOf(env).jobs, report: logFault }),
    attempt: composeAttempt(env, { actors, history, d1 }),
  };
}

/** What makes the attempts of one invocation. */
export function composeAttempts(env: Bindings): (work: AttemptWork) => Promise<void> {
  return composeAttempt(env, { actors: createJobActors(env.JOB_ACTOR), ...historyFor(env) });
}

function composeAttempt(
  env: Bindings,
  deps: Pick<AttemptDeps, "actors" | "history"> & { readonly d1: D1Counts },
): (work: AttemptWork) => Promise<void> {
  const outbound = composeOutbound(env, targetPolicy(env, []));
  const { actors, history, d1 } = deps;
  return async (work) => {
    const report = await attemptExecution(work, {
      clock,
      random: Math.random,
      actors,
      history,
      ...outbound,
      report: logFault,
      later,
    });
    // An end that was not recorded is logged when it is collected.
    if (!report.recorded || !report.finish?.applied || !isFinished(report.execution.status)) return;
    logFinished(report.execution, { ...report.finish.cost, d1RowsWritten: d1.rowsWritten });
    d1.rowsWritten = 0;
  };
}

interface SharedHistory {
  /** Writes at once. */
  readonly alone: History;
  /** Writes together with whoever records at the same moment. */
  readonly grouped: History;
  /** What both have written since it was last reset. */
  readonly d1: D1Counts;
}

const historyByEnv = new WeakMap<Bindings, SharedHistory>();

/** Shared by all invocations of an isolate, so that what they record at one moment is one write. */
function sharedHistoryOf(env: Bindings): SharedHistory {
  const known = historyByEnv.get(env);
  if (known) return known;
  const d1 = { rowsWritten: 0 };
  const alone = createHistory(metered(env.DB, d1), {
    ...storage,
    report: (error) => logFault("history.write_failed", error),
  });
  const shared = { alone, grouped: groupCommit(alone, clock), d1 };
  historyByEnv.set(env, shared);
  return shared;
}

/** After this, an invocation nears the 30 s at which it may be cut off, and writes for nobody else. */
const WRITES_FOR_OTHERS_MS = 20_000;

/** The history for one invocation. */
function historyFor(env: Bindings): { readonly history: History; readonly d1: D1Counts } {
  const { alone, grouped, d1 } = sharedHistoryOf(env);
  const startedAtMs = clock.now();
  const isYoung = () => clock.now() - startedAtMs < WRITES_FOR_OTHERS_MS;
  return { d1, history: { record: (entries) => (isYoung() ? grouped : alone).record(entries) } };
}

/** How requests are prepared and sent: by attempts in the consumer, and by the test of a job in the API. */
function composeOutbound(env: Bindings, policy: TargetPolicy): Services["outbound"] {
  let parsed: Promise<Result<Keyring, string>> | null = null;
  const keyring = () => (parsed ??= parseKeyring(env));
  const report = (event: string, fault: unknown) => logFault(event, fault);
  return {
    secrets: createSecretReader({ secrets: repositoriesOf(env).secrets, keyring, dataKeys, report }),
    signer: createSigner({
      signingKeys: repositoriesOf(env).signingKeys,
      keyring,
      cache: signingKeyCache,
      report,
    }),
    send: (request) => sendHttp(request, { fetch, now: () => Date.now(), policy }),
  };
}

/** A message that could not be sent is replaced by the watchdog. */
function composeBulkQueue(env: Bindings): BulkQueue {
  const producer = createProducer(env.EXECUTIONS, (error) => logFault("bulk_action.send_failed", error));
  return { send: (id) => producer.send([{ v: 1, type: "bulk_action", id }]) };
}

export function composeWatchdog(env: Bindings): WatchdogDeps {
  return {
    clock,
    ...repositoriesOf(env),
    bulkQueue: composeBulkQueue(env),
    actors: createJobActors(env.JOB_ACTOR),
    retentionDays: retentionDays(env.HISTORY_RETENTION_DAYS),
    report: logFault,
  };
}

function targetPolicy(env: Bindings, requestHosts: readonly string[]): TargetPolicy {
  const configured = (env.PUBLIC_HOSTS ?? "").split(",").map((host) => host.trim());
  const publicHosts = env.PUBLIC_URL === undefined ? [] : [new URL(env.PUBLIC_URL).host];
  return {
    allowPrivate: env.ALLOW_PRIVATE_TARGETS === "true",
    ownHosts: [...configured.filter((host) => host !== ""), ...publicHosts, ...requestHosts],
  };
}

function retentionDays(text: string | undefined): number {
  const days = Number(text ?? DEFAULT_RETENTION_DAYS);
  return Number.isFinite(days) && days >= 0 ? days : DEFAULT_RETENTION_DAYS;
}

async function sha256Hex(text: string): Promise<string> {
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text));
  return [...new Uint8Array(digest)].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}
