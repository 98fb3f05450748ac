import { describe, expect, it } from "vitest";
import { formatDuration, parseDuration, parseMoment } from "./duration.ts";

const NOW = Date.UTC(2030, 0, 31, 12);

describe("parseDuration", () => {
  it.each([
    ["30s", 30_000],
    ["10m", 600_000],
    ["1h", 3_600_000],
    ["1hr", 3_600_000],
    ["2d", 172_800_000],
    ["4w", 2_419_200_000],
    ["1h30m", 5_400_000],
    ["1w2d3h4m5s", 788_645_000],
    ["0s", 0],
  ])("reads %s", (text, ms) => {
    expect(parseDuration(text)).toBe(ms);
  });

  it.each(["", "1", "h", "1 h", "1.5h", "-1h", "1y", "1ms", "1h30", "PT1H", "99999999999s"])("refuses %j", (text) => {
    expect(parseDuration(text)).toBeNull();
  });
});

describe("formatDuration", () => {
  it.each([
    [3_600_000, "1h"],
    [5_400_000, "1h30m"],
    [788_645_000, "1w2d3h4m5s"],
    [90_500, "1m30s"],
    [400, "0s"],
  ])("writes %i ms as %s", (ms, text) => {
    expect(formatDuration(ms)).toBe(text);
  });
});

describe("parseMoment", () => {
  it.each<[string | number, number]>([
    ["10m", NOW + 600_000],
    ["2030-02-01T00:00:00.000Z", Date.UTC(2030, 1, 1)],
    ["2030-02-01", Date.UTC(2030, 1, 1)],
    ["1767225600000", 1_767_225_600_000],
    [1_767_225_600_000, 1_767_225_600_000],
  ])("reads %s", (value, ms) => {
    expect(parseMoment(value, NOW)).toBe(ms);
  });

  it.each<string | number>(["", "soon", "1", "2030", "Jan 1 2030", "2030-99-99", 1.5, Number.NaN, 1e300])(
    "refuses %j",
    (value) => {
      expect(parseMoment(value, NOW)).toBeNull();
    },
  );
});
