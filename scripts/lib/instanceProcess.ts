/**
 * An instance in a process of its own, driven over IPC: tests and benchmarks can then end it as a power cut would, with
 * its runtime, and measure it apart from themselves. Started with `fork`; see `test/support/instance.ts`.
 */

import { startLocalInstance } from "./localInstance.ts";
import type { LocalInstance, LocalInstanceOptions, LogLine } from "./localInstance.ts";

export type InstanceProcessOptions = Omit<LocalInstanceOptions, "onLog" | "onRuntimeRestart">;

export type ToInstance =
  | { readonly type: "start"; readonly options: InstanceProcessOptions }
  | { readonly type: "runScheduled"; readonly cron: string }
  | { readonly type: "stop" };

export type FromInstance =
  | { readonly type: "ready"; readonly url: string }
  | { readonly type: "log"; readonly line: LogLine }
  | { readonly type: "scheduled"; readonly problem: string | null }
  | { readonly type: "failed"; readonly problem: string };

let instance: LocalInstance | null = null;

process.on("message", (message: ToInstance) => {
  handle(message).catch((error: unknown) => {
    tell({ type: "failed", problem: error instanceof Error ? (error.stack ?? error.message) : String(error) });
    process.exitCode = 1;
    process.disconnect();
  });
});
// The parent has ended, in whatever way: nothing of this may outlive it. Miniflare kills workerd in an exit listener.
process.on("disconnect", () => process.exit());

async function handle(message: ToInstance): Promise<void> {
  switch (message.type) {
    case "start":
      instance = await startLocalInstance({ ...message.options, onLog: (line) => tell({ type: "log", line }) });
      tell({ type: "ready", url: instance.url });
      return;
    case "runScheduled":
      tell({ type: "scheduled", problem: await problemOf(instance?.runScheduled(message.cron)) });
      return;
    case "stop":
      await instance?.stop();
      process.disconnect();
      return;
  }
}

async function problemOf(work: Promise<void> | undefined): Promise<string | null> {
  try {
    await work;
    return null;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

function tell(message: FromInstance): void {
  process.send?.(message);
}
