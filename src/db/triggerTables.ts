/** Moves into schema.ts with its migration. */

import { index, integer, sqliteTable, text } from "drizzle-orm/sqlite-core";

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
