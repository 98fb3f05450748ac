/** `npm start` as its user meets it. The recurring sample takes a minute and is watched by scripts/smoke.ts instead. */

import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { createServer } from "node:net";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { callApi } from "../../scripts/lib/client.ts";
import { ROOT } from "../../scripts/lib/paths.ts";
import { descendantsOf, identify, isRunning, killNow } from "../../scripts/lib/processes.ts";
import type { ProcessId } from "../../scripts/lib/processes.ts";
import { until } from "../support/instance.ts";

const START_DEADLINE_MS = 60_000;
const DEADLINE_MS = 15_000;

interface Start {
  readonly process: ChildProcess;
  readonly pid: number;
  output(): string;
  url(): string;
  token(): string;
  processes(): readonly ProcessId[];
  /** Resolves when every process has ended. */
  stop(signal?: NodeJS.Signals): Promise<void>;
}

const started: Start[] = [];
const directories: string[] = [];

afterEach(async () => {
  for (const start of started.splice(0)) await start.stop("SIGKILL");
  for (const directory of directories.splice(0)) rmSync(directory, { recursive: true, force: true });
});

function newStateDir(): string {
  const directory = mkdtempSync(join(tmpdir(), "carillon-start-"));
  directories.push(directory);
  return directory;
}

function launch(stateDir: string, ...flags: readonly string[]): Start {
  const args = ["-r", "./scripts/requireNode.cjs", "scripts/start.ts", "--port", "0", "--state", stateDir, ...flags];
  const child = spawn(process.execPath, args, { cwd: ROOT, stdio: ["ignore", "pipe", "pipe"] });
  const pid = child.pid ?? 0;
  let output = "";
  child.stdout.setEncoding("utf8").on("data", (chunk: string) => (output += chunk));
  child.stderr.setEncoding("utf8").on("data", (chunk: string) => (output += chunk));
  const processes = () => [pid, ...descendantsOf(pid)].map(identify).filter((id) => id !== null);
  const start: Start = {
    process: child,
    pid,
    output: () => output,
    url: () => /^ {2}API +(\S+)$/m.exec(output)?.[1] ?? "",
    token: () => /^ {2}Token +(\S+)$/m.exec(output)?.[1] ?? "",
    processes,
    stop: async (signal = "SIGINT") => {
      const all = processes();
      child.kill(signal);
      if (signal === "SIGKILL") killNow(all.map((id) => id.pid));
      const ended = () => child.exitCode !== null || child.signalCode !== null;
      await until(() => ended() && !all.some(isRunning), DEADLINE_MS, `every process to end after ${signal}`);
    },
  };
  started.push(start);
  return start;
}

async function startUp(stateDir: string, ...flags: readonly string[]): Promise<Start> {
  const start = launch(stateDir, ...flags);
  await until(
    () => start.output().includes("Ctrl-C stops it") || start.process.exitCode !== null,
    START_DEADLINE_MS,
    "the first block",
  );
  if (start.process.exitCode !== null) throw new Error(`npm start ended:\n${start.output()}`);
  return start;
}

/** For a start that is to refuse: its exit code and what it printed. */
async function refusal(stateDir: string, ...flags: readonly string[]): Promise<{ code: number | null; text: string }> {
  const start = launch(stateDir, ...flags);
  await until(() => start.process.exitCode !== null, START_DEADLINE_MS, "the refusal");
  return { code: start.process.exitCode, text: start.output() };
}

const get = (start: Start, path: string) => callApi(start.url(), { method: "GET", path, token: start.token() });

const createJob = (start: Start, name: string, url: string) =>
  callApi(start.url(), {
    method: "POST",
    path: "/v1/jobs",
    token: start.token(),
    body: { name, kind: "one_time", request: { method: "GET", url } },
  });

describe("the first start", () => {
  it("creates a workspace and the samples, and shows how the one-time sample succeeded at its third attempt", async () => {
    const stateDir = newStateDir();
    const start = await startUp(stateDir);

    expect(start.output()).toContain("First start: created a workspace and 2 sample jobs.");
    expect((await get(start, "/v1/whoami")).status).toBe(200);
    const jobs = (await get(start, "/v1/jobs")).json as { data: { name: string; kind: string }[] };
    expect(jobs.data.map(({ name, kind }) => [name, kind]).toSorted()).toEqual([
      ["sample-one-time", "one_time"],
      ["sample-recurring", "recurring"],
    ]);
    const line = /^\d\d:\d\d:\d\d {2}sample-one-time +succeeded +\d+ ms +3 {2}200$/m;
    await until(() => line.test(start.output()), DEADLINE_MS, "the line of the one-time sample");
  });

  it("keeps its secrets where only their owner reads them, and prints none but the token", async () => {
    const stateDir = newStateDir();
    const start = await startUp(stateDir, "--no-samples");

    const path = join(stateDir, "instance.json");
    const state = JSON.parse(readFileSync(path, "utf8")) as { adminToken: string; masterKey: string };
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(Buffer.from(state.masterKey, "base64")).toHaveLength(32);
    expect(start.output()).not.toContain(state.adminToken);
    expect(start.output()).not.toContain(state.masterKey);
  });

  it("uses the token that --token brings", async () => {
    const start = await startUp(newStateDir(), "--no-samples", "--token", "my-own-owner-token-0123456789");

    expect(start.token()).toBe("my-own-owner-token-0123456789");
    expect((await get(start, "/v1/whoami")).status).toBe(200);
  });
});

