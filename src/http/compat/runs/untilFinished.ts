/** Waits for the end of an execution, for a bounded time. */

import { getExecution } from "../../../app/executions/getExecution.ts";
import type { Services } from "../../../app/services.ts";
import type { Execution } from "../../../domain/execution/execution.ts";
import { isFinished } from "../../../domain/execution/execution.ts";

/** Most runs end at once; the others are asked for less and less, about 35 times in a minute. */
const FIRST_PAUSE_MS = 25;
const PAUSE_MS_MOST = 2_000;

/** The execution as it was last seen: ended, or under way when the time was over. */
export async function untilFinished(
  services: Services,
  execution: Execution,
  timeMs: number,
  sleep: (ms: number) => Promise<void> = pause,
): Promise<Execution> {
  const deadlineMs = services.clock.now() + timeMs;
  let seen = execution;
  for (let pauseMs = FIRST_PAUSE_MS; !isFinished(seen.status); pauseMs = Math.min(PAUSE_MS_MOST, pauseMs * 2)) {
    const leftMs = deadlineMs - services.clock.now();
    if (leftMs <= 0) return seen;
    await sleep(Math.min(pauseMs, leftMs));
    const found = await getExecution(services, execution.workspaceId, execution.id);
    // Out of reach for a moment, or deleted meanwhile: what was seen last is still the best answer.
    if (found.ok) seen = found.value;
  }
  return seen;
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, ms);
  });
}
