/** Builds the Worker as a deployment would (`wrangler deploy --dry-run`) and fails when it is over the size budget. */

import { readFileSync } from "node:fs";
import { gzipSync } from "node:zlib";
import { WORKER_BUNDLE } from "./lib/paths.ts";
import { buildWorker } from "./lib/workerBundle.ts";

/** DESIGN section 3. A platform limit is ten times as far away; start-up time is what this keeps short. */
const BUDGET_BYTES = 1024 * 1024;

process.stdout.write(await buildWorker());
const gzippedBytes = gzipSync(readFileSync(WORKER_BUNDLE)).length;
const kib = (bytes: number) => `${(bytes / 1024).toFixed(0)} KiB`;
process.stdout.write(`\nBundle: ${kib(gzippedBytes)} gzipped, of ${kib(BUDGET_BYTES)}\n`);
if (gzippedBytes >= BUDGET_BYTES) {
  process.stderr.write("The bundle is over its budget.\n");
  process.exitCode = 1;
}
