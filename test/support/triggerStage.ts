/** An instance, a target, and the environment of the Trigger.dev client set so that it speaks to that instance. */

import type { TestInstance } from "./instance.ts";
import { startInstance } from "./instance.ts";
import type { TargetServer } from "./targetServer.ts";
import { startTargetServer } from "./targetServer.ts";

export interface TaskOptions {
  readonly name?: string;
  /** What the target answers, as JSON; `{}` by default. */
  readonly answer?: unknown;
  readonly status?: number;
  /** The target never answers. */
  readonly hang?: boolean;
  readonly timeoutSeconds?: number;
  readonly concurrencyLimit?: number;
  readonly backoff?: Readonly<Record<string, unknown>>;
}

export interface Task {
  readonly id: string;
  readonly name: string;
  /** Where the target is called. */
  readonly path: string;
}

export interface TriggerStage {
  readonly instance: TestInstance;
  readonly target: TargetServer;
  /** A job without a schedule that posts to a path of its own, under a name of its own unless one is given. */
  createTask(options?: TaskOptions): Promise<Task>;
  stop(): Promise<void>;
}

/** The client reads both variables whenever it is called. */
export async function startTriggerStage(): Promise<TriggerStage> {
  const [instance, target] = await Promise.all([startInstance(), startTargetServer()]);
  process.env["TRIGGER_API_URL"] = instance.url;
  process.env["TRIGGER_SECRET_KEY"] = instance.ownerToken;
  let created = 0;
  return {
    instance,
    target,
    async createTask(options = {}) {
      const path = `/task-${++created}`;
      const name = options.name ?? `task-${created}`;
      const body = JSON.stringify(options.answer ?? {});
      target.on(path, options.hang ? { kind: "hang" } : { kind: "respond", status: options.status ?? 200, body });
      const answer = await instance.api("POST", "/v1/jobs", {
        name,
        kind: "scheduled",
        state: "draft",
        schedule: { run_at: "2090-01-01T00:00:00Z" },
        request: { url: target.url + path, method: "POST", timeout_seconds: options.timeoutSeconds ?? 20 },
        ...(options.concurrencyLimit === undefined ? {} : { concurrency_limit: options.concurrencyLimit }),
        ...(options.backoff === undefined ? {} : { retry_policy: { backoff: options.backoff } }),
      });
      if (answer.status !== 201) throw new Error(`The task was not created: ${JSON.stringify(answer.json)}`);
      return { id: answer.json.id as string, name, path };
    },
    async stop() {
      await Promise.all([instance.stop(), target.stop()]);
    },
  };
}
