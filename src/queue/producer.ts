/** Sends execution messages, coalesced: while one send is under way, what comes in meanwhile forms the next batch. */

import type { ExecutionMessage } from "./message.ts";

/** The platform's limit for one `sendBatch` (facts: Queues). Messages are far below 256 KB / 100 each. */
const BATCH_MOST = 100;

export interface Producer {
  /**
   * Resolves when the queue has all that was sent up to now. Never rejects: a message that could not be sent is
   * reported and left to the timer in the actor's state that sends it again.
   */
  send(messages: readonly ExecutionMessage[]): Promise<void>;
}

export function createProducer(queue: Queue<ExecutionMessage>, report: (error: unknown) => void): Producer {
  let waiting: ExecutionMessage[] = [];
  let draining: Promise<void> | null = null;

  async function drain(): Promise<void> {
    while (waiting.length > 0) {
      const batch = waiting.slice(0, BATCH_MOST);
      waiting = waiting.slice(BATCH_MOST);
      try {
        const [only] = batch;
        if (batch.length === 1 && only) await queue.send(only);
        else await queue.sendBatch(batch.map((body) => ({ body })));
      } catch (error) {
        report(error);
      }
    }
    draining = null;
  }

  return {
    send(messages) {
      waiting.push(...messages);
      draining ??= drain();
      return draining;
    },
  };
}
