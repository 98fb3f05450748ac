/** Makes the attempts that actors hand over without a message: every call is an invocation of its own (ADR 0016). */

import { WorkerEntrypoint } from "cloudflare:workers";
import { attemptRoom } from "../actors/attemptRoom.ts";
import type { AttemptWork } from "../domain/engine/claim.ts";
import type { AttemptStarter } from "../domain/engine/protocol.ts";
import { logFault } from "../observability/log.ts";
import { composeAttempts } from "./compose.ts";
import type { Bindings } from "./env.ts";

/**
 * Guarantee: one slow or hanging target delays no other job. The call returns at once, so that no actor is kept awake by a
 * target; its attempts go on in `waitUntil`, for which the platform leaves 30 s, and in which each has a connection of the
 * invocation's own.
 */
export class AttemptWorker extends WorkerEntrypoint<Bindings> implements AttemptStarter {
  async start(works: readonly AttemptWork[]): Promise<boolean> {
    if (!attemptRoom.take(works.length, Number(this.env.DIRECT_ATTEMPTS_PER_ISOLATE ?? 0))) return false;
    const attempt = composeAttempts(this.env);
    for (const work of works) {
      const done = attempt(work)
        // Healed by the actor: the lease of the claim ends.
        .catch((error: unknown) => logFault("attempt.failed", error))
        .finally(() => attemptRoom.end());
      this.ctx.waitUntil(done);
    }
    return true;
  }
}
