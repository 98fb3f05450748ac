/** How `drizzle-kit generate` finds the schema; migrations are applied by wrangler, never by drizzle-kit (facts 3.4). */

import { defineConfig } from "drizzle-kit";

export default defineConfig({ dialect: "sqlite", schema: "./src/db/schema.ts", out: "./migrations" });
