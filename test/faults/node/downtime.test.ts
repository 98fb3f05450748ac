/** What takes minutes of real time, and so is part of the full form alone: a lost alarm, and due times that were missed. */

import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, dirname, join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { describe, expect, it } from "vitest";
import { engineApi } from "../../support/engineApi.ts";
import { startInstance, until } from "../../support/instance.ts";
import { startTargetServer } from "../../support/targetServer.ts";
import { FULL } from "./faultRun.ts";

/** A due time that is later than this was missed; an older one that left no trace is suspicious after 90 s. */
const MISSED_MS = 61_000;
const SUSPICIOUS_MS = 91_000;
const GRACE_MS = 60_000;

describe.runIf(FULL)("an instance that was down for minutes", () => {
  it("follows each job's misfire policy, and the watchdog re-arms the one whose alarm was lost", async () => {
    const stateDir = await mkdtemp(join(tmpdir(), "carillon-downtime-"));
    const [instance, target] = await Promise.all([startInstance({ stateDir }), startTargetServer()]);
    try {
      const api = engineApi(instance);
      const create = (path: string, misfire: string) =>
        api.createJob(`${target.url}${path}`, {
          kind: "recurring",
          schedule: { every_n_minutes: 1 },
          misfire_policy: misfire,
        });
      const lost = await create("/lost", "catch_up");
      const files = await actorFiles(stateDir);
      expect(files).toHaveLength(1);
      const jobs = await Promise.all([
        create("/fire_once", "fire_once"),
        create("/skip", "skip"),
        create("/catch_up", "catch_up"),
      ]);
      const createdMs = Date.parse(jobs[2]?.created_at ?? "");
      await instance.kill();
      expect(files.map(deleteAlarm)).toEqual([true]);
      // Over the first due time and two more, so that two were missed and one is late.
      const upMs = createdMs + 180_000 + 1_000;
      await until(() => Date.now() >= Math.max(upMs, createdMs + 60_000 + MISSED_MS), 240_000, "the downtime to pass");
      await instance.restart();

      const dueOf = async (id: string) =>
        (await api.list(id)).map((each) => Math.round((Date.parse(each.scheduled_for) - createdMs) / 60_000));
      const ended = async () => (await Promise.all(jobs.map((job) => dueOf(job.id)))).every((due) => due.length > 0);
      await until(ended, GRACE_MS, "every policy to show");
      const [fireOnce = [], skip = [], catchUp = []] = await Promise.all(jobs.map((job) => dueOf(job.id)));
      expect(fireOnce[0]).toBe(3);
      expect(skip[0]).toBe(3);
      await until(async () => (await dueOf(jobs[2]?.id ?? "")).length >= 3, GRACE_MS, "all missed times to run");
      expect([catchUp[0], (await dueOf(jobs[2]?.id ?? "")).slice(0, 3)]).toEqual([1, [1, 2, 3]]);

      // Nothing rings for this one. Its first due time has been suspicious for long.
      expect(Date.now()).toBeGreaterThan(Date.parse(lost.created_at) + 60_000 + SUSPICIOUS_MS);
      expect(target.arrivalsAt("/lost")).toEqual([]);
      await instance.runScheduled();
      await target.waitFor(() => target.arrivalsAt("/lost").length >= 3, GRACE_MS);
      // And it is armed again: the next due time comes by itself.
      const arrived = target.arrivalsAt("/lost").length;
      await target.waitFor(() => target.arrivalsAt("/lost").length > arrived, 60_000 + GRACE_MS);
    } finally {
      await instance.stop();
      await target.stop();
      await rm(stateDir, { recursive: true, force: true });
    }
  });
});

async function actorFiles(stateDir: string): Promise<string[]> {
  const names = await readdir(stateDir, { recursive: true });
  return names
    .filter((name) => name.includes("JobActor") && name.endsWith(".sqlite") && !name.endsWith("metadata.sqlite"))
    .map((name) => join(stateDir, name));
}

/** Deletes the alarm behind the platform's back, from its scheduler and from the object; says whether there was one. */
function deleteAlarm(file: string): boolean {
  const remove = (path: string, sql: string, ...parameters: string[]) => {
    const database = new DatabaseSync(path);
    try {
      return Number(database.prepare(sql).run(...parameters).changes);
    } finally {
      database.close();
    }
  };
  const scheduler = join(dirname(file), "metadata.sqlite");
  const removed = remove(scheduler, "DELETE FROM _cf_ALARM WHERE actor_id = ?", basename(file, ".sqlite"));
  return removed + remove(file, "DELETE FROM _cf_METADATA WHERE key = 1") === 2;
}
