/**
 * Group commit for the history: while one write is under way, what comes in meanwhile forms the next one. Executions that
 * finish together, of whatever invocation of an isolate, cost D1 one round trip instead of one each, and a lone record
 * waits for nobody.
 *
 * Each group is written by the caller that opened it, within that caller's invocation. Others are told by promises of their
 * own making, which is the only way in which the runtime lets invocations wait for each other.
 *
 * Guarantee: an invocation that is cut off in the middle of a write takes nobody with it for long. Whoever comes next
 * after `ABANDONED_AFTER_MS` tells those that waited that nothing was recorded, which leaves their records owed.
 */

import type { Clock } from "../../domain/clock.ts";
import type { HistoryEntry } from "../../domain/engine/protocol.ts";
import type { History } from "../ports.ts";

/** More than a write may take (`src/db/history.ts` gives up after 5 s). */
const ABANDONED_AFTER_MS = 7_000;

interface Group {
  readonly entries: HistoryEntry[];
  /** Tell those that joined; the one that opened the group knows. */
  readonly joined: ((recorded: boolean) => void)[];
  sinceMs: number;
  /** Lets the one that opened the group write it. */
  readonly begin: () => void;
}

export function groupCommit(history: History, clock: Clock): History {
  let writing: Group | null = null;
  let gathering: Group | null = null;

  async function writeNow(group: Group): Promise<boolean> {
    if (gathering === group) gathering = null;
    writing = group;
    group.sinceMs = clock.now();
    const recorded = await history.record(group.entries);
    for (const tell of group.joined) tell(recorded);
    if (writing === group) {
      writing = null;
      gathering?.begin();
    }
    return recorded;
  }

  function join(group: Group, entries: readonly HistoryEntry[]): Promise<boolean> {
    const { promise, resolve } = Promise.withResolvers<boolean>();
    group.entries.push(...entries);
    group.joined.push(resolve);
    return promise;
  }

  function leaveAbandoned(): void {
    const isAbandoned = (group: Group | null): group is Group =>
      group !== null && clock.now() - group.sinceMs > ABANDONED_AFTER_MS;
    if (isAbandoned(writing)) {
      for (const tell of writing.joined) tell(false);
      writing = null;
      gathering?.begin();
    }
    if (isAbandoned(gathering)) {
      for (const tell of gathering.joined) tell(false);
      gathering.begin();
      gathering = null;
    }
  }

  return {
    async record(entries) {
      leaveAbandoned();
      if (gathering !== null) return await join(gathering, entries);
      const { promise: begun, resolve: begin } = Promise.withResolvers<void>();
      const group: Group = { entries: [...entries], joined: [], sinceMs: clock.now(), begin };
      gathering = group;
      // Whatever finishes in the same turn of the event loop joins the first write.
      if (writing === null) begin();
      await begun;
      return await writeNow(group);
    },
  };
}
