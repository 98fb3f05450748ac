CREATE TABLE `executions` (
	`id` text PRIMARY KEY NOT NULL,
	`workspace_id` text NOT NULL,
	`job_id` text NOT NULL,
	`job_version` integer NOT NULL,
	`status` text NOT NULL,
	`source` text NOT NULL,
	`scheduled_for` integer NOT NULL,
	`created_at` integer NOT NULL,
	`started_at` integer,
	`finished_at` integer,
	`rev` integer NOT NULL,
	`replayed_from` text,
	`job_name` text NOT NULL,
	`attempt_count` integer NOT NULL,
	`last_status_code` integer,
	`error_code` text,
	`error_message` text,
	`output` text,
	`attempts` text NOT NULL
) WITHOUT ROWID;
--> statement-breakpoint
CREATE INDEX `executions_by_workspace` ON `executions` (`workspace_id`,`id`,`status`,`source`,`job_id`,`created_at`);--> statement-breakpoint
CREATE INDEX `executions_by_job` ON `executions` (`job_id`,`id`,`status`,`source`,`created_at`);--> statement-breakpoint
CREATE INDEX `executions_unsucceeded` ON `executions` (`workspace_id`,`status`,`id`,`source`,`job_id`,`created_at`) WHERE status <> 'succeeded';--> statement-breakpoint
CREATE TABLE `jobs` (
	`id` text PRIMARY KEY NOT NULL,
	`workspace_id` text NOT NULL,
	`name` text NOT NULL,
	`name_folded` text NOT NULL,
	`kind` text NOT NULL,
	`state` text NOT NULL,
	`created_at` integer NOT NULL,
	`updated_at` integer NOT NULL,
	`version` integer NOT NULL,
	`applied_version` integer NOT NULL,
	`schedule_from` integer NOT NULL,
	`idempotency_key` text,
	`idempotency_digest` text,
	`deleted_at` integer,
	`definition` text NOT NULL
) WITHOUT ROWID;
--> statement-breakpoint
CREATE INDEX `jobs_listed` ON `jobs` (`workspace_id`,`id`,`kind`,`name_folded`) WHERE deleted_at IS NULL;--> statement-breakpoint
CREATE INDEX `jobs_open` ON `jobs` (`state`,`id`,`workspace_id`) WHERE state <> 'completed' AND deleted_at IS NULL;--> statement-breakpoint
CREATE UNIQUE INDEX `jobs_by_idempotency_key` ON `jobs` (`workspace_id`,`idempotency_key`) WHERE idempotency_key IS NOT NULL AND deleted_at IS NULL;--> statement-breakpoint
CREATE INDEX `jobs_unapplied` ON `jobs` (`updated_at`) WHERE applied_version < version AND deleted_at IS NULL;--> statement-breakpoint
CREATE INDEX `jobs_deleted` ON `jobs` (`id`,`workspace_id`) WHERE deleted_at IS NOT NULL;--> statement-breakpoint
CREATE TABLE `tokens` (
	`id` text PRIMARY KEY NOT NULL,
	`workspace_id` text NOT NULL,
	`name` text NOT NULL,
	`role` text NOT NULL,
	`hash` text NOT NULL,
	`prefix` text NOT NULL,
	`created_at` integer NOT NULL
) WITHOUT ROWID;
--> statement-breakpoint
CREATE UNIQUE INDEX `tokens_by_hash` ON `tokens` (`hash`);--> statement-breakpoint
CREATE INDEX `tokens_by_workspace` ON `tokens` (`workspace_id`,`id`);--> statement-breakpoint
CREATE TABLE `workspaces` (
	`id` text PRIMARY KEY NOT NULL,
	`name` text NOT NULL,
	`created_at` integer NOT NULL
) WITHOUT ROWID;
