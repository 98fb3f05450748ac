/**
 * `npm run dev`: the same instance as `npm start`, on the same data, under `wrangler dev`, which reloads it whenever a
 * source changes. Slower and more talkative: wrangler's proxy stands before the Worker, and its log is shown as it is.
 */

import { spawn } from "node:child_process";
import { existsSync, rmSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { createSamples, openWorkspace } from "./lib/firstStart.ts";
import { loadState, lockState, saveState } from "./lib/instanceState.ts";
import { ROOT, WRANGLER_BIN } from "./lib/paths.ts";
import { startSampleTarget } from "./lib/sampleTarget.ts";
import { HELP, parseStartOptions } from "./lib/startOptions.ts";
import type { StartOptions } from "./lib/startOptions.ts";
import { renderWelcome } from "./lib/welcome.ts";

const READY_DEADLINE_MS = 60_000;
const POLL_MS = 200;

const options = parseStartOptions(process.argv.slice(2));
if (options === "help") {
  process.stdout.write(HELP.replaceAll("npm start", "npm run dev"));
} else if ("problem" in options) {
  process.stderr.write(`${options.problem}\n`);
  process.exitCode = 1;
} else if (options.port === 0) {
  process.stderr.write("npm run dev needs a port of its own: npm run dev -- --port N\n");
  process.exitCode = 1;
} else {
  process.exitCode = await dev(options);
}

/** Runs until wrangler ends, and returns its exit code. */
async function dev(flags: StartOptions): Promise<number> {
  const stateDir = resolve(flags.stateDir);
  const outcome = lockState(stateDir);
  if (!outcome.ok) {
    process.stderr.write(`An instance already runs on ${flags.stateDir} (process ${outcome.pid}). Stop it first.\n`);
    return 1;
  }
  const envFile = join(stateDir, "dev.env");
  try {
    const loaded = loadState(stateDir);
    const target = await startSampleTarget(loaded.targetPort ?? 0);
    const state = { ...loaded, targetPort: target.port };
    saveState(stateDir, state);
    // A file, because arguments can be read by every user of the machine.
    const vars = { ADMIN_TOKEN: state.adminToken, MASTER_KEY: state.masterKey };
    const policy = flags.strictTargets ? {} : { ALLOW_PRIVATE_TARGETS: "true" };
    const lines = Object.entries({ ...vars, ...policy }).map(([name, value]) => `${name}="${value}"`);
    writeFileSync(envFile, `${lines.join("\n")}\n`, { mode: 0o600 });

    const migrated = await wrangler(["d1", "migrations", "apply", "DB", "--local", "--persist-to", stateDir], "ignore");
    if (migrated !== 0) return migrated;

    const url = `http://127.0.0.1:${flags.port}`;
    const serving = ["--ip", "127.0.0.1", "--port", String(flags.port)];
    const running = wrangler(["dev", ...serving, "--persist-to", stateDir, "--env-file", envFile], "inherit");
    await untilReady(url, running);
    const open = await openWorkspace(url, stateDir, state, flags.token);
    const ready = await createSamples(url, stateDir, open, { wanted: flags.samples, targetUrl: target.url });
    process.stdout.write(
      renderWelcome({
        url,
        token: ready.ownerToken,
        stateDir: flags.stateDir,
        isFirstStart: loaded.workspace === null,
        sampleCount: ready.sampleJobIds?.length ?? 0,
        targetUrl: flags.strictTargets ? "https://example.com/" : `${target.url}/ok`,
        colour: false,
      }),
    );
    return await running;
  } finally {
    if (existsSync(envFile)) rmSync(envFile);
    outcome.lock.release();
    setImmediate(() => process.exit());
  }
}

function wrangler(args: readonly string[], stdin: "ignore" | "inherit"): Promise<number> {
  return new Promise((settle, reject) => {
    const child = spawn(process.execPath, [WRANGLER_BIN, ...args], {
      cwd: ROOT,
      stdio: [stdin, "inherit", "inherit"],
      env: { ...process.env, WRANGLER_SEND_METRICS: "false" },
    });
    const passOn = (signal: NodeJS.Signals) => child.kill(signal);
    for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, passOn);
    child.on("error", reject);
    child.on("exit", (code) => {
      for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.off(signal, passOn);
      settle(code ?? 0);
    });
  });
}

async function untilReady(url: string, running: Promise<number>): Promise<void> {
  let ended = false;
  void running.then(() => (ended = true));
  const endMs = Date.now() + READY_DEADLINE_MS;
  for (;;) {
    const status = await fetch(`${url}/healthz`).then(
      (response) => response.status,
      () => null,
    );
    if (status === 200) return;
    if (ended) throw new Error("wrangler dev ended before the API was there.");
    if (Date.now() > endMs) throw new Error(`The API was not there within ${READY_DEADLINE_MS / 1000} s.`);
    await new Promise((again) => setTimeout(again, POLL_MS));
  }
}
