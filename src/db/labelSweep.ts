/** What is left of labels once their executions are gone. */

/** Labels of these executions, and their tags before them, since the tags are found by them. */
function sweep(gone: string): readonly string[] {
  return [
    `DELETE FROM execution_tags WHERE (workspace_id, tag, execution_id) IN (
  SELECT labels.workspace_id, tag.value, labels.execution_id
  FROM (${gone}) AS gone CROSS JOIN execution_labels AS labels ON labels.execution_id = gone.execution_id
  CROSS JOIN json_each(labels.tags) AS tag
)`,
    `DELETE FROM execution_labels WHERE execution_id IN (${gone})`,
  ];
}

/** Of up to ?2 executions before the id ?1 that the history does not have (any more); also what never started. */
export const PRUNE_LABELS = sweep(`SELECT execution_id FROM execution_labels WHERE execution_id < ?1
  AND NOT EXISTS (SELECT 1 FROM executions WHERE executions.id = execution_labels.execution_id)
  ORDER BY execution_id LIMIT ?2`);

/** Of up to ?2 executions of the deleted job ?1. */
export const PURGE_LABELS = sweep(`SELECT execution_id FROM execution_labels INDEXED BY execution_labels_by_job
  WHERE job_id = ?1 AND NOT EXISTS (SELECT 1 FROM jobs WHERE jobs.id = ?1 AND jobs.deleted_at IS NULL) LIMIT ?2`);
