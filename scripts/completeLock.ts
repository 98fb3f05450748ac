/**
 * Completes package-lock.json with the optional packages of other platforms that the registry in use did not carry.
 *
 * A registry mirror may hold only the builds of one platform. npm then writes a lock file without the others, after which
 * `npm ci` refuses it ("Missing: … from lock file") and other platforms never get their build. Their names and versions
 * are known all the same, from `optionalDependencies`; only the integrity is not, and npm does not require it.
 * Run it after a change of dependencies, if `npm ci` complains.
 */

import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

interface LockedPackage {
  version?: string;
  integrity?: string;
  os?: string[];
  cpu?: string[];
  libc?: string[];
  optionalDependencies?: Record<string, string>;
}

interface LockFile {
  packages: Record<string, LockedPackage>;
}

const LOCK = join(import.meta.dirname, "..", "package-lock.json");

const OS_OF: Readonly<Record<string, string>> = {
  android: "android",
  darwin: "darwin",
  freebsd: "freebsd",
  linux: "linux",
  openharmony: "openharmony",
  win32: "win32",
  windows: "win32",
};
const CPU_OF: Readonly<Record<string, string>> = {
  "64": "x64",
  arm: "arm",
  arm64: "arm64",
  ia32: "ia32",
  ppc64: "ppc64",
  riscv64: "riscv64",
  s390x: "s390x",
  x64: "x64",
};

const lock = JSON.parse(readFileSync(LOCK, "utf8")) as LockFile;
const added: string[] = [];

for (const parent of Object.values(lock.packages)) {
  const optional = Object.entries(parent.optionalDependencies ?? {});
  const sibling = optional.map(([name]) => lock.packages[`node_modules/${name}`]).find((found) => found !== undefined);
  for (const [name, version] of optional) {
    const path = `node_modules/${name}`;
    if (lock.packages[path] !== undefined || sibling === undefined) continue;
    lock.packages[path] = ofPlatform(name, version, sibling);
    added.push(name);
  }
}

if (added.length > 0) {
  const sorted = Object.entries(lock.packages).toSorted(([a], [b]) => (a < b ? -1 : 1));
  writeFileSync(LOCK, `${JSON.stringify({ ...lock, packages: Object.fromEntries(sorted) }, null, 2)}\n`);
}
process.stdout.write(`${added.length} packages of other platforms added to package-lock.json\n`);

/** The entry of a sibling build, with the version, system, processor and C library that `name` says. */
function ofPlatform(name: string, version: string, sibling: LockedPackage): LockedPackage {
  const words = name.slice(name.indexOf("/") + 1).split("-");
  const os = words.map((word) => OS_OF[word]).find((found) => found !== undefined);
  const cpu = words.map((word) => CPU_OF[word]).find((found) => found !== undefined);
  if (os === undefined || cpu === undefined)
    throw new Error(`${name}: its name does not say for which platform it is.`);
  const { integrity: _integrity, libc: _libc, ...rest } = sibling;
  const libc = words.some((word) => word.startsWith("musl")) ? ["musl"] : words.includes("gnu") ? ["glibc"] : null;
  return { ...rest, version, os: [os], cpu: [cpu], ...(libc === null ? {} : { libc }) };
}
