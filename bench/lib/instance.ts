/** A Worker on Miniflare, started for one measurement and forgotten at its end, with what it uses of the machine. */

import { randomBytes } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseEvent } from "../../scripts/lib/executionLines.ts";
import { startLocalInstance } from "../../scripts/lib/localInstance.ts";
import type { LogLine } from "../../scripts/lib/localInstance.ts";
import { runtimePids, usageOf } from "./runtimeUsage.ts";
import type { RuntimeUsage } from "./runtimeUsage.ts";
import type { BuiltWorker } from "./workers.ts";

export interface Instance {
  /** Without a trailing slash. */
  readonly url: string;
  /** Of V8; `null` unless it was asked for. */
  readonly inspectorUrl: URL | null;
  /** JSON lines that the Worker logged, parsed. */
  readonly events: readonly Readonly<Record<string, unknown>>[];
  /** Lines that say that something went wrong. */
  readonly faults: readonly string[];
  usage(): RuntimeUsage;
  /** Fires the cron trigger. */
  runScheduled(): Promise<void>;
  stop(): Promise<void>;
}

export interface InstanceOptions {
  readonly worker: BuiltWorker;
  readonly bindings: Readonly<Record<string, string>>;
  readonly inspected?: boolean;
  /** Keeps `events`. Full-speed measurements do not. */
  readonly keepEvents?: boolean;
}

/** As in `wrangler.toml`. */
const WATCHDOG_CRON = "*/5 * * * *";

/** One at a time: what this process starts next would share the machine with it. */
export async function startInstance(options: InstanceOptions): Promise<Instance> {
  const stateDir = await mkdtemp(join(tmpdir(), "carillon-bench-"));
  const events: Readonly<Record<string, unknown>>[] = [];
  const faults: string[] = [];
  const before = new Set(runtimePids());

  const onLog = (line: LogLine): void => {
    if (line.level === "error" || line.level === "warn") faults.push(line.text);
    const event = options.keepEvents === true ? parseEvent(line.text) : null;
    if (event !== null) events.push(event);
  };

  try {
    const local = await startLocalInstance({
      stateDir,
      port: 0,
      bindings: options.bindings,
      onLog,
      ...(options.inspected === true ? { inspectorPort: 0 } : {}),
      ...(options.worker === null ? {} : { other: options.worker }),
    });
    const pid = runtimePids().find((each) => !before.has(each)) ?? null;
    return {
      url: local.url,
      inspectorUrl: options.inspected === true ? await local.miniflare.getInspectorURL() : null,
      events,
      faults,
      usage: () => usageOf(pid),
      runScheduled: () => local.runScheduled(WATCHDOG_CRON),
      stop: async () => {
        await local.stop();
        await rm(stateDir, { recursive: true, force: true });
      },
    };
  } catch (error) {
    await rm(stateDir, { recursive: true, force: true });
    throw error;
  }
}

/** The secrets of a Carillon that may call the loopback target. */
export function carillonBindings(): { readonly ADMIN_TOKEN: string } & Readonly<Record<string, string>> {
  return {
    ADMIN_TOKEN: randomBytes(24).toString("base64url"),
    MASTER_KEY: randomBytes(32).toString("base64"),
    ALLOW_PRIVATE_TARGETS: "true",
  };
}
