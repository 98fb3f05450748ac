import { join } from "node:path";
import { cloudflareTest, readD1Migrations } from "@cloudflare/vitest-plugin";
import { defineConfig } from "vitest/config";

/** Inside the real runtime; `FAULTS` and its seed reach the tests as bindings. */
const workerdPlugin = () =>
  cloudflareTest(async () => ({
    wrangler: { configPath: "./wrangler.toml" },
    miniflare: {
      bindings: {
        TEST_MIGRATIONS: await readD1Migrations("./migrations"),
        ADMIN_TOKEN: "test-operator-token",
        MASTER_KEY: btoa("a master key of the tests, 32 by"),
        ALLOW_PRIVATE_TARGETS: "true",
        FAULTS: process.env["FAULTS"] ?? "",
        FAULTS_SEED: process.env["FAULTS_SEED"] ?? "",
      },
    },
  }));

/**
 * The plugin turns off that one invocation may resolve a promise of another (`no_handle_cross_request_promise_resolution`),
 * on which the grouping of history writes rests. The black-box tests run the grouping, as the platform does.
 */
const WITHOUT_GROUPING = {
  alias: [
    {
      find: /^.*\/groupCommit\.ts$/,
      replacement: join(import.meta.dirname, "test/support/ungroupedCommit.ts"),
    },
  ],
};

/**
 * Three layers (README "Tests"): `unit` is plain Node and milliseconds, `workerd` runs inside the real runtime with real
 * SQLite, D1 and alarms, `blackbox` drives the built Worker as a process of its own. The fault suite has one project for
 * Node and one for workerd: `FAULTS=full` is its full form, everything else the short one.
 */
export default defineConfig({
  test: {
    projects: [
      {
        test: { name: "unit", include: ["src/**/*.test.ts", "test/unit/**/*.test.ts"], environment: "node" },
      },
      {
        plugins: [workerdPlugin()],
        resolve: WITHOUT_GROUPING,
        test: {
          name: "workerd",
          include: ["test/workerd/**/*.test.ts"],
          setupFiles: ["./test/workerd/setup.ts"],
          // Half of a file's time goes into starting its runtime. Nothing here asserts how long anything takes.
          maxWorkers: 2,
        },
      },
      {
        test: {
          name: "blackbox",
          include: ["test/blackbox/**/*.test.ts"],
          environment: "node",
          testTimeout: 120_000,
          hookTimeout: 120_000,
          // Each file has instances of its own, and most of them wait for a clock rather than for the machine.
          maxWorkers: 2,
          // Stories that wait for the same minute wait together.
          maxConcurrency: 40,
        },
      },
      {
        test: {
          name: "faults",
          include: ["test/faults/node/**/*.test.ts"],
          environment: "node",
          testTimeout: 900_000,
          hookTimeout: 120_000,
          fileParallelism: false,
        },
      },
      {
        plugins: [workerdPlugin()],
        resolve: WITHOUT_GROUPING,
        test: {
          name: "faults-workerd",
          include: ["test/faults/workerd/**/*.test.ts"],
          setupFiles: ["./test/workerd/setup.ts"],
          testTimeout: 300_000,
        },
      },
    ],
  },
});
