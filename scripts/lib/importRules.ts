/**
 * Who may import whom in `src/` (DESIGN section 4). A rule that is broken is reported with its reason.
 *
 * Our own, because dependency-cruiser needs a compiler API that TypeScript 7 does not have.
 */

import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, normalize, relative, sep } from "node:path";

export interface SourceFile {
  /** From the checkout's root, with forward slashes: `src/app/ports.ts`. */
  readonly path: string;
  readonly text: string;
}

export interface Violation {
  readonly file: string;
  readonly imported: string;
  readonly reason: string;
}

interface LayerRule {
  /** The files it is about; the first rule that fits a file holds. */
  readonly layer: string;
  /** Folders and files of `src/` that it may import besides its own folder. */
  readonly mayImport: readonly string[];
  /** Packages and platform modules that it must not know. */
  readonly mustNotKnow?: RegExp;
  readonly reason: string;
}

/** What only adapters may know: the platform, its bindings, and the libraries that speak to the outside. */
const OUTSIDE = /^(cloudflare:|node:|hono|@hono\/|drizzle-orm)/;

const RULES: readonly LayerRule[] = [
  {
    layer: "src/domain/",
    mayImport: [],
    mustNotKnow: OUTSIDE,
    reason: "domain is pure: it must run in plain Node in milliseconds, and nothing may change it but its parameters.",
  },
  {
    layer: "src/app/",
    mayImport: ["src/domain/"],
    mustNotKnow: OUTSIDE,
    reason:
      "app knows the world through its ports alone, so that every API face and every store share one set of use cases.",
  },
  {
    layer: "src/actors/",
    mayImport: [
      "src/domain/",
      "src/app/ports.ts",
      "src/queue/message.ts",
      "src/queue/producer.ts",
      "src/observability/",
    ],
    reason: "actors must not reach D1 or send HTTP: an outage of the history or of a target would stop firing.",
  },
  {
    layer: "src/queue/message.ts",
    mayImport: ["src/domain/"],
    reason: "the message is shared with actors: what it imports, they import.",
  },
  {
    layer: "src/queue/producer.ts",
    mayImport: ["src/domain/", "src/queue/message.ts", "src/observability/"],
    reason: "the producer is shared with actors: what it imports, they import.",
  },
  {
    layer: "src/queue/",
    mayImport: ["src/domain/", "src/app/", "src/observability/"],
    reason: "the consumer must not know columns or sockets, so that history can move to another store.",
  },
  ...["db", "outbound", "secrets"].map((adapter) => ({
    layer: `src/${adapter}/`,
    mayImport: ["src/domain/", "src/app/ports.ts"],
    reason: `${adapter} implements ports and is called by use cases: it must not know them, nor another adapter.`,
  })),
  {
    layer: "src/auth/",
    mayImport: ["src/domain/", "src/app/ports.ts"],
    reason: "auth decides about tokens and roles: it must not know routes or columns.",
  },
  {
    layer: "src/http/compat/",
    mayImport: ["src/app/", "src/domain/", "src/auth/", "src/observability/", "src/http/"],
    reason: "a foreign API face translates to use cases; what /v1 looks like is none of its business.",
  },
  {
    layer: "src/http/",
    mayImport: ["src/app/", "src/domain/", "src/auth/", "src/observability/"],
    reason: "http must not know storage, actors or queues, so that every API face goes through the same use cases.",
  },
  {
    layer: "src/observability/",
    mayImport: ["src/domain/"],
    reason: "everything logs: what observability imports, everything imports.",
  },
  {
    layer: "src/entry/",
    mayImport: ["src/"],
    reason: "entry is the composition root: it may import anything in src/.",
  },
];

/** `http/compat` shares the plumbing of `http`, but not its routes. */
const NEVER: readonly { readonly from: string; readonly to: string; readonly reason: string }[] = [
  {
    from: "src/http/compat/",
    to: "src/http/v1/",
    reason: "a foreign API face must not depend on what /v1 looks like.",
  },
];

export function findViolations(files: readonly SourceFile[]): readonly Violation[] {
  return files.flatMap((file) =>
    importsOf(file.text).flatMap((specifier) => {
      const reason = reasonAgainst(file.path, specifier);
      return reason === null ? [] : [{ file: file.path, imported: specifier, reason }];
    }),
  );
}

export function readSources(root: string): readonly SourceFile[] {
  return readdirSync(join(root, "src"), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith(".ts"))
    .map((entry) => {
      const path = join(entry.parentPath, entry.name);
      return { path: relative(root, path).split(sep).join("/"), text: readFileSync(path, "utf8") };
    });
}

function reasonAgainst(file: string, specifier: string): string | null {
  const isTest = file.endsWith(".test.ts");
  const rule = RULES.find(({ layer }) => file.startsWith(layer));
  if (rule === undefined) return "this folder has no rule yet: add one to scripts/lib/importRules.ts, with its reason.";
  if (!specifier.startsWith(".")) return !isTest && rule.mustNotKnow?.test(specifier) === true ? rule.reason : null;

  const imported = normalize(join(dirname(file), specifier))
    .split(sep)
    .join("/");
  if (!imported.startsWith("src/")) {
    // A test stands beside what it tests and may use test/support; what is deployed may not.
    return isTest ? null : "what is deployed never imports tests, scripts or benchmarks.";
  }
  if (!imported.endsWith(".ts")) return "imports carry the .ts ending (docs/conventions.md).";
  if (!isTest && imported.endsWith(".test.ts")) return "what is deployed never imports a test.";
  const never = NEVER.find(({ from, to }) => file.startsWith(from) && imported.startsWith(to));
  if (never !== undefined) return never.reason;
  if (imported.startsWith("src/entry/") && !file.startsWith("src/entry/")) {
    return "nobody imports the composition root: entry is where a reader starts.";
  }
  const [own, other] = [faceOf(file), faceOf(imported)];
  if (own !== null && other !== null && own !== other) {
    return "a foreign API face must not import another: each can be read, changed and removed alone.";
  }
  const isOwn = imported === rule.layer || (rule.layer.endsWith("/") && imported.startsWith(rule.layer));
  return isOwn || rule.mayImport.some((allowed) => imported.startsWith(allowed)) ? null : rule.reason;
}

/** The folder of the foreign API face that a file belongs to; `null` for what they share and for everything else. */
function faceOf(path: string): string | null {
  return /^src\/http\/compat\/([^/]+)\//.exec(path)?.[1] ?? null;
}

/** The specifiers of every static, re-exporting and dynamic import; a statement starts its line, as prettier puts it. */
function importsOf(text: string): readonly string[] {
  const statements = /^(?:import|export)\s+(?:[^;"'`]*?\sfrom\s+)?["']([^"']+)["']/gm;
  const calls = /\bimport\(\s*["']([^"']+)["']/g;
  return [...text.matchAll(statements), ...text.matchAll(calls)].map((match) => match[1] ?? "");
}
