/** Carries what an actor owes into the history, and tells the actor what arrived. */

import type { HistoryEntry } from "../../domain/engine/protocol.ts";
import type { History, JobActors } from "../ports.ts";

/**
 * Idempotent, and safe to lose: the actor asks again until it is told. Returns what was recorded, which is nothing while
 * the history cannot be reached.
 */
export async function collectHistory(
  jobId: string,
  deps: { readonly actors: JobActors; readonly history: History },
): Promise<readonly HistoryEntry[]> {
  const owed = await deps.actors.of(jobId).owed();
  if (owed.length === 0 || !(await deps.history.record(owed))) return [];
  await deps.actors.of(jobId).confirm(owed.map(({ execution }) => ({ id: execution.id, rev: execution.rev })));
  return owed;
}
