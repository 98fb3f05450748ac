/** When something was created, as lists are asked for it: bounds, or a period until now. */

import type { Outcome } from "../../../app/errors.ts";
import { invalid } from "../../../app/errors.ts";
import { ok } from "../../../domain/result.ts";
import { parseDuration, parseMoment } from "./duration.ts";

export interface AskedRange {
  readonly from?: string | number | null | undefined;
  readonly to?: string | number | null | undefined;
  /** `1h`, `7d`: counts back from now. */
  readonly period?: string | null | undefined;
}

/** `createdFromMs` included, `createdToMs` excluded. */
export interface CreatedRange {
  readonly createdFromMs?: number;
  readonly createdToMs?: number;
}

/** The client's `to` is included, as far as a millisecond goes; of a period and a `from` the later beginning holds. */
export function readCreatedRange({ from, to, period }: AskedRange, nowMs: number): Outcome<CreatedRange> {
  const fromMs = from == null ? undefined : parseMoment(from, nowMs);
  const toMs = to == null ? undefined : parseMoment(to, nowMs);
  const periodMs = period == null ? undefined : parseDuration(period);
  const isDate = "must be a date in ISO 8601, or epoch milliseconds";
  const issues = [
    ...(fromMs === null ? [{ path: "filter[createdAt][from]", message: isDate }] : []),
    ...(toMs === null ? [{ path: "filter[createdAt][to]", message: isDate }] : []),
    ...(periodMs === null
      ? [{ path: "filter[createdAt][period]", message: 'must be a period such as "1h", "24h" or "7d"' }]
      : []),
  ];
  if (issues.length > 0) return invalid(issues);
  const beginnings = [fromMs, periodMs == null ? null : nowMs - periodMs].filter((ms) => ms != null);
  return ok({
    ...(beginnings.length === 0 ? {} : { createdFromMs: Math.max(...beginnings) }),
    ...(toMs == null ? {} : { createdToMs: toMs + 1 }),
  });
}

/** The same from a list's parameters; empty ones ask for nothing. */
export function askedRange(query: URLSearchParams): AskedRange {
  const text = (name: string): string | null => query.get(`filter[createdAt][${name}]`)?.trim() || null;
  return { from: text("from"), to: text("to"), period: text("period") };
}
