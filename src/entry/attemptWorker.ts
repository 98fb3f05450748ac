/** Makes the attempts that actors hand over without a message: every call is an invocation of its own (ADR 0016). */

import { WorkerEntrypoint } from "cloudflare:workers";
import type { AttemptWork } from "../domain/engine/claim.ts";
import type { AttemptStarter } from "../domain/engine/protocol.ts";
import { takeAttempts } from "./attempts.ts";
import { composeAttempts } from "./compose.ts";
import type { Bindings } from "./env.ts";

/**
 * Guarantee: one slow or hanging target delays no other job. The call returns at once, so that no actor is kept awake by a
 * target; its attempts go on in `waitUntil`, for which the platform leaves 30 s, and in which each has a connection of the
 * invocation's own.
 */
export class AttemptWorker extends WorkerEntrypoint<Bindings> implements AttemptStarter {
  async start(works: readonly AttemptWork[]): Promise<boolean> {
    return takeAttempts(works, {
      env: this.env,
      waitUntil: (work) => this.ctx.waitUntil(work),
      attempt: composeAttempts(this.env),
    });
  }
}
