/** What an instance has used of the platform: everything that is billed by count. */

export interface PlatformCounts {
  /** Invocations of the Worker by HTTP, by a batch of a queue, and by a cron trigger. */
  fetches: number;
  consumerInvocations: number;
  scheduledRuns: number;
  /** Calls of an object's methods, and alarms. */
  actorRequests: number;
  actorRowsRead: number;
  /** Rows of its SQLite, and one for each change of its alarm (facts 1.2). */
  actorRowsWritten: number;
  d1Queries: number;
  /** Round trips: a batch is one. */
  d1Calls: number;
  d1RowsRead: number;
  d1RowsWritten: number;
  /** Written, read and deleted, each 64 KB or part of it (facts 2). */
  queueOperations: number;
}

export function noCounts(): PlatformCounts {
  return {
    fetches: 0,
    consumerInvocations: 0,
    scheduledRuns: 0,
    actorRequests: 0,
    actorRowsRead: 0,
    actorRowsWritten: 0,
    d1Queries: 0,
    d1Calls: 0,
    d1RowsRead: 0,
    d1RowsWritten: 0,
    queueOperations: 0,
  };
}
