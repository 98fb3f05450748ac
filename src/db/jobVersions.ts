/** The versions of jobs in D1: each is copied from the job's row by the transaction that wrote it. */

import { and, desc, eq, lt, lte, sql } from "drizzle-orm";
import { drizzle } from "drizzle-orm/d1";
import type { JobVersion, JobVersionRepository } from "../app/ports.ts";
import { once } from "./calls.ts";
import { decodeCursor, encodeCursor } from "../domain/cursor.ts";
import { toDefinition } from "./jobRow.ts";
import { jobVersions } from "./schema.ts";

type Orm = ReturnType<typeof drizzle>;

/** Of one job. An edit a minute is forgotten within hours, an edit a day within months; a version may have 256 KB. */
export const VERSIONS_KEPT = 200;

/**
 * Copies the job's row, if it is of this version, and forgets what is too old. It belongs into the batch that wrote the
 * row, after it. A batch that wrote nothing because another edit was faster finds that edit's copy there, and leaves it.
 */
export function keepVersion(orm: Orm, jobId: string, version: number) {
  return [
    orm
      .insert(jobVersions)
      .select(
        sql`SELECT id, version, name, state, updated_at, definition FROM jobs WHERE id = ${jobId} AND version = ${version}`,
      )
      .onConflictDoNothing(),
    orm.delete(jobVersions).where(and(eq(jobVersions.jobId, jobId), lte(jobVersions.version, version - VERSIONS_KEPT))),
  ] as const;
}

export function createJobVersionRepository(db: D1Database): JobVersionRepository {
  const orm = drizzle(db);
  return {
    async list(jobId, page) {
      const after = page.cursor === null ? null : decodeCursor(page.cursor, { isId: isVersion, withTime: false });
      if (page.cursor !== null && after === null) return "bad_cursor";
      const rows = await once("job_versions.list", () =>
        orm
          .select()
          .from(jobVersions)
          .where(
            and(eq(jobVersions.jobId, jobId), after === null ? undefined : lt(jobVersions.version, Number(after.id))),
          )
          .orderBy(desc(jobVersions.version))
          .limit(page.limit + 1)
          .offset(after === null ? page.offset : 0),
      );
      const items = rows.slice(0, page.limit).map(toVersion);
      const hasMore = rows.length > items.length;
      const last = items.at(-1);
      return {
        items,
        hasMore,
        nextCursor: hasMore && last !== undefined ? encodeCursor({ id: String(last.version), timeMs: null }) : null,
      };
    },

    async find(jobId, version) {
      const [row] = await once("job_versions.find", () =>
        orm
          .select()
          .from(jobVersions)
          .where(and(eq(jobVersions.jobId, jobId), eq(jobVersions.version, version))),
      );
      return row === undefined ? null : toVersion(row);
    },

    async findMany(jobId, versions) {
      if (versions.length === 0) return new Map();
      const wanted = sql`${jobVersions.version} IN (SELECT value FROM json_each(${JSON.stringify(versions)}))`;
      const rows = await once("job_versions.find_many", () =>
        orm
          .select()
          .from(jobVersions)
          .where(and(eq(jobVersions.jobId, jobId), wanted)),
      );
      return new Map(rows.map((row) => [row.version, toVersion(row)]));
    },
  };
}

function isVersion(text: string): boolean {
  return /^[1-9]\d{0,14}$/.test(text);
}

function toVersion(row: typeof jobVersions.$inferSelect): JobVersion {
  return {
    jobId: row.jobId,
    version: row.version,
    name: row.name,
    state: row.state as JobVersion["state"],
    savedAtMs: row.createdAt,
    ...toDefinition(row.definition),
  };
}
