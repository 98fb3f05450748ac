/**
 * The first five minutes of a new user, as a check: `npm start`, both sample jobs succeed, the printed curl works, Ctrl-C
 * leaves nothing behind, and a second start goes on with the data and creates nothing again.
 */

import { execFileSync, spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { callApi } from "./lib/client.ts";
import { ROOT } from "./lib/paths.ts";
import { descendantsOf, identify, isRunning, killNow } from "./lib/processes.ts";
import type { ProcessId } from "./lib/processes.ts";

const START_DEADLINE_MS = 60_000;
/** The recurring sample fires one minute after its creation. */
const SAMPLES_DEADLINE_MS = 150_000;
const JOB_DEADLINE_MS = 15_000;
const STOP_DEADLINE_MS = 10_000;
const POLL_MS = 50;

interface Started {
  readonly process: ChildProcess;
  readonly pid: number;
  output(): string;
}

const stateDir = mkdtempSync(join(tmpdir(), "carillon-smoke-"));
const seen: ProcessId[] = [];
/** Every `npm start` so far. */
const starts: Started[] = [];
try {
  await smoke();
  process.stdout.write("Smoke: passed\n");
} catch (error) {
  process.stderr.write(`Smoke: ${error instanceof Error ? error.message : String(error)}\n`);
  process.stderr.write(`--- what npm start had printed ---\n${starts.at(-1)?.output() ?? ""}\n`);
  process.exitCode = 1;
} finally {
  killNow(seen.filter(isRunning).map(({ pid }) => pid));
  rmSync(stateDir, { recursive: true, force: true });
}

async function smoke(): Promise<void> {
  const first = await npmStart();
  const url = found(first, /^ {2}API +(\S+)$/m, "the API's address");
  const token = found(first, /^ {2}Token +(\S+)$/m, "the token");
  step(`started on ${url}`);

  for (const path of ["/healthz", "/docs", "/openapi.json"]) {
    const { status } = await fetch(url + path);
    expect(status === 200, `GET ${path} answers ${status}`);
  }

  const curl = found(first, /^(curl [\s\S]*?'\{.*\}')$/m, "the curl command");
  const created = JSON.parse(execFileSync("sh", ["-c", curl], { encoding: "utf8" })) as { id?: string };
  expect(typeof created.id === "string", `the printed curl created no job: ${JSON.stringify(created)}`);
  await finished(first, "my-first-job", JOB_DEADLINE_MS);
  step("the printed curl created a job, and it succeeded");

  await finished(first, "sample-one-time", SAMPLES_DEADLINE_MS);
  await finished(first, "sample-recurring", SAMPLES_DEADLINE_MS);
  step("both sample jobs succeeded");
  const jobsBefore = await jobIds(url, token);

  // As a terminal does it: to the whole process group.
  await stop(first, -first.pid, "Ctrl-C");

  const second = await npmStart();
  const secondUrl = found(second, /^ {2}API +(\S+)$/m, "the API's address");
  expect(second.output().includes("nothing was created again"), "the second start does not say that it kept the data");
  expect(found(second, /^ {2}Token +(\S+)$/m, "the token") === token, "the second start has another token");
  const jobsAfter = await jobIds(secondUrl, token);
  expect(jobsAfter.join() === jobsBefore.join(), `the second start has other jobs: ${jobsBefore} → ${jobsAfter}`);
  step("a second start kept everything and created nothing");

  // As `kill` and process managers do it: to npm alone, which must pass it on.
  await stop(second, second.pid, "a signal to npm");
}

async function npmStart(): Promise<Started> {
  const port = await freePort();
  const child = spawn("npm", ["start", "--", "--port", String(port), "--state", stateDir], {
    cwd: ROOT,
    detached: true,
    stdio: ["ignore", "pipe", "pipe"],
  });
  const { pid } = child;
  if (pid === undefined) throw new Error("npm could not be started");
  let output = "";
  child.stdout.setEncoding("utf8").on("data", (chunk: string) => (output += chunk));
  child.stderr.setEncoding("utf8").on("data", (chunk: string) => (output += chunk));
  const start = { process: child, pid, output: () => output };
  starts.push(start);
  seen.push(...[pid].map(identify).filter((id) => id !== null));
  await until(() => output.includes("Ctrl-C stops it"), START_DEADLINE_MS, "the first block", child);
  seen.push(
    ...descendantsOf(pid)
      .map(identify)
      .filter((id) => id !== null),
  );
  return start;
}

async function stop(started: Started, signalled: number, how: string): Promise<void> {
  process.kill(signalled, "SIGINT");
  const { process: npm } = started;
  const ended = () => npm.exitCode !== null || npm.signalCode !== null;
  await until(() => ended() && !seen.some(isRunning), STOP_DEADLINE_MS, `every process to end after ${how}`);
  // npm passes on how its shell ended, which the terminal's signal reaches too.
  expect(npm.exitCode === 0 || npm.signalCode === "SIGINT", `npm start ended with ${npm.exitCode} after ${how}`);
  step(`${how} ended every process`);
}

async function finished(started: Started, job: string, deadlineMs: number): Promise<void> {
  const line = new RegExp(`^\\d\\d:\\d\\d:\\d\\d +${job} +succeeded +\\d+ ms .*$`, "m");
  await until(() => line.test(started.output()), deadlineMs, `${job} to succeed`, started.process);
  process.stdout.write(`    ${line.exec(started.output())?.[0] ?? ""}\n`);
}

async function jobIds(url: string, token: string): Promise<readonly string[]> {
  const { status, json } = await callApi(url, { method: "GET", path: "/v1/jobs", token });
  expect(status === 200, `GET /v1/jobs answers ${status}`);
  return (json as { data: { id: string }[] }).data.map(({ id }) => id).toSorted();
}

function found(started: Started, pattern: RegExp, what: string): string {
  const match = pattern.exec(started.output())?.[1];
  if (match === undefined) throw new Error(`npm start did not print ${what}`);
  return match;
}

/** Rejects at once when `child` ends before the condition holds. */
async function until(condition: () => boolean, deadlineMs: number, what: string, child?: ChildProcess): Promise<void> {
  const endMs = Date.now() + deadlineMs;
  while (!condition()) {
    if (child !== undefined && child.exitCode !== null) throw new Error(`npm start ended while waiting for ${what}`);
    if (Date.now() > endMs) throw new Error(`waited ${deadlineMs / 1000} s in vain for ${what}`);
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
}

function expect(holds: boolean, problem: string): void {
  if (!holds) throw new Error(problem);
}

function step(text: string): void {
  process.stdout.write(`  ✓ ${text}\n`);
}

/** Free a moment ago: `npm start` takes a number as a user would give it. */
async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}
