/** Starts the outside world (`worldProcess.ts`) and speaks with it. */

import { fork } from "node:child_process";
import { join } from "node:path";
import type { Arrival, FromWorld, LoadOutcome, LoadPlan, ToWorld, WorldMethods } from "./methods.ts";
import { killNow } from "../../scripts/lib/processes.ts";

export interface World {
  /** Of the target, without a trailing slash. */
  readonly url: string;
  /** Forgets all arrivals; with `details`, each one from now on is recorded and told to `onArrival`. */
  forget(options: { readonly details: boolean }): Promise<void>;
  count(): Promise<number>;
  arrivals(): Promise<readonly Arrival[]>;
  load(plan: LoadPlan): Promise<LoadOutcome>;
  onArrival(listener: (arrival: Arrival) => void): void;
  stop(): void;
}

const PROCESS_MODULE = join(import.meta.dirname, "worldProcess.ts");

export async function startWorld(): Promise<World> {
  const child = fork(PROCESS_MODULE, [], { stdio: ["ignore", "ignore", "inherit", "ipc"] });
  const waiting = new Map<number, { resolve: (result: unknown) => void; reject: (error: Error) => void }>();
  const ready = Promise.withResolvers<string>();
  let listener: (arrival: Arrival) => void = () => {};
  let lastId = 0;

  child.on("message", (message: FromWorld) => {
    switch (message.type) {
      case "ready":
        return ready.resolve(message.url);
      case "arrival":
        return listener(message.arrival);
      case "answer":
        waiting.get(message.id)?.resolve(message.result);
        return void waiting.delete(message.id);
      case "failed":
        waiting.get(message.id)?.reject(new Error(message.problem));
        return void waiting.delete(message.id);
    }
  });
  child.on("exit", (code, signal) => {
    const error = new Error(`The target's process ended (${signal ?? code}).`);
    ready.reject(error);
    for (const each of waiting.values()) each.reject(error);
  });

  const call = <Method extends keyof WorldMethods>(
    method: Method,
    ...params: Parameters<WorldMethods[Method]>
  ): Promise<ReturnType<WorldMethods[Method]>> =>
    new Promise((resolve, reject) => {
      lastId += 1;
      waiting.set(lastId, { resolve: resolve as (result: unknown) => void, reject });
      child.send({ id: lastId, method, params } as ToWorld);
    });

  return {
    url: await ready.promise,
    forget: (options) => call("forget", options),
    count: () => call("count"),
    arrivals: () => call("arrivals"),
    load: (plan) => call("load", plan),
    onArrival: (next) => {
      listener = next;
    },
    stop: () => {
      child.removeAllListeners("exit");
      if (child.pid !== undefined && child.exitCode === null) killNow([child.pid]);
    },
  };
}
