/** Where things are in the checkout. */

import { join } from "node:path";

export const ROOT = join(import.meta.dirname, "..", "..");
export const WRANGLER_CONFIG = join(ROOT, "wrangler.toml");
export const MIGRATIONS_DIR = join(ROOT, "migrations");
export const DIST_DIR = join(ROOT, "dist");
export const WORKER_BUNDLE = join(DIST_DIR, "worker.js");
/** `wrangler.toml` as it was when the bundle was built, in Miniflare's words. */
export const WORKER_OPTIONS = join(DIST_DIR, "worker.options.json");
export const WRANGLER_BIN = join(ROOT, "node_modules", "wrangler", "bin", "wrangler.js");
