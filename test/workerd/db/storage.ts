/** The real D1 with ears, and D1s that fail, for tests of the repositories. */

import { env } from "cloudflare:workers";
import { createBatchRepository } from "../../../src/db/batchRepository.ts";
import { createBulkActionRepository } from "../../../src/db/bulkActionRepository.ts";
import { createExecutionRepository } from "../../../src/db/executionRepository.ts";
import type { HistoryDeps } from "../../../src/db/history.ts";
import { createHistory } from "../../../src/db/history.ts";
import { createJobRepository } from "../../../src/db/jobRepository.ts";
import { createLabelRepository } from "../../../src/db/labelRepository.ts";
import { createScheduleBindingRepository } from "../../../src/db/scheduleBindingRepository.ts";
import { createSecretRepository } from "../../../src/db/secretRepository.ts";
import { createSigningKeyRepository } from "../../../src/db/signingKeyRepository.ts";
import { createTokenRepository } from "../../../src/db/tokenRepository.ts";
import { createWaitTokenRepository } from "../../../src/db/waitTokenRepository.ts";
import { createWorkspaceRepository } from "../../../src/db/workspaceRepository.ts";
import type { StorageError } from "../../../src/db/errors.ts";

/** Retries do not wait; the deadline never passes, unless a test brings its own `sleep`. */
export const deps = {
  random: () => 0.5,
  sleep: (delayMs: number) => (delayMs < 1_000 ? Promise.resolve() : new Promise<void>(() => {})),
};

export function storageOn(db: D1Database, historyDeps: Partial<HistoryDeps> = {}) {
  const reported: StorageError[] = [];
  return {
    reported,
    jobs: createJobRepository(db, deps),
    executions: createExecutionRepository(db, deps),
    workspaces: createWorkspaceRepository(db, deps),
    tokens: createTokenRepository(db, deps),
    secrets: createSecretRepository(db, deps),
    signingKeys: createSigningKeyRepository(db, deps),
    labels: createLabelRepository(db, deps),
    batches: createBatchRepository(db, deps),
    waitTokens: createWaitTokenRepository(db, deps),
    scheduleBindings: createScheduleBindingRepository(db, deps),
    bulkActions: createBulkActionRepository(db, deps),
    history: createHistory(db, { ...deps, report: (error) => reported.push(error), ...historyDeps }),
  };
}

export interface RecordedStatement {
  readonly sql: string;
  readonly params: readonly unknown[];
}

/** The real D1, noting down each statement that is bound and the rows that each answer says were written. */
export function recordingD1(): { db: D1Database; statements: RecordedStatement[]; rowsWritten: () => number } {
  const statements: RecordedStatement[] = [];
  let written = 0;
  const count = (answer: unknown): void => {
    for (const each of Array.isArray(answer) ? answer : [answer]) {
      written += (each as D1Result | undefined)?.meta?.rows_written ?? 0;
    }
  };
  const originals = new WeakMap<object, D1PreparedStatement>();
  const listen = (statement: D1PreparedStatement, sql: string): D1PreparedStatement => {
    const proxy = new Proxy(statement, {
      get(target, key) {
        if (key === "bind") {
          return (...params: unknown[]) => {
            statements.push({ sql, params });
            return listen(target.bind(...params), sql);
          };
        }
        const member: unknown = Reflect.get(target, key, target);
        if (typeof member !== "function") return member;
        return async (...args: unknown[]) => {
          const answer: unknown = await Reflect.apply(member, target, args);
          count(answer);
          return answer;
        };
      },
    });
    originals.set(proxy, statement);
    return proxy;
  };
  const db = {
    prepare: (sql: string) => listen(env.DB.prepare(sql), sql),
    batch: async (batch: D1PreparedStatement[]) => {
      const answers = await env.DB.batch(batch.map((each) => originals.get(each) ?? each));
      count(answers);
      return answers;
    },
  };
  return { db: db as unknown as D1Database, statements, rowsWritten: () => written };
}

/** A D1 whose next `times` calls fail with a text of its own; `calls` counts all of them. */
export function failingD1(text: string, times = Number.POSITIVE_INFINITY): { db: D1Database; calls: () => number } {
  let calls = 0;
  const mayFail = (): void => {
    calls += 1;
    if (calls <= times) throw new Error(`D1_ERROR: ${text}`, { cause: new Error(text) });
  };
  const originals = new WeakMap<object, D1PreparedStatement>();
  const fallible = (statement: D1PreparedStatement): D1PreparedStatement => {
    const proxy = new Proxy(statement, {
      get(target, key) {
        if (key === "bind") return (...params: unknown[]) => fallible(target.bind(...params));
        const member: unknown = Reflect.get(target, key, target);
        if (typeof member !== "function") return member;
        return async (...args: unknown[]) => {
          mayFail();
          return Reflect.apply(member, target, args) as unknown;
        };
      },
    });
    originals.set(proxy, statement);
    return proxy;
  };
  const db = {
    prepare: (sql: string) => fallible(env.DB.prepare(sql)),
    batch: async (batch: D1PreparedStatement[]) => {
      mayFail();
      return env.DB.batch(batch.map((each) => originals.get(each) ?? each));
    },
  };
  return { db: db as unknown as D1Database, calls: () => calls };
}
