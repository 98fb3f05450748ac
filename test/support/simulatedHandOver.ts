/** Attempts that actors hand over (ADR 0016), as a test holds them in its hands: what was taken waits until it is made. */

import { runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { vi } from "vitest";
import type { AttemptWork } from "../../src/domain/engine/claim.ts";
import { AttemptWorker } from "../../src/entry/attemptWorker.ts";

/** What the actors of this isolate have left to `waitUntil` and not done yet: messages to send, attempts to hand over. */
let owed = 0;
let isWatching = false;

export class SimulatedHandOver {
  readonly waiting: AttemptWork[] = [];
  /** Whether the Worker has room for what it is handed; a call that fails on its way throws. */
  hasRoom: () => boolean = () => true;

  constructor(isDirect: boolean) {
    Object.assign(env, { DIRECT_ATTEMPTS_PER_ISOLATE: isDirect ? "250" : "0" });
    vi.spyOn(AttemptWorker.prototype, "start").mockImplementation(async (works) => {
      const takesThem = this.hasRoom();
      if (takesThem) this.waiting.push(...works);
      return takesThem;
    });
  }

  /** Whether actors have sent and handed over all that their last answers brought about. */
  get isSettled(): boolean {
    return owed === 0;
  }
}

/** Counts what is left to `waitUntil` from now on: at the platform's own class, so once is enough for all actors. */
export async function watchActors(stub: DurableObjectStub): Promise<void> {
  if (isWatching) return;
  isWatching = true;
  const prototype = await runInDurableObject(stub, (_, state) => Object.getPrototypeOf(state) as DurableObjectState);
  const { waitUntil } = prototype;
  prototype.waitUntil = function watched(this: DurableObjectState, work: Promise<unknown>) {
    owed += 1;
    const done = work.finally(() => (owed -= 1));
    Reflect.apply(waitUntil, this, [done]);
  };
}
