CREATE TABLE `secrets` (
	`id` text PRIMARY KEY NOT NULL,
	`workspace_id` text NOT NULL,
	`name` text NOT NULL,
	`environment` text NOT NULL,
	`revision` integer NOT NULL,
	`created_at` integer NOT NULL,
	`updated_at` integer NOT NULL,
	`kid` text NOT NULL,
	`envelope` text NOT NULL
) WITHOUT ROWID;
--> statement-breakpoint
CREATE UNIQUE INDEX `secrets_by_name` ON `secrets` (`workspace_id`,`name`);--> statement-breakpoint
CREATE TABLE `signing_keys` (
	`id` text PRIMARY KEY NOT NULL,
	`workspace_id` text NOT NULL,
	`created_at` integer NOT NULL,
	`expires_at` integer,
	`kid` text NOT NULL,
	`envelope` text NOT NULL
) WITHOUT ROWID;
--> statement-breakpoint
CREATE INDEX `signing_keys_by_workspace` ON `signing_keys` (`workspace_id`,`id`);--> statement-breakpoint
ALTER TABLE `jobs` ADD `secret_names` text;--> statement-breakpoint
CREATE INDEX `jobs_with_secrets` ON `jobs` (`workspace_id`,`id`,`secret_names`) WHERE secret_names IS NOT NULL AND state <> 'completed' AND deleted_at IS NULL;