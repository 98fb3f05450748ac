/** `npm run build`: bundles the Worker to `dist/worker.js`. */

import { gzipSync } from "node:zlib";
import { readFileSync } from "node:fs";
import { WORKER_BUNDLE } from "./lib/paths.ts";
import { buildWorker } from "./lib/workerBundle.ts";

const startedAtMs = performance.now();
try {
  await buildWorker();
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exit(1);
}
const bundle = readFileSync(WORKER_BUNDLE);
const kib = (bytes: number) => `${(bytes / 1024).toFixed(0)} KiB`;
const seconds = ((performance.now() - startedAtMs) / 1000).toFixed(1);
process.stdout.write(
  `dist/worker.js  ${kib(bundle.length)}, gzipped ${kib(gzipSync(bundle).length)}, in ${seconds} s\n`,
);
