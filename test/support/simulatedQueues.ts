/** The queues as a test holds them in its hands: what actors send waits until it is taken. For `simulation.ts`. */

import { env } from "cloudflare:workers";
import { vi } from "vitest";
import type { ExecutionMessage } from "../../src/queue/message.ts";

export interface QueuedMessage {
  readonly queue: "carillon-executions" | "carillon-long-executions";
  readonly body: ExecutionMessage;
}

export class SimulatedQueues {
  readonly waiting: QueuedMessage[] = [];
  /** Messages that actors sent so far. */
  sent = 0;

  constructor() {
    this.#capture("carillon-executions", env.EXECUTIONS);
    this.#capture("carillon-long-executions", env.LONG_EXECUTIONS);
  }

  /** Removes messages from the queue and returns them: all, or the given ones. */
  take(messages: readonly QueuedMessage[] = [...this.waiting]): QueuedMessage[] {
    return messages.flatMap((message) => {
      const index = this.waiting.indexOf(message);
      return index === -1 ? [] : this.waiting.splice(index, 1);
    });
  }

  /** As many as one invocation is given: of one queue, at most ten. */
  nextBatch(): QueuedMessage[] {
    const [first] = this.waiting;
    if (!first) return [];
    return this.take(this.waiting.filter((message) => message.queue === first.queue).slice(0, 10));
  }

  #capture(queue: QueuedMessage["queue"], binding: Queue<ExecutionMessage>): void {
    vi.spyOn(binding, "send").mockImplementation(async (body) => {
      this.#enqueue({ queue, body });
      return undefined as never;
    });
    vi.spyOn(binding, "sendBatch").mockImplementation(async (batch) => {
      for (const { body } of batch) this.#enqueue({ queue, body });
      return undefined as never;
    });
  }

  #enqueue(message: QueuedMessage): void {
    this.sent += 1;
    this.waiting.push(message);
  }
}

/** As the platform hands a message to the handler, which settles it once. */
export class MessageHandle {
  readonly id: string;
  readonly timestamp = new Date();
  readonly attempts = 1;
  readonly body: ExecutionMessage;
  readonly #again: () => void;
  #settled = false;

  constructor(message: QueuedMessage, index: number, again: () => void) {
    this.id = `message-${index}`;
    this.body = message.body;
    this.#again = again;
  }

  ack(): void {
    this.#settled = true;
  }

  retry(): void {
    if (this.#settled) return;
    this.#settled = true;
    this.#again();
  }
}
