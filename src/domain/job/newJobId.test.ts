import { describe, expect, it } from "vitest";
import { isJobId, isShared, jobKey, objectOf } from "../ids.ts";
import type { JobChanges } from "./editMerge.ts";
import { newJobId } from "./newJobId.ts";

const NOW = Date.UTC(2030, 0, 1);

function keyOf(changes: JobChanges): string {
  const id = newJobId(changes, NOW, () => 0.5);
  expect(isJobId(id)).toBe(true);
  return jobKey(id);
}

describe("the id of a new job", () => {
  it.each<[string, JobChanges]>([
    ["runs at once", { kind: "one_time" }],
    ["is due at a time", { kind: "scheduled", schedule: { runAtMs: NOW + 1 } }],
  ])("of a plain one that %s names an object that it shares", (_which, changes) => {
    expect(isShared(keyOf(changes))).toBe(true);
  });

  it("goes by the hour in which it is due, and not by that of its creation", () => {
    const objectAt = (runAtMs: number) => objectOf(keyOf({ kind: "scheduled", schedule: { runAtMs } }));
    expect(objectAt(NOW + 5 * 3_600_000)).not.toBe(objectAt(NOW));
    expect(objectAt(NOW)).toBe(objectOf(keyOf({ kind: "one_time" })));
  });

  it.each<[string, JobChanges]>([
    ["recurring", { kind: "recurring", schedule: { everyMinutes: 5 } }],
    ["cron", { kind: "cron", schedule: { cron: "* * * * *" } }],
    ["with steps, also one that is due once", { kind: "workflow", schedule: { runAtMs: NOW } }],
    ["started by webhooks", { kind: "webhook_trigger" }],
    ["of no kind, which is refused", {}],
    ["due at no time, which is refused", { kind: "scheduled", schedule: { runAtMs: Number.NaN } }],
    ["due before time began, which is refused", { kind: "scheduled", schedule: { runAtMs: -1 } }],
    ["due without a time, which is refused", { kind: "scheduled" }],
  ])("of one %s names an object of its own", (_which, changes) => {
    expect(isShared(keyOf(changes))).toBe(false);
  });
});
