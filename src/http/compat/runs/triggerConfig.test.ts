import { describe, expect, it } from "vitest";
import { CALL, complaints, made, shown } from "./definition.fixture.ts";

const API = { type: "api" };

describe("a trigger", () => {
  it.each([
    [API, { kind: "workflow", timing: null }],
    [{ type: "webhook" }, { kind: "webhook_trigger" }],
    [
      { type: "schedule", cron: "0 9 * * 1", timezone: "Europe/Berlin", enabled: true },
      {
        kind: "workflow",
        timing: { kind: "cron", cron: "0 9 * * 1", timezone: "Europe/Berlin", dst: { gap: "run", repeat: "once" } },
      },
    ],
    [{ type: "schedule", interval: { value: 90, unit: "minutes" } }, timing(90)],
    [{ type: "schedule", interval: { value: 2, unit: "hours" } }, timing(120)],
    [{ type: "schedule", interval: { value: 1, unit: "days" } }, timing(1_440)],
  ])("%j is a schedule of ours", (trigger, schedule) => {
    expect(made([CALL], trigger).schedule).toEqual(schedule);
  });

  function timing(everyMinutes: number) {
    return { kind: "workflow", timing: { kind: "recurring", everyMinutes } };
  }

  it.each([
    [
      { type: "schedule", cron: "0 9 * * 1" },
      { cron: "0 9 * * 1", timezone: "UTC", enabled: true },
    ],
    [{ type: "schedule", interval: { value: 120, unit: "minutes" } }, { interval: { value: 2, unit: "hours" } }],
    [
      { type: "webhook", provider: "custom", verifySignature: false },
      { type: "webhook", provider: "custom" },
    ],
  ])("%j is shown again", (trigger, members) => {
    expect(shown(made([CALL], trigger)).trigger).toMatchObject(members);
  });

  it.each([
    [{ type: "manual" }, "trigger.type", /"api", "schedule" or "webhook"/],
    [{ type: "schedule" }, "trigger", /either cron or interval/],
    [{ type: "schedule", cron: "* * * * *", interval: { value: 1, unit: "hours" } }, "trigger", /not both/],
    [{ type: "schedule", interval: { value: 525_600, unit: "minutes" } }, "trigger.interval", /at most one day here/],
    [{ type: "schedule", interval: { value: 525_601, unit: "minutes" } }, "trigger.interval.value", /525600/],
    [{ type: "schedule", interval: { value: 1, unit: "weeks" } }, "trigger.interval", /as cron/],
    [{ type: "schedule", cron: "0 0 9 * * 1" }, "trigger.cron", /five fields/],
    [{ type: "schedule", cron: "0 9 * * 1", timezone: "Mars/Olympus" }, "trigger.timezone", /Mars/],
    [{ type: "schedule", cron: "0 9 * * 1", enabled: false }, "trigger.enabled", /draft, or paused/],
    [{ type: "webhook", provider: "stripe" }, "trigger.provider", /webhook.verification/],
    [{ type: "webhook", events: ["invoice.paid"] }, "trigger.events", /webhook.filter/],
    [{ type: "webhook", path: "/x" }, "trigger.path", /url/],
    [{ type: "webhook", verifySignature: true }, "trigger.verifySignature", /webhook.verification/],
    [null, "trigger", /of type "api", "schedule" or "webhook"/],
  ])("%j is refused at %s", (trigger, path, message) => {
    expect(complaints([CALL], trigger)[path]).toMatch(message);
  });
});
