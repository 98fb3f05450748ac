/** Counts what D1 writes, which is most of what an execution costs there. */

export interface D1Counts {
  rowsWritten: number;
}

/** The same database, whose batches (all writes of the execution path are batches) add to `counts`. */
export function metered(db: D1Database, counts: D1Counts): D1Database {
  const batch: D1Database["batch"] = async <T>(statements: D1PreparedStatement[]) => {
    const results = await db.batch<T>(statements);
    for (const result of results) counts.rowsWritten += result.meta.rows_written;
    return results;
  };
  return {
    prepare: (query) => db.prepare(query),
    batch,
    exec: (query) => db.exec(query),
    withSession: (constraint) => db.withSession(constraint),
    dump: () => db.dump(),
  };
}
