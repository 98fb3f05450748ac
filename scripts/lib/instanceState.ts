/** What `npm start` keeps beside the data: the instance's secrets, what its first start created, and who runs it now. */

import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { randomBytes } from "node:crypto";
import { join } from "node:path";
import { identify, isRunning, killNow } from "./processes.ts";
import type { ProcessId } from "./processes.ts";

/** `instance.json`, readable by its owner alone. `null` stands for what the first start has not come to yet. */
export interface InstanceState {
  readonly adminToken: string;
  /** 32 random bytes, base64. */
  readonly masterKey: string;
  readonly workspace: { readonly id: string; readonly name: string } | null;
  readonly ownerToken: string | null;
  /** Kept, because the sample jobs carry the address of the target. */
  readonly targetPort: number | null;
  /** Ids of the sample jobs; empty when the first start was told to create none. */
  readonly sampleJobIds: readonly string[] | null;
}

const STATE_FILE = "instance.json";
const LOCK_FILE = "lock.json";

/** The state as it was left, or a new one with fresh secrets, which `saveState` is yet to keep. */
export function loadState(stateDir: string): InstanceState {
  const path = join(stateDir, STATE_FILE);
  const text = readIfThere(path);
  if (text !== null) {
    try {
      return JSON.parse(text) as InstanceState;
    } catch {
      throw new Error(
        `${path} is damaged. Restore it, or start afresh with another directory: npm start -- --state DIR`,
      );
    }
  }
  return {
    adminToken: randomBytes(24).toString("base64url"),
    masterKey: randomBytes(32).toString("base64"),
    workspace: null,
    ownerToken: null,
    targetPort: null,
    sampleJobIds: null,
  };
}

/** By rename: a crash leaves the old state or the new one, never half of one. */
export function saveState(stateDir: string, state: InstanceState): void {
  const path = join(stateDir, STATE_FILE);
  writeFileSync(`${path}.new`, `${JSON.stringify(state, null, 2)}\n`, { mode: 0o600 });
  renameSync(`${path}.new`, path);
}

/** Who runs on a state directory: two instances on one SQLite file would both fire its alarms. */
interface LockRecord {
  readonly owner: ProcessId;
  /** The runtime outlives its owner when that one is killed with SIGKILL, and goes on firing alarms. */
  readonly runtime: readonly ProcessId[];
  readonly url: string | null;
}

export interface InstanceLock {
  /** Notes what runs now, for whoever finds the lock after a crash. */
  update(running: { readonly runtimePids: readonly number[]; readonly url: string }): void;
  release(): void;
  /** The runtimes that an earlier, killed start had left running; they are ended. */
  readonly orphansEnded: number;
}

export type LockOutcome =
  | { readonly ok: true; readonly lock: InstanceLock }
  | { readonly ok: false; readonly pid: number; readonly url: string | null };

export function lockState(stateDir: string): LockOutcome {
  mkdirSync(stateDir, { recursive: true });
  const path = join(stateDir, LOCK_FILE);
  const owner = identify(process.pid) ?? { pid: process.pid, startedAt: "" };
  const write = (record: LockRecord, flag: "w" | "wx") =>
    writeFileSync(path, JSON.stringify(record), { flag, mode: 0o600 });
  const free: LockRecord = { owner, runtime: [], url: null };
  const locked = (orphansEnded: number): LockOutcome => ({
    ok: true,
    lock: {
      orphansEnded,
      update: ({ runtimePids, url }) =>
        write({ owner, url, runtime: runtimePids.map(identify).filter((id) => id !== null) }, "w"),
      release: () => rmSync(path, { force: true }),
    },
  });

  try {
    write(free, "wx");
    return locked(0);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
  }
  const found = parseLock(readIfThere(path));
  if (found !== null && isRunning(found.owner)) return { ok: false, pid: found.owner.pid, url: found.url };
  const orphans = (found?.runtime ?? []).filter(isRunning);
  killNow(orphans.map(({ pid }) => pid));
  write(free, "w");
  return locked(orphans.length);
}

/** `null` for a lock that was cut short by a crash. */
function parseLock(text: string | null): LockRecord | null {
  try {
    return text === null ? null : (JSON.parse(text) as LockRecord);
  } catch {
    return null;
  }
}

function readIfThere(path: string): string | null {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return null;
    throw error;
  }
}
