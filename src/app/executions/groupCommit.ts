/**
 * Group commit for the history: while one write is under way, what comes in meanwhile forms the next one. A batch of
 * messages that finishes together costs D1 one round trip instead of one each, and a lone record waits for nobody.
 */

import type { HistoryEntry } from "../../domain/engine/protocol.ts";
import type { History } from "../ports.ts";

interface Waiting {
  readonly entries: readonly HistoryEntry[];
  readonly settle: (recorded: boolean) => void;
}

export function groupCommit(history: History): History {
  let waiting: Waiting[] = [];
  let busy = false;

  async function drain(): Promise<void> {
    busy = true;
    // Whatever finishes in the same turn of the event loop joins the first write.
    await Promise.resolve();
    while (waiting.length > 0) {
      const group = waiting;
      waiting = [];
      const recorded = await history.record(group.flatMap((each) => each.entries));
      for (const each of group) each.settle(recorded);
    }
    busy = false;
  }

  return {
    record(entries) {
      const { promise, resolve } = Promise.withResolvers<boolean>();
      waiting.push({ entries, settle: resolve });
      if (!busy) void drain();
      return promise;
    },
  };
}
