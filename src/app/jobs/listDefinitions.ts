/** The jobs of a workspace by their definitions alone, with how many there are. */

import type { Job } from "../../domain/job/job.ts";
import { ok } from "../../domain/result.ts";
import type { Outcome } from "../errors.ts";
import type { Services } from "../services.ts";
import { badCursor } from "./viewJob.ts";

export interface DefinitionsPage {
  readonly jobs: readonly Job[];
  readonly hasMore: boolean;
  /** Of all pages together. */
  readonly total: number;
}

/** Newest first. `drafts`: only what was never armed, everything else, or both. */
export async function listDefinitions(
  services: Services,
  workspaceId: string,
  drafts: "only" | "none" | "too",
  page: { readonly limit: number; readonly offset: number },
): Promise<Outcome<DefinitionsPage>> {
  const filter = { state: drafts === "only" ? ("draft" as const) : null, kind: null, name: null };
  const [found, count] = await Promise.all([
    services.jobs.list(workspaceId, { ...filter, exceptDrafts: drafts === "none" }, { ...page, cursor: null }),
    services.jobs.count(workspaceId),
  ]);
  if (found === "bad_cursor") return badCursor();
  const total = { only: count.drafts, none: count.all - count.drafts, too: count.all }[drafts];
  return ok({ jobs: found.items, hasMore: found.hasMore, total });
}
