/**
 * Gives every test file a D1 with the real migrations applied; storage is per file (facts 6.1).
 *
 * The plugin turns off that a promise may be resolved by another request (`no_handle_cross_request_promise_resolution`),
 * on which the grouping of history writes rests: here every invocation writes alone. The black-box tests run the grouping.
 */

import { applyD1Migrations } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { vi } from "vitest";
import type { D1Migration } from "cloudflare:test";
import type { History } from "../../src/app/ports.ts";

declare global {
  namespace Cloudflare {
    interface Env {
      /** Set in vitest.config.ts. */
      readonly TEST_MIGRATIONS: D1Migration[];
    }
  }
}

vi.mock("../../src/app/executions/groupCommit.ts", () => ({ groupCommit: (history: History) => history }));

await applyD1Migrations(env.DB, env.TEST_MIGRATIONS);
