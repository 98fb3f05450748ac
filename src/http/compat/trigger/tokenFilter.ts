/** Which wait tokens a list is asked for. */

import type { Outcome } from "../../../app/errors.ts";
import { invalid } from "../../../app/errors.ts";
import type { WaitTokenFilter } from "../../../app/ports/waitTokens.ts";
import { ok } from "../../../domain/result.ts";
import { WAIT_TOKEN_STATUSES } from "../../../domain/waitToken/waitToken.ts";
import { askedRange, readCreatedRange } from "./createdRange.ts";

export function readTokenFilter(query: URLSearchParams, nowMs: number): Outcome<WaitTokenFilter> {
  const list = (name: string): string[] =>
    (query.get(`filter[${name}]`) ?? "")
      .split(",")
      .map((text) => text.trim())
      .filter((text) => text !== "");
  const names = list("status");
  const statuses = WAIT_TOKEN_STATUSES.filter((status) => names.includes(status));
  if (statuses.length !== new Set(names).size) {
    const message = `must be one or more of ${WAIT_TOKEN_STATUSES.join(", ")}`;
    return invalid([{ path: "filter[status]", message }]);
  }
  const created = readCreatedRange(askedRange(query), nowMs);
  if (!created.ok) return created;
  const { createdFromMs = null, createdToMs = null } = created.value;
  const idempotencyKey = query.get("filter[idempotencyKey]") || null;
  return ok({ statuses, idempotencyKey, tags: list("tags"), createdFromMs, createdToMs });
}
