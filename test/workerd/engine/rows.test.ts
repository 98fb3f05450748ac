/** DESIGN section 3, "one scheduled execution, one successful attempt": counted, not estimated. */

import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { Simulation, SIMULATED_START_MS } from "../../support/simulation.ts";

const MINUTE = 60_000;

let world: Simulation;
afterEach(() => world.end());

describe.each([
  ["handed over", { direct: true }, { actorRequests: 2, queueOperations: 0 }],
  ["from the queue", { direct: false }, { actorRequests: 3, queueOperations: 3 }],
] as const)("one scheduled execution with one successful attempt, %s", (_how, options, most) => {
  beforeEach(() => {
    world = new Simulation(SIMULATED_START_MS, options);
  });

  it.each([
    ["recurring", { kind: "recurring", everyMinutes: 1 }],
    ["cron", { kind: "cron", cron: "* * * * *", timezone: "UTC", dst: { gap: "run", repeat: "once" } }],
  ] as const)(
    `of a %s job costs at most ${most.actorRequests} actor requests, 4 actor rows, 3 D1 rows, ${most.queueOperations} queue operations`,
    async (_kind, schedule) => {
      const job = await world.start({ schedule, concurrencyLimit: 1 });
      await world.advanceTo(SIMULATED_START_MS + MINUTE);
      world.logs.length = 0;
      const sentBefore = world.sent;
      const recordedBefore = await world.history(job);
      // A later fire: the first one's bill holds the actor's creation.
      await world.advanceTo(SIMULATED_START_MS + 2 * MINUTE);
      const bills = world.logs.filter((line) => line.event === "execution.finished").map((line) => line["cost"]);
      expect(bills).toHaveLength(1);
      const bill = bills[0] as Record<string, number>;
      expect(bill["actorRequests"]).toBeLessThanOrEqual(most.actorRequests);
      expect(bill["actorRowsWritten"]).toBeLessThanOrEqual(4);
      expect(bill["d1RowsWritten"]).toBeLessThanOrEqual(3);
      // A message is written, read and deleted.
      expect((bill["queueMessages"] ?? 0) * 3).toBeLessThanOrEqual(most.queueOperations);
      expect(world.sent - sentBefore).toBe(bill["queueMessages"]);
      expect(await world.history(job)).toHaveLength(recordedBefore.length + 1);
    },
  );

  it("leaves an idle job with nothing but its next alarm", async () => {
    const job = await world.start({ schedule: { kind: "recurring", everyMinutes: 1 } });
    await world.advanceTo(SIMULATED_START_MS + MINUTE);
    expect(await world.owed(job.id)).toEqual([]);
    expect(world.messages).toEqual([]);
    expect(await world.alarmOf(job.id)).toBe(SIMULATED_START_MS + 2 * MINUTE);
  });
});

describe("ten recurring jobs that share an object and are due at one moment", () => {
  const JOBS = 10;

  it.each([
    ["handed over", { direct: true }, { requests: 1, rows: 2 }],
    // The claim is a request and a row of its own.
    ["from the queue", { direct: false }, { requests: 2, rows: 3 }],
  ] as const)("pay together for the alarm, and each for its claim and its end, %s", async (_how, options, each) => {
    world = new Simulation(SIMULATED_START_MS, { ...options, shared: true });
    const schedule = { kind: "recurring", everyMinutes: 1 } as const;
    for (let index = 0; index < JOBS; index++) await world.start({ schedule, concurrencyLimit: 1 });
    await world.advanceTo(SIMULATED_START_MS + MINUTE);
    world.logs.length = 0;
    await world.advanceTo(SIMULATED_START_MS + 2 * MINUTE);
    const bills = world.logs.filter((line) => line.event === "execution.finished").map((line) => line["cost"]);
    expect(bills).toHaveLength(JOBS);
    const total = (count: string) =>
      bills.reduce<number>((sum, bill) => sum + ((bill as Record<string, number>)[count] ?? Number.NaN), 0);
    expect(total("actorRequests")).toBeLessThanOrEqual(JOBS * each.requests + 2);
    expect(total("actorRowsWritten")).toBeLessThanOrEqual(JOBS * each.rows + 2);
  });
});
