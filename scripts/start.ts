/**
 * `npm start`: builds the Worker if its sources changed, runs the whole instance on this machine, and shows each
 * execution as it finishes. The first start creates a workspace, its owner token and two sample jobs.
 */

import { createServer } from "node:net";
import { relative, resolve } from "node:path";
import { EXECUTION_HEADER, renderLog } from "./lib/executionLines.ts";
import { createSamples, openWorkspace } from "./lib/firstStart.ts";
import { loadState, lockState, saveState } from "./lib/instanceState.ts";
import type { InstanceLock, InstanceState } from "./lib/instanceState.ts";
import { startLocalInstance } from "./lib/localInstance.ts";
import type { LocalInstance } from "./lib/localInstance.ts";
import { startSampleTarget } from "./lib/sampleTarget.ts";
import type { SampleTarget } from "./lib/sampleTarget.ts";
import { HELP, parseStartOptions } from "./lib/startOptions.ts";
import type { StartOptions } from "./lib/startOptions.ts";
import { startWatchdog } from "./lib/watchdogTimer.ts";
import { renderWelcome } from "./lib/welcome.ts";
import { buildWorkerIfStale } from "./lib/workerBundle.ts";

const PARENT_CHECK_MS = 500;

/** Ends the start with a sentence for the person who typed the command, instead of a stack trace. */
class Refusal extends Error {}

const options = parseStartOptions(process.argv.slice(2));
if (options === "help") {
  process.stdout.write(HELP);
} else if ("problem" in options) {
  process.stderr.write(`${options.problem}\nnpm start -- --help lists the flags.\n`);
  process.exitCode = 1;
} else {
  try {
    await start(options);
  } catch (error) {
    // Only faults of ours get a stack trace.
    const text = error instanceof Refusal ? error.message : error instanceof Error ? error.stack : String(error);
    process.stderr.write(`${text}\n`);
    process.exit(1);
  }
}

async function start(flags: StartOptions): Promise<void> {
  const stateDir = resolve(flags.stateDir);
  const colour = process.stdout.isTTY === true && (process.env["NO_COLOR"] ?? "") === "";
  const lock = lockOrRefuse(stateDir);
  endOnSignals(lock);
  endWithNpm();

  const state = loadState(stateDir);
  refuseOtherToken(state, flags);
  if (lock.orphansEnded > 0) say("An earlier start was killed and had left its runtime running: ended it.");
  await refuseTakenPort(flags.port);
  if (await buildWorkerIfStale()) say("Built the Worker.");

  const isFirstStart = state.workspace === null;
  // Before the instance: what its log says first must not come before the block that explains it.
  const held: string[] = [];
  let show = (line: string): void => void held.push(line);
  const target = await openTarget(state.targetPort);
  saveState(stateDir, { ...state, targetPort: state.targetPort ?? target.port });

  const instance: LocalInstance = await startLocalInstance({
    stateDir,
    port: flags.port,
    bindings: {
      ADMIN_TOKEN: state.adminToken,
      MASTER_KEY: state.masterKey,
      ...(flags.strictTargets ? {} : { ALLOW_PRIVATE_TARGETS: "true" }),
    },
    onLog: (line) => {
      const rendered = flags.quiet ? null : renderLog(line, colour);
      if (rendered !== null) show(rendered);
    },
    onRuntimeRestart: () => lock.update({ runtimePids: instance.runtimePids(), url: instance.url }),
  });
  lock.update({ runtimePids: instance.runtimePids(), url: instance.url });

  const open = await openWorkspace(
    instance.url,
    stateDir,
    { ...state, targetPort: state.targetPort ?? target.port },
    flags.token,
  );
  const ready = await createSamples(instance.url, stateDir, open, { wanted: flags.samples, targetUrl: target.url });

  say(
    renderWelcome({
      url: instance.url,
      token: ready.ownerToken,
      stateDir: shown(stateDir),
      isFirstStart,
      sampleCount: ready.sampleJobIds?.length ?? 0,
      targetUrl: flags.strictTargets ? "https://example.com" : `${target.url}/ok`,
      colour,
    }),
  );
  if (!flags.quiet) {
    say(EXECUTION_HEADER);
    for (const line of held) say(line);
  }
  show = say;
  startWatchdog(instance, (text) => {
    if (!flags.quiet) say(text);
  });
}

function lockOrRefuse(stateDir: string): InstanceLock {
  const outcome = lockState(stateDir);
  if (outcome.ok) return outcome.lock;
  throw new Refusal(
    `An instance already runs on ${shown(stateDir)} ` +
      `(process ${outcome.pid}${outcome.url === null ? "" : `, ${outcome.url}`}).\n` +
      "Stop it first, or run a second one beside it: npm start -- --state .carillon-2 --port 0",
  );
}

function refuseOtherToken(state: InstanceState, flags: StartOptions): void {
  if (flags.token === null || state.ownerToken === null || state.ownerToken === flags.token) return;
  throw new Refusal(
    "This state directory already has an owner token, and it is another one than --token gives.\n" +
      `Leave --token out to go on with it, or start afresh: npm start -- --state DIR --token T\n` +
      "More tokens for the same workspace: POST /v1/tokens.",
  );
}

/** Short for what lies in this directory, whole for the rest. */
function shown(directory: string): string {
  const path = relative(process.cwd(), directory);
  return path.startsWith("..") ? directory : path || ".";
}

/** workerd's own complaint would come late and name a socket. */
async function refuseTakenPort(port: number): Promise<void> {
  if (port === 0) return;
  const code = await new Promise<string | null>((settle) => {
    const probe = createServer();
    probe.once("error", (error: NodeJS.ErrnoException) => settle(error.code ?? error.message));
    probe.listen(port, "127.0.0.1", () => probe.close(() => settle(null)));
  });
  if (code === null) return;
  const cause = code === "EADDRINUSE" ? "is in use by another program" : `cannot be used (${code})`;
  throw new Refusal(`Port ${port} ${cause}. Take another one, 0 for any free one: npm start -- --port 0`);
}

/** On the port of the first start, whose address the sample jobs carry. */
async function openTarget(port: number | null): Promise<SampleTarget> {
  try {
    return await startSampleTarget(port ?? 0);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EADDRINUSE") throw error;
    say(`Port ${port}, where the sample jobs find their target, is taken: they fail until the next start.`);
    return startSampleTarget(0);
  }
}

/**
 * npm may be killed without a word to us. `exec` in package.json makes it our parent, so its end shows: npm passes SIGINT
 * and SIGTERM on, but to a shell between us that does not.
 */
function endWithNpm(): void {
  if (process.env["npm_lifecycle_event"] === undefined) return;
  const npm = process.ppid;
  setInterval(() => {
    if (process.ppid !== npm) process.exit(0);
  }, PARENT_CHECK_MS).unref();
}

/**
 * Ends at once, and the runtime with it: Miniflare kills workerd in an `exit` listener, and whatever was in flight is
 * picked up by the next start, as after any crash. Registered before Miniflare's own listeners, which would end with 130.
 */
function endOnSignals(lock: InstanceLock): void {
  process.on("exit", () => lock.release());
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
    process.on(signal, () => {
      if (signal === "SIGINT") say("\nStopped. The data is kept; npm start goes on with it.");
      process.exit(0);
    });
  }
  // The terminal is gone, or `npm start | head` has seen enough.
  process.stdout.on("error", () => process.exit(0));
  process.stderr.on("error", () => process.exit(0));
}

function say(text: string): void {
  process.stdout.write(`${text}\n`);
}
