/**
 * The tables of D1, column by column as docs/storage-schema.md explains them.
 *
 * To change them: edit this file, run `drizzle-kit generate`, then append ` WITHOUT ROWID` by hand to every CREATE TABLE
 * of the new migration. drizzle-kit cannot emit it, and it saves one written row per insert (facts 3.2); a test fails
 * when it is missing. Times are epoch milliseconds.
 */

import { sql } from "drizzle-orm";
import { index, integer, primaryKey, sqliteTable, text, uniqueIndex } from "drizzle-orm/sqlite-core";

export const workspaces = sqliteTable("workspaces", {
  id: text("id").primaryKey().notNull(),
  name: text("name").notNull(),
  createdAt: integer("created_at").notNull(),
});

export const tokens = sqliteTable(
  "tokens",
  {
    id: text("id").primaryKey().notNull(),
    workspaceId: text("workspace_id").notNull(),
    name: text("name").notNull(),
    role: text("role").notNull(),
    hash: text("hash").notNull(),
    prefix: text("prefix").notNull(),
    createdAt: integer("created_at").notNull(),
  },
  (table) => [
    uniqueIndex("tokens_by_hash").on(table.hash),
    index("tokens_by_workspace").on(table.workspaceId, table.id),
  ],
);

export const jobs = sqliteTable(
  "jobs",
  {
    id: text("id").primaryKey().notNull(),
    workspaceId: text("workspace_id").notNull(),
    name: text("name").notNull(),
    nameFolded: text("name_folded").notNull(),
    kind: text("kind").notNull(),
    state: text("state").notNull(),
    createdAt: integer("created_at").notNull(),
    updatedAt: integer("updated_at").notNull(),
    version: integer("version").notNull(),
    appliedVersion: integer("applied_version").notNull(),
    scheduleFrom: integer("schedule_from").notNull(),
    idempotencyKey: text("idempotency_key"),
    idempotencyDigest: text("idempotency_digest"),
    deletedAt: integer("deleted_at"),
    definition: text("definition").notNull(),
    secretNames: text("secret_names"),
    prunedCount: integer("pruned_count").notNull().default(0),
  },
  (table) => [
    // The state is left out on purpose: a one-shot job that completes then leaves this index alone.
    index("jobs_listed")
      .on(table.workspaceId, table.id, table.kind, table.nameFolded)
      .where(sql`deleted_at IS NULL`),
    // What is neither completed nor deleted: few, however many one-shot jobs have been. Leaving a partial index is free.
    index("jobs_open")
      .on(table.state, table.id, table.workspaceId)
      .where(sql`state <> 'completed' AND deleted_at IS NULL`),
    // Found by its exact name, oldest first.
    index("jobs_by_name")
      .on(table.workspaceId, table.name, table.id)
      .where(sql`deleted_at IS NULL`),
    uniqueIndex("jobs_by_idempotency_key")
      .on(table.workspaceId, table.idempotencyKey)
      .where(sql`idempotency_key IS NOT NULL AND deleted_at IS NULL`),
    index("jobs_unapplied")
      .on(table.updatedAt)
      .where(sql`applied_version < version AND deleted_at IS NULL`),
    index("jobs_deleted")
      .on(table.id, table.workspaceId)
      .where(sql`deleted_at IS NOT NULL`),
    // Only jobs that name a secret are in it, and only while they have something ahead of them.
    index("jobs_with_secrets")
      .on(table.workspaceId, table.id, table.secretNames)
      .where(sql`secret_names IS NOT NULL AND state <> 'completed' AND deleted_at IS NULL`),
  ],
);

/** Every version of a job as it was saved, the current one included; `definition` as in `jobs`. */
export const jobVersions = sqliteTable(
  "job_versions",
  {
    jobId: text("job_id").notNull(),
    version: integer("version").notNull(),
    name: text("name").notNull(),
    state: text("state").notNull(),
    createdAt: integer("created_at").notNull(),
    definition: text("definition").notNull(),
  },
  (table) => [primaryKey({ columns: [table.jobId, table.version] })],
);

