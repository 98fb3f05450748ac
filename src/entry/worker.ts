/** Where a reader starts: one Worker with three handlers, the Durable Object class that hosts jobs, and what makes its attempts. */

import { runWatchdog } from "../app/reconcile/watchdog.ts";
import { createApp } from "../http/app.ts";
import { logEvent } from "../observability/log.ts";
import { consumeBatch } from "../queue/consumer.ts";
import { composeConsumer, composeServices, composeWatchdog } from "./compose.ts";
import type { Bindings } from "./env.ts";

export { JobActor } from "../actors/job/JobActor.ts";
export { AttemptWorker } from "./attemptWorker.ts";

/** As `wrangler.toml` names it. */
const LONG_QUEUE = "carillon-long-executions";

const app = createApp<Bindings>(({ env, executionCtx, url }) =>
  composeServices(env, (work) => executionCtx.waitUntil(work), new URL(url)),
);

export default {
  fetch(request, env, context) {
    return app.fetch(request, env, context);
  },

  async queue(batch, env, context) {
    const deps = composeConsumer(env, (work) => context.waitUntil(work));
    await consumeBatch(batch, deps, batch.queue === LONG_QUEUE ? "awaited" : "detached");
  },

  async scheduled(_controller, env) {
    const report = await runWatchdog(composeWatchdog(env));
    logEvent("watchdog.done", { ...report });
  },
} satisfies ExportedHandler<Bindings>;
