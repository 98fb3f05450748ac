import { describe, expect, it } from "vitest";
import { offsetPeriodAt, validateTimezone } from "./timezone.ts";

describe("validateTimezone", () => {
  it.each(["UTC", "Europe/Berlin", "europe/berlin", "Asia/Kolkata", "America/Argentina/Buenos_Aires", "Etc/GMT+2"])(
    "accepts %s",
    (timezone) => {
      expect(validateTimezone(timezone)).toEqual({ ok: true, value: timezone });
    },
  );

  it.each(["+02:00", "-0330", "UTC+2", "GMT-3"])("refuses the fixed offset %s", (timezone) => {
    const message = `The time zone "${timezone}" is a fixed offset, not a name. Accepted: an IANA name such as "Europe/Berlin" or "UTC".`;
    expect(validateTimezone(timezone, "schedule.timezone")).toEqual({
      ok: false,
      error: { path: "schedule.timezone", message },
    });
  });

  it.each(["", "Mars/Olympus", " Europe/Berlin", "Berlin"])("refuses the unknown name %j", (timezone) => {
    const result = validateTimezone(timezone);
    expect(result.ok ? "" : result.error.message).toContain(`The time zone "${timezone}" is not known. Accepted:`);
  });
});

describe("offsetPeriodAt", () => {
  it("finds the very second at which a clock jumps", () => {
    const jumpMs = Date.parse("2026-03-29T01:00:00Z");
    expect(offsetPeriodAt("Europe/Berlin", jumpMs)).toMatchObject({
      fromMs: jumpMs,
      offsetMs: 7_200_000,
      previousOffsetMs: 3_600_000,
    });
    expect(offsetPeriodAt("Europe/Berlin", jumpMs - 1)).toMatchObject({ untilMs: jumpMs, offsetMs: 3_600_000 });
  });

  it("covers time without holes or overlaps", () => {
    let atMs = Date.parse("2026-01-01T00:00:00Z");
    while (atMs < Date.parse("2027-01-01T00:00:00Z")) {
      const period = offsetPeriodAt("Australia/Lord_Howe", atMs);
      expect(period.fromMs).toBeLessThanOrEqual(atMs);
      expect(period.untilMs).toBeGreaterThan(atMs);
      const next = offsetPeriodAt("Australia/Lord_Howe", period.untilMs);
      expect(next.fromMs).toBe(period.untilMs);
      expect(next.previousOffsetMs).toBe(period.offsetMs);
      atMs = period.untilMs;
    }
  });
});
