"use strict";
/** Preloaded by the npm scripts: says what is missing where Node itself would only say "Unknown file extension". */

const { existsSync } = require("node:fs");
const { join } = require("node:path");

// The first version whose type stripping and wrangler's and vitest's needs are all met; devDependency "node" brings it.
const NEEDED_MAJOR = 24;

const problem = !existsSync(join(__dirname, "..", "node_modules", "wrangler"))
  ? "Carillon's packages are not installed yet. Run: npm install"
  : Number(process.versions.node.split(".")[0]) < NEEDED_MAJOR
    ? `Carillon's tools run on Node ${NEEDED_MAJOR}, and this is Node ${process.versions.node}.\n` +
      "`npm install` brings that Node along and the npm scripts use it: start with `npm start`, not with `node`.\n" +
      "If npm start itself says this, the install scripts were skipped. Run: npm rebuild node"
    : null;

if (problem !== null) {
  process.stderr.write(`${problem}\n`);
  process.exit(1);
}
