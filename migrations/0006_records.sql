CREATE TABLE `batches` (
	`id` text PRIMARY KEY NOT NULL,
	`workspace_id` text NOT NULL,
	`run_count` integer NOT NULL,
	`idempotency_key` text,
	`created_at` integer NOT NULL,
	`updated_at` integer NOT NULL,
	`rev` integer NOT NULL,
	`items` text NOT NULL
) WITHOUT ROWID;
--> statement-breakpoint
CREATE UNIQUE INDEX `batches_by_idempotency_key` ON `batches` (`workspace_id`,`idempotency_key`) WHERE idempotency_key IS NOT NULL;--> statement-breakpoint
CREATE TABLE `bulk_action_runs` (
	`bulk_action_id` text NOT NULL,
	`execution_id` text NOT NULL,
	PRIMARY KEY(`bulk_action_id`, `execution_id`)
) WITHOUT ROWID;
--> statement-breakpoint
CREATE TABLE `bulk_actions` (
	`id` text PRIMARY KEY NOT NULL,
	`workspace_id` text NOT NULL,
	`action` text NOT NULL,
	`name` text,
	`status` text NOT NULL,
	`total` integer NOT NULL,
	`success` integer NOT NULL,
	`failure` integer NOT NULL,
	`position` text,
	`rev` integer NOT NULL,
	`lease_until` integer NOT NULL,
	`created_at` integer NOT NULL,
	`updated_at` integer NOT NULL,
	`completed_at` integer,
	`target` text NOT NULL
) WITHOUT ROWID;
--> statement-breakpoint
CREATE INDEX `bulk_actions_by_workspace` ON `bulk_actions` (`workspace_id`,`id`);--> statement-breakpoint
CREATE INDEX `bulk_actions_pending` ON `bulk_actions` (`id`) WHERE status = 'PENDING';--> statement-breakpoint
CREATE TABLE `execution_labels` (
	`execution_id` text PRIMARY KEY NOT NULL,
	`workspace_id` text NOT NULL,
	`job_id` text NOT NULL,
	`rev` integer NOT NULL,
	`updated_at` integer NOT NULL,
	`tags` text NOT NULL,
	`metadata` text
) WITHOUT ROWID;
--> statement-breakpoint
CREATE INDEX `execution_labels_by_job` ON `execution_labels` (`job_id`);--> statement-breakpoint
CREATE TABLE `execution_tags` (
	`workspace_id` text NOT NULL,
	`tag` text NOT NULL,
	`execution_id` text NOT NULL,
	PRIMARY KEY(`workspace_id`, `tag`, `execution_id`)
) WITHOUT ROWID;
--> statement-breakpoint
CREATE TABLE `schedule_bindings` (
	`job_id` text PRIMARY KEY NOT NULL,
	`workspace_id` text NOT NULL,
	`task_job_id` text NOT NULL,
	`external_id` text,
	`deduplication_key` text
) WITHOUT ROWID;
--> statement-breakpoint
CREATE INDEX `schedule_bindings_by_task` ON `schedule_bindings` (`task_job_id`);--> statement-breakpoint
CREATE UNIQUE INDEX `schedule_bindings_by_key` ON `schedule_bindings` (`workspace_id`,`deduplication_key`) WHERE deduplication_key IS NOT NULL;--> statement-breakpoint
CREATE TABLE `wait_tokens` (
	`id` text PRIMARY KEY NOT NULL,
	`workspace_id` text NOT NULL,
	`created_at` integer NOT NULL,
	`timeout_at` integer,
	`completed_at` integer,
	`idempotency_key` text,
	`idempotency_until` integer,
	`held_key` text,
	`tags` text NOT NULL,
	`callback_hashes` text NOT NULL,
	`output` text
) WITHOUT ROWID;
--> statement-breakpoint
CREATE INDEX `wait_tokens_listed` ON `wait_tokens` (`workspace_id`,`id`,`completed_at`,`timeout_at`,`idempotency_key`,`tags`);--> statement-breakpoint
CREATE UNIQUE INDEX `wait_tokens_by_key` ON `wait_tokens` (`workspace_id`,`held_key`) WHERE held_key IS NOT NULL;--> statement-breakpoint
DROP INDEX `executions_unsucceeded`;--> statement-breakpoint
CREATE INDEX `executions_unsucceeded` ON `executions` (`workspace_id`,`status`,`id`,`source`,`job_id`,`created_at`,`error_code`,`scheduled_for`) WHERE status <> 'succeeded';--> statement-breakpoint
CREATE INDEX `jobs_by_name` ON `jobs` (`workspace_id`,`name`,`id`) WHERE deleted_at IS NULL;