CREATE TABLE `job_versions` (
	`job_id` text NOT NULL,
	`version` integer NOT NULL,
	`name` text NOT NULL,
	`state` text NOT NULL,
	`created_at` integer NOT NULL,
	`definition` text NOT NULL,
	PRIMARY KEY(`job_id`, `version`)
) WITHOUT ROWID;
--> statement-breakpoint
INSERT INTO `job_versions` SELECT `id`, `version`, `name`, `state`, `updated_at`, `definition` FROM `jobs` WHERE `deleted_at` IS NULL;