/** In the place of `groupCommit.ts` in tests inside the runtime (vitest.config.ts says why): everybody writes alone. */

import type { History } from "../../src/app/ports.ts";

export function groupCommit(history: History): History {
  return history;
}
