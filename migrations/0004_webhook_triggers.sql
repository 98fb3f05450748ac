CREATE TABLE `trigger_tokens` (
	`hash` text PRIMARY KEY NOT NULL,
	`job_id` text NOT NULL,
	`workspace_id` text NOT NULL,
	`created_at` integer NOT NULL,
	`expires_at` integer,
	`kid` text,
	`envelope` text
) WITHOUT ROWID;
--> statement-breakpoint
CREATE INDEX `trigger_tokens_by_job` ON `trigger_tokens` (`job_id`);--> statement-breakpoint
CREATE TABLE `webhook_secrets` (
	`id` text PRIMARY KEY NOT NULL,
	`job_id` text NOT NULL,
	`workspace_id` text NOT NULL,
	`created_at` integer NOT NULL,
	`kid` text NOT NULL,
	`envelope` text NOT NULL
) WITHOUT ROWID;
--> statement-breakpoint
CREATE INDEX `webhook_secrets_by_job` ON `webhook_secrets` (`job_id`);