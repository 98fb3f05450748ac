/** Tags and metadata of executions in D1. Tags stand in a table of their own as well, for lists by tag. */

import type { LabelOwner, LabelRepository, StoredLabels } from "../app/ports/labels.ts";
import type { Labels, Metadata } from "../domain/execution/labels.ts";
import type { StorageDeps } from "./calls.ts";
import { once, repeated } from "./calls.ts";

/** Of the labels that one statement takes as JSON: a bound parameter may have 2 MB (facts 3.2). */
const CHARACTERS_MOST = 500_000;

const FIND = `
SELECT execution_id, rev, updated_at, tags, metadata FROM execution_labels
WHERE execution_id IN (SELECT value FROM json_each(?1)) AND workspace_id = ?2`;

/** A job that is deleted takes no more labels. */
const INSERT = `
INSERT INTO execution_labels (execution_id, workspace_id, job_id, rev, updated_at, tags, metadata)
SELECT entry.value ->> 'executionId', ?2, jobs.id, 1, entry.value ->> 'updatedAt', entry.value ->> 'tags',
  entry.value ->> 'metadata'
FROM json_each(?1) AS entry CROSS JOIN jobs ON jobs.id = entry.value ->> 'jobId'
WHERE jobs.workspace_id = ?2 AND jobs.deleted_at IS NULL
ON CONFLICT (execution_id) DO NOTHING`;

const REPLACE = `
UPDATE execution_labels SET tags = ?3, metadata = ?4, updated_at = ?5, rev = rev + 1
WHERE execution_id = ?1 AND workspace_id = ?2 AND rev = ?6`;

/** From the labels as they are stored, whoever wrote them. */
const INSERT_TAGS = `
INSERT INTO execution_tags (workspace_id, tag, execution_id)
SELECT labels.workspace_id, tag.value, labels.execution_id
FROM json_each(?1) AS id CROSS JOIN execution_labels AS labels ON labels.execution_id = id.value
CROSS JOIN json_each(labels.tags) AS tag
WHERE labels.workspace_id = ?2
ON CONFLICT DO NOTHING`;

interface LabelRow {
  readonly execution_id: string;
  readonly rev: number;
  readonly updated_at: number;
  readonly tags: string;
  readonly metadata: string | null;
}

/** An entry of `INSERT`. */
interface NewRow {
  readonly executionId: string;
  readonly jobId: string;
  readonly updatedAt: number;
  readonly tags: string;
  readonly metadata: string | null;
}

export function createLabelRepository(db: D1Database, deps: StorageDeps): LabelRepository {
  const insert = (workspaceId: string, rows: readonly NewRow[]) => [
    db.prepare(INSERT).bind(JSON.stringify(rows), workspaceId),
    db.prepare(INSERT_TAGS).bind(JSON.stringify(rows.map(({ executionId }) => executionId)), workspaceId),
  ];
  return {
    async find(workspaceId, executionIds) {
      const { results } = await once("labels.find", () =>
        db.prepare(FIND).bind(JSON.stringify(executionIds), workspaceId).all<LabelRow>(),
      );
      return new Map(results.map((row) => [row.execution_id, toLabels(row)]));
    },

    async insert(workspaceId, entries) {
      for (const rows of piecesOf(entries.map(({ owner, labels }) => toRow(owner, labels)))) {
        await repeated(deps, "labels.insert", () => db.batch(insert(workspaceId, rows)));
      }
    },

    /** Tags that are left out stay findable: labels only ever gain tags. */
    async replace(workspaceId, owner, labels, expectedRev) {
      const row = toRow(owner, labels);
      const replace = () => [
        db.prepare(REPLACE).bind(row.executionId, workspaceId, row.tags, row.metadata, row.updatedAt, expectedRev),
        db.prepare(INSERT_TAGS).bind(JSON.stringify([row.executionId]), workspaceId),
      ];
      const [written] = await once("labels.replace", () =>
        db.batch(expectedRev === null ? insert(workspaceId, [row]) : replace()),
      );
      return (written?.meta.changes ?? 0) > 0;
    },
  };
}

function piecesOf(rows: readonly NewRow[]): NewRow[][] {
  const pieces: NewRow[][] = [];
  let characters = CHARACTERS_MOST;
  for (const row of rows) {
    const length = JSON.stringify(row).length;
    if (characters + length > CHARACTERS_MOST) {
      pieces.push([]);
      characters = 0;
    }
    pieces.at(-1)?.push(row);
    characters += length;
  }
  return pieces;
}

function toRow({ executionId, jobId }: LabelOwner, { tags, metadata, updatedAtMs }: Labels): NewRow {
  const text = metadata === null ? null : JSON.stringify(metadata);
  return { executionId, jobId, updatedAt: updatedAtMs, tags: JSON.stringify(tags), metadata: text };
}

function toLabels(row: LabelRow): StoredLabels {
  return {
    tags: JSON.parse(row.tags) as string[],
    metadata: row.metadata === null ? null : (JSON.parse(row.metadata) as Metadata),
    updatedAtMs: row.updated_at,
    rev: row.rev,
  };
}
