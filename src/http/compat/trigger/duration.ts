/** Durations as Trigger.dev's clients write them, `1h30m`, and moments that are given by one or by a date. */

const UNITS_MS: Readonly<Record<string, number>> = {
  w: 604_800_000,
  d: 86_400_000,
  hr: 3_600_000,
  h: 3_600_000,
  m: 60_000,
  s: 1_000,
};

const WHOLE = /^(?:\d{1,9}(?:w|d|hr|h|m|s))+$/;
const PART = /(\d+)(w|d|hr|h|m|s)/g;

/** The last moment that a date can name; what lies beyond is no moment. */
const LATEST_MS = 8.64e15;

/** How the formats are named to somebody who sent another one. */
export const DURATION_FORMAT = 'a duration such as "30s", "10m", "1h30m", "2d" or "1w"';
export const MOMENT_FORMAT = `${DURATION_FORMAT}, or a date in ISO 8601`;

/** Milliseconds of `1w2d3h4m5s`, in which any part may be missing; `null` for any other text. */
export function parseDuration(text: string): number | null {
  if (!WHOLE.test(text)) return null;
  return [...text.matchAll(PART)].reduce(
    (sum, [, count, unit]) => sum + Number(count) * (UNITS_MS[unit ?? ""] ?? 0),
    0,
  );
}

/** The shortest text for a duration; what is left below a second is dropped. */
export function formatDuration(durationMs: number): string {
  let restMs = durationMs;
  let text = "";
  for (const unit of ["w", "d", "h", "m", "s"]) {
    const unitMs = UNITS_MS[unit] ?? 1;
    const count = Math.floor(restMs / unitMs);
    restMs -= count * unitMs;
    if (count > 0) text += `${count}${unit}`;
  }
  return text === "" ? "0s" : text;
}

/** A moment as epoch milliseconds: a duration from now, a date in ISO 8601, or epoch milliseconds; `null` if it is none. */
export function parseMoment(value: string | number, nowMs: number): number | null {
  const moment = typeof value === "number" ? value : textMoment(value.trim(), nowMs);
  return moment !== null && Number.isInteger(moment) && Math.abs(moment) <= LATEST_MS ? moment : null;
}

function textMoment(text: string, nowMs: number): number | null {
  const durationMs = parseDuration(text);
  if (durationMs !== null) return nowMs + durationMs;
  if (/^\d{12,15}$/.test(text)) return Number(text);
  // Date's own parser takes almost anything, "1" among it, as some date of its own choice.
  return /^\d{4}-\d\d-\d\d/.test(text) ? Date.parse(text) : null;
}
