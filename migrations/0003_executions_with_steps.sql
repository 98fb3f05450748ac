ALTER TABLE `executions` ADD `parent` text;--> statement-breakpoint
ALTER TABLE `executions` ADD `approvals` text;--> statement-breakpoint
ALTER TABLE `executions` ADD `workflow` text;--> statement-breakpoint
CREATE INDEX `executions_approvals` ON `executions` (`workspace_id`,`id`) WHERE approvals IS NOT NULL;