/** The bindings of Carillon with a counter at each: what is counted is what the platform sees, not what we believe. */

import type { Bindings } from "../../src/entry/env.ts";
import type { ExecutionMessage } from "../../src/queue/message.ts";
import type { PlatformCounts } from "./platformCounts.ts";

/** What a statement was, for the query plans. */
export interface RecordedStatement {
  readonly sql: string;
  readonly params: readonly unknown[];
}

/** One operation of a queue (facts 2). */
const QUEUE_CHUNK_BYTES = 64_000;

export function countedBindings(env: Bindings, counts: PlatformCounts, statements: RecordedStatement[]): Bindings {
  return {
    ...env,
    DB: countedDatabase(env.DB, counts, statements),
    JOB_ACTOR: countedNamespace(env.JOB_ACTOR, counts),
    EXECUTIONS: countedQueue(env.EXECUTIONS, counts),
    LONG_EXECUTIONS: countedQueue(env.LONG_EXECUTIONS, counts),
  };
}

/** Counts reads, and deletions of all but the messages that are to come again. Writes are counted where they are sent. */
export function countedBatch(
  batch: MessageBatch<ExecutionMessage>,
  counts: PlatformCounts,
): MessageBatch<ExecutionMessage> {
  const retried = new Set<string>();
  for (const { body } of batch.messages) counts.queueOperations += 2 * operationsOf(body);
  return {
    queue: batch.queue,
    metadata: batch.metadata,
    messages: batch.messages.map((message) => ({
      id: message.id,
      timestamp: message.timestamp,
      attempts: message.attempts,
      body: message.body,
      ack: () => message.ack(),
      retry: (options) => {
        if (!retried.has(message.id)) counts.queueOperations -= operationsOf(message.body);
        retried.add(message.id);
        message.retry(options);
      },
    })),
    ackAll: () => batch.ackAll(),
    retryAll: (options) => batch.retryAll(options),
  };
}

function countedQueue(queue: Queue<ExecutionMessage>, counts: PlatformCounts): Queue<ExecutionMessage> {
  return new Proxy(queue, {
    get(target, key) {
      if (key === "send") {
        return (body: ExecutionMessage, options?: QueueSendOptions) => {
          counts.queueOperations += operationsOf(body);
          return target.send(body, options);
        };
      }
      if (key === "sendBatch") {
        return (messages: Iterable<MessageSendRequest<ExecutionMessage>>, options?: QueueSendBatchOptions) => {
          const batch = [...messages];
          for (const { body } of batch) counts.queueOperations += operationsOf(body);
          return target.sendBatch(batch, options);
        };
      }
      return memberOf(target, key);
    },
  });
}

function operationsOf(body: unknown): number {
  return Math.ceil(JSON.stringify(body).length / QUEUE_CHUNK_BYTES);
}

/** Every call of a method of a stub is a request. */
function countedNamespace(namespace: Bindings["JOB_ACTOR"], counts: PlatformCounts): Bindings["JOB_ACTOR"] {
  return new Proxy(namespace, {
    get(target, key) {
      const member = memberOf(target, key);
      if (key !== "get" && key !== "getByName") return member;
      return (...args: unknown[]) => countedStub((member as (...args: unknown[]) => object)(...args), counts);
    },
  });
}

function countedStub(stub: object, counts: PlatformCounts): object {
  return new Proxy(stub, {
    get(target, key) {
      const method = Reflect.get(target, key, target) as (...args: unknown[]) => unknown;
      return (...args: unknown[]) => {
        counts.actorRequests += 1;
        return Reflect.apply(method, target, args);
      };
    },
  });
}

function countedDatabase(db: D1Database, counts: PlatformCounts, recorded: RecordedStatement[]): D1Database {
  const originals = new WeakMap<object, { statement: D1PreparedStatement } & RecordedStatement>();

  const note = (results: readonly D1Result[]): void => {
    counts.d1Calls += 1;
    counts.d1Queries += results.length;
    for (const { meta } of results) {
      counts.d1RowsRead += meta.rows_read;
      counts.d1RowsWritten += meta.rows_written;
    }
  };

  const counted = (statement: D1PreparedStatement, sql: string, params: readonly unknown[]): D1PreparedStatement => {
    const all = async <Row>(): Promise<D1Result<Row>> => {
      recorded.push({ sql, params });
      const result = await statement.all<Row>();
      note([result]);
      return result;
    };
    const wrapped = {
      bind: (...values: unknown[]) => counted(statement.bind(...values), sql, values),
      all,
      run: all,
      // The platform's own `first` and `raw` do not say what they have read.
      first: async (column?: string) => {
        const [row] = (await all<Record<string, unknown>>()).results;
        return row === undefined ? null : column === undefined ? row : (row[column] ?? null);
      },
      raw: async () => (await all<Record<string, unknown>>()).results.map((row) => Object.values(row)),
    } as D1PreparedStatement;
    originals.set(wrapped, { statement, sql, params });
    return wrapped;
  };

  return {
    prepare: (sql: string) => counted(db.prepare(sql), sql, []),
    batch: async <Row>(statements: D1PreparedStatement[]) => {
      const known = statements.map((each) => originals.get(each) ?? { statement: each, sql: "", params: [] });
      for (const { sql, params } of known) recorded.push({ sql, params });
      const results = await db.batch<Row>(known.map(({ statement }) => statement));
      note(results);
      return results;
    },
    exec: (query: string) => db.exec(query),
    withSession: (constraint?: D1SessionBookmark | D1SessionConstraint) => db.withSession(constraint),
    dump: () => db.dump(),
  } as D1Database;
}

/** Bound: the platform's methods know their object only as `this`. */
function memberOf(target: object, key: string | symbol): unknown {
  const member: unknown = Reflect.get(target, key, target);
  return typeof member === "function" ? (member.bind(target) as unknown) : member;
}
