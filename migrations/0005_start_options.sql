ALTER TABLE `executions` ADD `start_options` text;--> statement-breakpoint
ALTER TABLE `jobs` ADD `pruned_count` integer DEFAULT 0 NOT NULL;