export const secrets = sqliteTable(
  "secrets",
  {
    id: text("id").primaryKey().notNull(),
    workspaceId: text("workspace_id").notNull(),
    name: text("name").notNull(),
    environment: text("environment").notNull(),
    revision: integer("revision").notNull(),
    createdAt: integer("created_at").notNull(),
    updatedAt: integer("updated_at").notNull(),
    kid: text("kid").notNull(),
    envelope: text("envelope").notNull(),
  },
  (table) => [uniqueIndex("secrets_by_name").on(table.workspaceId, table.name)],
);

export const signingKeys = sqliteTable(
  "signing_keys",
  {
    id: text("id").primaryKey().notNull(),
    workspaceId: text("workspace_id").notNull(),
    createdAt: integer("created_at").notNull(),
    expiresAt: integer("expires_at"),
    kid: text("kid").notNull(),
    envelope: text("envelope").notNull(),
  },
  (table) => [index("signing_keys_by_workspace").on(table.workspaceId, table.id)],
);

/** Looked up by hash alone; an expired token is as good as gone. */
export const triggerTokens = sqliteTable(
  "trigger_tokens",
  {
    hash: text("hash").primaryKey().notNull(),
    jobId: text("job_id").notNull(),
    workspaceId: text("workspace_id").notNull(),
    createdAt: integer("created_at").notNull(),
    expiresAt: integer("expires_at"),
    kid: text("kid"),
    envelope: text("envelope"),
  },
  (table) => [index("trigger_tokens_by_job").on(table.jobId)],
);

/** A definition names the one that counts. */
export const webhookSecrets = sqliteTable(
  "webhook_secrets",
  {
    id: text("id").primaryKey().notNull(),
    jobId: text("job_id").notNull(),
    workspaceId: text("workspace_id").notNull(),
    createdAt: integer("created_at").notNull(),
    kid: text("kid").notNull(),
    envelope: text("envelope").notNull(),
  },
  (table) => [index("webhook_secrets_by_job").on(table.jobId)],
);

/**
 * An id starts with its due time, so the order of ids is the order of `scheduled_for`. The large columns come last: a list
 * reads the columns before `output` and never touches the overflow pages that those from there on fill. What has a
 * `workflow` has next to nothing in `output` and `attempts`, so `approvals` is near as well.
 *
 * A finished, succeeded execution must cost three written rows: the table and two indexes, no more.
 */
export const executions = sqliteTable(
  "executions",
  {
    id: text("id").primaryKey().notNull(),
    workspaceId: text("workspace_id").notNull(),
    jobId: text("job_id").notNull(),
    jobVersion: integer("job_version").notNull(),
    status: text("status").notNull(),
    source: text("source").notNull(),
    scheduledFor: integer("scheduled_for").notNull(),
    createdAt: integer("created_at").notNull(),
    startedAt: integer("started_at"),
    finishedAt: integer("finished_at"),
    rev: integer("rev").notNull(),
    replayedFrom: text("replayed_from"),
    jobName: text("job_name").notNull(),
    attemptCount: integer("attempt_count").notNull(),
    lastStatusCode: integer("last_status_code"),
    errorCode: text("error_code"),
    errorMessage: text("error_message"),
    output: text("output"),
    attempts: text("attempts").notNull(),
    parent: text("parent"),
    approvals: text("approvals"),
    workflow: text("workflow"),
    startOptions: text("start_options"),
  },
  (table) => [
    // Both carry every column that a list filters or sorts by, so that a walk never reads the table.
    index("executions_by_workspace").on(
      table.workspaceId,
      table.id,
      table.status,
      table.source,
      table.jobId,
      table.createdAt,
    ),
    index("executions_by_job").on(table.jobId, table.id, table.status, table.source, table.createdAt),
    // Almost everything succeeds; what did not is found without walking past what did. Its last two columns tell what
    // expired from what was cancelled, and what is delayed from what is due.
    index("executions_unsucceeded")
      .on(
        table.workspaceId,
        table.status,
        table.id,
        table.source,
        table.jobId,
        table.createdAt,
        table.errorCode,
        table.scheduledFor,
      )
      .where(sql`status <> 'succeeded'`),
    // Only executions that wait for a person are in it.
    index("executions_approvals")
      .on(table.workspaceId, table.id)
      .where(sql`approvals IS NOT NULL`),
  ],
);