describe("a second start", () => {
  it("keeps the data, creates nothing again and says so, whatever --no-samples said before", async () => {
    const stateDir = newStateDir();
    const first = await startUp(stateDir, "--no-samples");
    expect((await createJob(first, "kept", "http://127.0.0.1:8080/")).status).toBe(201);
    const jobs = (await get(first, "/v1/jobs")).json as { data: { id: string }[] };
    await first.stop();

    const second = await startUp(stateDir);

    expect(second.output()).toContain("nothing was created again");
    expect(second.token()).toBe(first.token());
    const after = (await get(second, "/v1/jobs")).json as { data: { id: string }[] };
    expect(after.data.map(({ id }) => id)).toEqual(jobs.data.map(({ id }) => id));
  });

  it("accepts the same --token, and refuses another one without touching anything", async () => {
    const stateDir = newStateDir();
    const first = await startUp(stateDir, "--no-samples");
    await first.stop();

    const other = await refusal(stateDir, "--token", "another-token-0123456789");
    expect(other.code).toBe(1);
    expect(other.text).toContain("already has an owner token");

    const same = await startUp(stateDir, "--token", first.token());
    expect(same.token()).toBe(first.token());
  });

  it("is refused while another instance runs on the same state", async () => {
    const stateDir = newStateDir();
    const first = await startUp(stateDir, "--no-samples");

    const second = await refusal(stateDir);

    expect(second.code).toBe(1);
    expect(second.text).toContain(`(process ${first.pid}, ${first.url()})`);
    expect((await get(first, "/v1/whoami")).status).toBe(200);
  });

  it("ends the runtime that a killed start has left behind, and goes on", async () => {
    const stateDir = newStateDir();
    const first = await startUp(stateDir, "--no-samples");
    const [, ...runtime] = first.processes();
    process.kill(first.pid, "SIGKILL");
    expect(runtime.some(isRunning)).toBe(true);

    const second = await startUp(stateDir);

    expect(second.output()).toContain("had left its runtime running");
    expect(runtime.some(isRunning)).toBe(false);
    expect((await get(second, "/v1/whoami")).status).toBe(200);
  });
});

describe("the output", () => {
  it("has a job that works as printed, a line per execution, and no colour outside of a terminal", async () => {
    const start = await startUp(newStateDir(), "--no-samples");
    const [, target = ""] = /"url":"(http:[^"]+)"/.exec(start.output()) ?? [];

    expect((await createJob(start, "a-job-with-quite-a-long-name", target)).status).toBe(201);

    const line = /^\d\d:\d\d:\d\d {2}a-job-with-quite-a-lo… +succeeded +\d+ ms +1 {2}200$/m;
    await until(() => line.test(start.output()), DEADLINE_MS, "the line of the job");
    expect(start.output()).not.toContain("\u001B[");
  });

  it("ends with the first block under --quiet", async () => {
    const start = await startUp(newStateDir(), "--no-samples", "--quiet");
    const before = start.output();
    const [, target = ""] = /"url":"(http:[^"]+)"/.exec(before) ?? [];
    await createJob(start, "unseen", target);
    const succeeded = async () => {
      const { data } = (await get(start, "/v1/executions")).json as { data: { status: string }[] };
      return data[0]?.status === "succeeded";
    };
    await until(succeeded, DEADLINE_MS, "the execution to succeed");

    expect(start.output()).toBe(before);
  });
});

describe("the flags", () => {
  it("refuse loopback targets with --strict-targets, as a deployment does", async () => {
    const start = await startUp(newStateDir(), "--strict-targets");

    expect(start.output()).toContain("First start: created a workspace.");
    expect((await createJob(start, "inside", "http://127.0.0.1:8080/")).status).toBe(400);
  });

  it("name the way out when the port is taken", async () => {
    const server = createServer();
    await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening));
    const { port } = server.address() as AddressInfo;

    const { code, text } = await refusal(newStateDir(), "--port", String(port));
    server.close();

    expect(code).toBe(1);
    expect(text).toContain(`Port ${port} is in use by another program.`);
    expect(text).toContain("npm start -- --port 0");
  });

  it.each([
    [["--port", "70000"], "--port takes a number from 0 to 65535"],
    [["--colour"], "Unknown option '--colour'"],
  ])("refuse %j with a sentence", async (flags, sentence) => {
    const { code, text } = await refusal(newStateDir(), ...flags);

    expect(code).toBe(1);
    expect(text).toContain(sentence);
    expect(text).not.toContain("    at ");
  });
});

describe("the end", () => {
  it.each(["SIGINT", "SIGTERM", "SIGHUP"] as const)(
    "comes with %s for every process, and frees the state",
    async (signal) => {
      const stateDir = newStateDir();
      const start = await startUp(stateDir, "--no-samples");
      expect(start.processes().length).toBeGreaterThan(1);

      await start.stop(signal);

      expect(start.process.exitCode).toBe(0);
      expect(() => statSync(join(stateDir, "lock.json"))).toThrow("ENOENT");
    },
  );
});
