/** What an object spent since the last finished execution of any of its jobs (`execution.finished` in the log). */

import type { ActorCost } from "../../domain/engine/protocol.ts";
import type { RowCounts } from "./jobStore.ts";

export class ObjectCost {
  readonly rows: RowCounts = { read: 0, written: 0 };
  requests = 0;
  messages = 0;

  /** As it is told to whoever finished an attempt; `isLast` begins the next bill. */
  bill(isLast: boolean): ActorCost {
    const { rows, requests, messages } = this;
    const cost = {
      actorRequests: requests,
      actorRowsRead: rows.read,
      actorRowsWritten: rows.written,
      queueMessages: messages,
    };
    if (isLast) {
      this.requests = 0;
      this.messages = 0;
      rows.read = 0;
      rows.written = 0;
    }
    return cost;
  }
}