/** Tags and metadata of the executions that have any; an execution and its labels go together. */
export const executionLabels = sqliteTable(
  "execution_labels",
  {
    executionId: text("execution_id").primaryKey().notNull(),
    workspaceId: text("workspace_id").notNull(),
    jobId: text("job_id").notNull(),
    rev: integer("rev").notNull(),
    updatedAt: integer("updated_at").notNull(),
    tags: text("tags").notNull(),
    metadata: text("metadata"),
  },
  (table) => [index("execution_labels_by_job").on(table.jobId)],
);

/** The tags of `execution_labels` once more, each with its executions in their order. */
export const executionTags = sqliteTable(
  "execution_tags",
  {
    workspaceId: text("workspace_id").notNull(),
    tag: text("tag").notNull(),
    executionId: text("execution_id").notNull(),
  },
  (table) => [primaryKey({ columns: [table.workspaceId, table.tag, table.executionId] })],
);

export const batches = sqliteTable(
  "batches",
  {
    id: text("id").primaryKey().notNull(),
    workspaceId: text("workspace_id").notNull(),
    runCount: integer("run_count").notNull(),
    idempotencyKey: text("idempotency_key"),
    createdAt: integer("created_at").notNull(),
    updatedAt: integer("updated_at").notNull(),
    rev: integer("rev").notNull(),
    items: text("items").notNull(),
  },
  (table) => [
    uniqueIndex("batches_by_idempotency_key")
      .on(table.workspaceId, table.idempotencyKey)
      .where(sql`idempotency_key IS NOT NULL`),
  ],
);

export const waitTokens = sqliteTable(
  "wait_tokens",
  {
    id: text("id").primaryKey().notNull(),
    workspaceId: text("workspace_id").notNull(),
    createdAt: integer("created_at").notNull(),
    timeoutAt: integer("timeout_at"),
    completedAt: integer("completed_at"),
    idempotencyKey: text("idempotency_key"),
    idempotencyUntil: integer("idempotency_until"),
    heldKey: text("held_key"),
    tags: text("tags").notNull(),
    callbackHashes: text("callback_hashes").notNull(),
    output: text("output"),
  },
  (table) => [
    // Every column that a list filters by, so that a walk never reads the table.
    index("wait_tokens_listed").on(
      table.workspaceId,
      table.id,
      table.completedAt,
      table.timeoutAt,
      table.idempotencyKey,
      table.tags,
    ),
    uniqueIndex("wait_tokens_by_key")
      .on(table.workspaceId, table.heldKey)
      .where(sql`held_key IS NOT NULL`),
  ],
);

/** A row goes with the job that is the schedule. */
export const scheduleBindings = sqliteTable(
  "schedule_bindings",
  {
    jobId: text("job_id").primaryKey().notNull(),
    workspaceId: text("workspace_id").notNull(),
    taskJobId: text("task_job_id").notNull(),
    externalId: text("external_id"),
    deduplicationKey: text("deduplication_key"),
  },
  (table) => [
    index("schedule_bindings_by_task").on(table.taskJobId),
    uniqueIndex("schedule_bindings_by_key")
      .on(table.workspaceId, table.deduplicationKey)
      .where(sql`deduplication_key IS NOT NULL`),
  ],
);

export const bulkActions = sqliteTable(
  "bulk_actions",
  {
    id: text("id").primaryKey().notNull(),
    workspaceId: text("workspace_id").notNull(),
    action: text("action").notNull(),
    name: text("name"),
    status: text("status").notNull(),
    total: integer("total").notNull(),
    success: integer("success").notNull(),
    failure: integer("failure").notNull(),
    position: text("position"),
    rev: integer("rev").notNull(),
    leaseUntil: integer("lease_until").notNull(),
    createdAt: integer("created_at").notNull(),
    updatedAt: integer("updated_at").notNull(),
    completedAt: integer("completed_at"),
    target: text("target").notNull(),
  },
  (table) => [
    index("bulk_actions_by_workspace").on(table.workspaceId, table.id),
    // A few at a time; leaving it is free.
    index("bulk_actions_pending")
      .on(table.id)
      .where(sql`status = 'PENDING'`),
  ],
);

/** What a bulk action cancelled, or the replays that it started. */
export const bulkActionRuns = sqliteTable(
  "bulk_action_runs",
  {
    bulkActionId: text("bulk_action_id").notNull(),
    executionId: text("execution_id").notNull(),
  },
  (table) => [primaryKey({ columns: [table.bulkActionId, table.executionId] })],
);
