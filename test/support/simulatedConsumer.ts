/** One invocation of the consumer, which may die at any point and then does nothing more, ever. For `simulation.ts`. */

import { env } from "cloudflare:workers";
import { jobIn } from "../../src/actors/client.ts";
import type { JobActorProtocol, SharedActorProtocol } from "../../src/domain/engine/protocol.ts";
import type { Bindings } from "../../src/entry/env.ts";

/** Where a consumer dies: each point is after the named thing happened and before anything else does. */
export type DeathPoint = "received" | "claimed" | "sent" | "recorded" | "finished";

export const NEVER = new Promise<never>(() => {});

export interface ConsumerWorld {
  readonly beforeD1: () => Promise<void>;
  readonly claimed: (consumer: Consumer, key: string) => void;
}

/** One invocation's view of the world, which ends where it dies. */
export class Consumer {
  dead = false;
  readonly died: Promise<void>;
  readonly #dies: DeathPoint | null;
  readonly #world: ConsumerWorld;
  readonly #die: () => void;

  constructor(dies: DeathPoint | null, world: ConsumerWorld) {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#dies = dies;
    this.#world = world;
    this.died = promise;
    this.#die = resolve;
  }

  reach(point: DeathPoint): void {
    if (this.#dies !== point || this.dead) return;
    this.dead = true;
    this.#die();
  }

  bindings(): Bindings {
    const changed: Partial<Bindings> = {
      DB: d1Through(async () => {
        if (this.dead) await NEVER;
        await this.#world.beforeD1();
      }),
      JOB_ACTOR: this.#namespace(),
    };
    return new Proxy(env as Bindings, {
      get: (target, key) => Reflect.get(key in changed ? changed : target, key) as unknown,
    });
  }

  #namespace(): Bindings["JOB_ACTOR"] {
    const alive = async <T>(call: () => Promise<T>): Promise<T> => {
      if (this.dead) await NEVER;
      const answer = await call();
      if (this.dead) await NEVER;
      return answer;
    };
    const mortal = (actor: JobActorProtocol): JobActorProtocol => ({
      apply: (job) => alive(() => actor.apply(job)),
      trigger: (request) => alive(() => actor.trigger(request)),
      triggerMany: (requests) => alive(() => actor.triggerMany(requests)),
      reschedule: (workspaceId, id, untilMs) => alive(() => actor.reschedule(workspaceId, id, untilMs)),
      forgetDedupe: (workspaceId, key) => alive(() => actor.forgetDedupe(workspaceId, key)),
      load: (workspaceId) => alive(() => actor.load(workspaceId)),
      countEarlier: (workspaceId, count) => alive(() => actor.countEarlier(workspaceId, count)),
      cancel: (workspaceId, id) => alive(() => actor.cancel(workspaceId, id)),
      describe: (workspaceId, id) => alive(() => actor.describe(workspaceId, id)),
      owed: () => alive(() => actor.owed()),
      erase: () => alive(() => actor.erase()),
      restart: (request) => alive(() => actor.restart(request)),
      signal: (request) => alive(() => actor.signal(request)),
      decide: (request) => alive(() => actor.decide(request)),
      approval: (executionId, step, token) => alive(() => actor.approval(executionId, step, token)),
      errands: () => alive(() => actor.errands()),
      errandDone: (id, outcome) => alive(() => actor.errandDone(id, outcome)),
      childEnded: (end) => alive(() => actor.childEnded(end)),
      cancelChild: (workspaceId, id) => alive(() => actor.cancelChild(workspaceId, id)),
      claim: (message) =>
        alive(async () => {
          const answer = await actor.claim(message);
          if (answer.verdict !== "run") return answer;
          this.#world.claimed(this, attemptKey(answer.work.executionId, answer.work.attempt));
          this.reach("claimed");
          return answer;
        }),
      finish: (result) => {
        this.reach("recorded");
        return alive(async () => {
          const answer = await actor.finish(result);
          this.reach("finished");
          return answer;
        });
      },
      confirm: (confirmed) => {
        this.reach("recorded");
        return alive(async () => {
          await actor.confirm(confirmed);
          this.reach("finished");
        });
      },
    });
    const getByName = (name: string): JobActorProtocol & SharedActorProtocol => {
      const stub = env.JOB_ACTOR.getByName(name) as unknown as JobActorProtocol;
      return {
        ...mortal(stub),
        ask: async (key, method, given) => {
          // The client that asks by key is the one that is tested; what it calls is mortal too.
          const call = mortal(jobIn(stub as unknown as SharedActorProtocol, key))[method] as (
            ...given: unknown[]
          ) => ReturnType<SharedActorProtocol["ask"]>;
          return (await call(...given)) as never;
        },
      };
    };
    return { getByName } as unknown as Bindings["JOB_ACTOR"];
  }
}

/** The real D1, each call of which first passes `gate`. */
function d1Through(gate: () => Promise<void>): D1Database {
  const originals = new WeakMap<object, D1PreparedStatement>();
  const gated = (statement: D1PreparedStatement): D1PreparedStatement => {
    const proxy = new Proxy(statement, {
      get(target, key) {
        if (key === "bind") return (...params: unknown[]) => gated(target.bind(...params));
        const member: unknown = Reflect.get(target, key, target);
        if (typeof member !== "function") return member;
        return async (...args: unknown[]): Promise<unknown> => {
          await gate();
          return Reflect.apply(member, target, args) as unknown;
        };
      },
    });
    originals.set(proxy, statement);
    return proxy;
  };
  const db = {
    prepare: (sql: string) => gated(env.DB.prepare(sql)),
    batch: async (batch: D1PreparedStatement[]) => {
      await gate();
      return await env.DB.batch(batch.map((each) => originals.get(each) ?? each));
    },
  };
  return db as unknown as D1Database;
}

/** Which attempt of which execution: what a claim and the request that it leads to have in common. */
export function attemptKey(executionId: string, attempt: number): string {
  return `${executionId}/${attempt}`;
}
