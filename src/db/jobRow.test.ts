import { describe, expect, it } from "vitest";
import { aJob } from "../../test/workerd/db/builders.ts";
import { RETRY_DEFAULTS } from "../domain/retry/policy.ts";
import { foldName, toJob, toJobColumns } from "./jobRow.ts";

describe("job row", () => {
  it("comes back as the job that went in", () => {
    const job = aJob({
      schedule: { kind: "cron", cron: "0 2 * * 1", timezone: "Europe/Paris", dst: { gap: "skip", repeat: "twice" } },
      retryPolicy: { ...RETRY_DEFAULTS, maxAttempts: 7, backoff: { ...RETRY_DEFAULTS.backoff, type: "fixed" } },
      overlapPolicy: "cancel_running",
      misfirePolicy: "catch_up",
      concurrencyLimit: 3,
      concurrencyOverride: { limit: 9, atMs: 5 },
      queuePaused: true,
    });
    expect(toJob(toJobColumns(job))).toEqual(job);
  });

  it("reads a definition of a release that knew fewer fields", () => {
    const stored = {
      schedule: { kind: "cron", cron: "* * * * *" },
      request: { url: "https://example.com/" },
      retryPolicy: { maxAttempts: 2, backoff: { initialMs: 1_000 } },
    };
    const job = toJob({ ...toJobColumns(aJob()), definition: JSON.stringify(stored) });
    expect(job.schedule).toEqual({
      kind: "cron",
      cron: "* * * * *",
      timezone: "UTC",
      dst: { gap: "run", repeat: "once" },
    });
    expect(job.request).toMatchObject({ method: "GET", timeoutSeconds: 30, successStatuses: [200, 201, 202, 204] });
    expect(job.retryPolicy).toEqual({
      ...RETRY_DEFAULTS,
      maxAttempts: 2,
      backoff: { ...RETRY_DEFAULTS.backoff, initialMs: 1_000 },
    });
    expect(job).toMatchObject({ concurrencyLimit: 1, overlapPolicy: "queue", misfirePolicy: "fire_once" });
    expect(job).toMatchObject({ concurrencyOverride: null, queuePaused: false });
  });

  it("folds names in every script", () => {
    expect(foldName("ÜBERWACHUNG")).toBe(foldName("u\u0308berwachung"));
    expect(foldName("ОТЧЁТ")).toBe("отчёт");
  });
});
