/** Fires the Worker's cron trigger, which Miniflare does not do by itself. */

import type { LocalInstance } from "./localInstance.ts";

/** As in `wrangler.toml`. */
const CRON = "*/5 * * * *";
const EVERY_MS = 5 * 60_000;
/** The first run comes soon: what a crash left behind is healed while the person still looks. */
const FIRST_AFTER_MS = 10_000;

/** Goes on until the process ends; never keeps it alive. */
export function startWatchdog(instance: Pick<LocalInstance, "runScheduled">, onFault: (text: string) => void): void {
  const run = () => {
    instance.runScheduled(CRON).catch((error: unknown) => {
      onFault(`The watchdog failed: ${error instanceof Error ? error.message : String(error)}`);
    });
  };
  setTimeout(run, FIRST_AFTER_MS).unref();
  setTimeout(
    () => {
      run();
      setInterval(run, EVERY_MS).unref();
    },
    EVERY_MS - (Date.now() % EVERY_MS),
  ).unref();
}
