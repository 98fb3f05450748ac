/** Attempts that an invocation was given with their claims: held by `waitUntil`, and counted in the isolate's room. */

import { attemptRoom } from "../actors/attemptRoom.ts";
import type { OwnAttempt } from "../app/ports.ts";
import type { AttemptWork } from "../domain/engine/claim.ts";
import { logFault } from "../observability/log.ts";
import type { Bindings } from "./env.ts";

export interface GivenAttemptDeps {
  readonly env: Pick<Bindings, "DIRECT_ATTEMPTS_PER_ISOLATE">;
  readonly waitUntil: (work: Promise<unknown>) => void;
  readonly attempt: (work: AttemptWork) => Promise<void>;
}

/** Takes all of the attempts or, where there is no room for all, none. Says which. */
export function takeAttempts(works: readonly AttemptWork[], deps: GivenAttemptDeps): boolean {
  if (!attemptRoom.take(works.length, mostOf(deps.env))) return false;
  for (const work of works) deps.waitUntil(made(work, deps).finally(() => attemptRoom.end()));
  return true;
}

/** Of an invocation of the API. */
export function composeOwnAttempt(deps: GivenAttemptDeps): OwnAttempt {
  let isBusy = false;
  return {
    hasRoom: () => !isBusy && attemptRoom.free(mostOf(deps.env)) > 0,
    begin: (claim) => {
      isBusy = true;
      attemptRoom.begin();
      const done = claim
        // Whoever asked for the claim tells why there is none.
        .catch(() => null)
        .then((work) => (work === null ? undefined : made(work, deps)))
        .finally(() => {
          isBusy = false;
          attemptRoom.end();
        });
      deps.waitUntil(done);
    },
  };
}

/** Of an invocation that makes attempts of its own kind, or has nobody to answer. */
export const NO_OWN_ATTEMPT: OwnAttempt = {
  hasRoom: () => false,
  begin: () => {
    throw new Error("This invocation takes no attempt.");
  },
};

/** Never rejects. */
async function made(work: AttemptWork, { attempt }: GivenAttemptDeps): Promise<void> {
  try {
    await attempt(work);
  } catch (error) {
    // Healed by the actor: the lease of the claim ends.
    logFault("attempt.failed", error);
  }
}

/** The variable is missing where a deployment's configuration is of a release before. */
function mostOf({ DIRECT_ATTEMPTS_PER_ISOLATE: most }: GivenAttemptDeps["env"]): number {
  return Number(most ?? 0);
}
