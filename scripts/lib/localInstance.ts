/**
 * The whole instance on this machine: the built bundle on Miniflare itself, as `wrangler.toml` configures it.
 *
 * `npm start`, the black-box tests and the benchmarks all run this. Nothing of the product is simulated here but the
 * platform: the cron trigger is fired by `runScheduled`, because Miniflare does not keep time for crons.
 */

import { readFileSync } from "node:fs";
import { basename, resolve } from "node:path";
import { convertV4MiniflareOptions, Log, LogLevel, Miniflare } from "miniflare";
import type { V4WorkerOptions } from "miniflare";
import { applyMigrations } from "./migrations.ts";
import type { MigratableDatabase } from "./migrations.ts";
import { MIGRATIONS_DIR, WORKER_BUNDLE, WORKER_OPTIONS } from "./paths.ts";
import { childrenOf } from "./processes.ts";
import { readWorkerOptions } from "./workerOptions.ts";
import type { WorkerOptions } from "./workerOptions.ts";

/** What the Worker, or the runtime itself, wrote. */
export interface LogLine {
  /** `log`, `info`, `warn`, `error`, `debug`. */
  readonly level: string;
  readonly text: string;
  readonly atMs: number;
}

export interface LocalInstanceOptions {
  /** Keeps D1 and Durable Objects from start to start; `null` forgets them at the end. Queues are never kept. */
  readonly stateDir: string | null;
  /** 0 takes any free one. */
  readonly port: number;
  /** Text bindings on top of `[vars]`: secrets and the like. */
  readonly bindings: Readonly<Record<string, string>>;
  readonly onLog: (line: LogLine) => void;
  /** The runtime died and was started again, under another pid. */
  readonly onRuntimeRestart?: () => void;
  /** Opens V8's inspector, for `npm run bench -- --profile`; 0 takes any free port (`miniflare.getInspectorURL`). */
  readonly inspectorPort?: number;
  /** Another Worker than Carillon's built one, such as a benchmark's skeleton. */
  readonly other?: {
    /** One bundled module. */
    readonly script: string;
    readonly configPath: string;
    /** `null` for a Worker without a D1 database. */
    readonly migrationsDir: string | null;
  };
}

export interface LocalInstance {
  /** `http://127.0.0.1:<port>`, without a trailing slash. */
  readonly url: string;
  readonly migrationsApplied: readonly string[];
  readonly miniflare: Miniflare;
  /** What the platform does at a cron trigger. Rejects when the handler did not end well. */
  runScheduled(cron: string): Promise<void>;
  /** The workerd processes that this Node process started, this instance's among them. */
  runtimePids(): readonly number[];
  stop(): Promise<void>;
}

const HOST = "127.0.0.1";
/** Where `wrangler --persist-to` keeps data below its directory: `npm run dev` then finds what `npm start` has kept. */
const DATA_DIR = "v3";
const D1_BINDING = "DB";
/**
 * The platform lets an invocation hold six connections, and an isolate 128 MB; workerd by itself sets no limit. Attempts are
 * limited all the same: measured with 5,000 jobs due at one instant, more than about a thousand open invocations slow each
 * other down, and all share one process's open files.
 */
const LOCAL_LIMITS = { CONNECTIONS_PER_INVOCATION: "1000", DIRECT_ATTEMPTS_PER_ISOLATE: "1200" };

export async function startLocalInstance(options: LocalInstanceOptions): Promise<LocalInstance> {
  const script = resolve(options.other?.script ?? WORKER_BUNDLE);
  const { name, options: worker } =
    options.other === undefined
      ? (JSON.parse(readFileSync(WORKER_OPTIONS, "utf8")) as WorkerOptions)
      : await readWorkerOptions(resolve(options.other.configPath));

  const miniflare = new Miniflare(
    convertV4MiniflareOptions({
      host: HOST,
      port: 0,
      // A lookup of this machine's place on earth, over the network.
      cf: false,
      logRequests: false,
      telemetry: { enabled: false },
      log: new ForwardingLog(options.onLog),
      handleStructuredLogs: ({ level, message, timestamp }) => {
        options.onLog({ level, text: message, atMs: timestamp });
      },
      ...(options.inspectorPort === undefined ? {} : { inspectorPort: options.inspectorPort }),
      ...(options.stateDir === null ? {} : { resourcePersistencePath: resolve(options.stateDir, DATA_DIR) }),
      unsafeHandleRuntimeRestart: () => options.onRuntimeRestart?.(),
      workers: [
        {
          ...(worker as Partial<V4WorkerOptions>),
          name,
          modules: [{ type: "ESModule", path: basename(script), contents: readFileSync(script, "utf8") }],
          bindings: { ...(worker.bindings as object), ...LOCAL_LIMITS, ...options.bindings },
          // Straight to the Worker. Miniflare's own entry in front of it answers faults with pages of stack traces, opens
          // control routes under /cdn-cgi/, and was measured at 1,700 requests/s where the Worker itself answers 4,400.
          unsafeDirectSockets: [{ host: HOST, port: options.port }],
        },
      ],
    }),
  );

  try {
    const url = (await miniflare.unsafeGetDirectURL()).href.replace(/\/$/, "");
    const migrationsDir = options.other === undefined ? MIGRATIONS_DIR : options.other.migrationsDir;
    const migrationsApplied =
      migrationsDir === null
        ? []
        : await applyMigrations((await miniflare.getD1Database(D1_BINDING)) as MigratableDatabase, migrationsDir);
    return {
      url,
      migrationsApplied,
      miniflare,
      runScheduled: async (cron) => {
        const runtime = await miniflare.getWorker();
        const { outcome } = await runtime.scheduled({ cron, scheduledTime: new Date() });
        if (outcome !== "ok") throw new Error(`The scheduled handler ended with "${outcome}".`);
      },
      runtimePids: () => childrenOf(process.pid),
      stop: () => miniflare.dispose(),
    };
  } catch (error) {
    await miniflare.dispose().catch(() => undefined);
    throw error;
  }
}

/** Miniflare's own remarks, the same way as the Worker's. */
class ForwardingLog extends Log {
  readonly #onLog: (line: LogLine) => void;

  constructor(onLog: (line: LogLine) => void) {
    super(LogLevel.WARN);
    this.#onLog = onLog;
  }

  override logWithLevel(level: LogLevel, message: string): void {
    if (level > LogLevel.WARN) return;
    this.#onLog({ level: level === LogLevel.ERROR ? "error" : "warn", text: message, atMs: Date.now() });
  }
}
