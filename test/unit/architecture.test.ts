/** The import rules of DESIGN section 4: that the sources keep them, and that breaking one is noticed. */

import { describe, expect, it } from "vitest";
import { findViolations, readSources } from "../../scripts/lib/importRules.ts";
import { ROOT } from "../../scripts/lib/paths.ts";

const reasonsAgainst = (path: string, text: string) => findViolations([{ path, text }]).map(({ reason }) => reason);

describe("import rules", () => {
  it("are kept by every source file", () => {
    const files = readSources(ROOT);
    expect(files.length).toBeGreaterThan(50);
    expect(findViolations(files)).toEqual([]);
  });

  it.each([
    ["domain, another layer", "src/domain/job/job.ts", "../../db/schema.ts", /domain is pure/],
    ["domain, the platform", "src/domain/job/job.ts", "cloudflare:workers", /domain is pure/],
    [
      "app, an adapter",
      "src/app/jobs/createJob.ts",
      "../../db/jobRepository.ts",
      /app knows the world through its ports/,
    ],
    ["app, the web framework", "src/app/jobs/createJob.ts", "hono", /app knows the world through its ports/],
    ["actors, the history", "src/actors/job/JobActor.ts", "../../db/history.ts", /actors must not reach D1/],
    ["actors, the consumer", "src/actors/job/JobActor.ts", "../../queue/consumer.ts", /actors must not reach D1/],
    ["the queue message, the app", "src/queue/message.ts", "../app/ports.ts", /the message is shared with actors/],
    ["the consumer, columns", "src/queue/consumer.ts", "../db/schema.ts", /the consumer must not know columns/],
    ["db, use cases", "src/db/jobRepository.ts", "../app/jobs/createJob.ts", /implements ports/],
    ["http, storage", "src/http/app.ts", "../db/client.ts", /http must not know storage/],
    [
      "a compat face, /v1",
      "src/http/compat/runs/list.ts",
      "../../v1/jobs.ts",
      /must not depend on what \/v1 looks like/,
    ],
    ["a compat face, another", "src/http/compat/runs/list.ts", "../trigify/ids.ts", /must not import another/],
    ["the composition root", "src/http/app.ts", "../entry/env.ts", /nobody imports the composition root/],
    ["a deployed file, tests", "src/http/app.ts", "../../test/support/instance.ts", /never imports tests/],
    ["a folder without a rule", "src/newcomer/x.ts", "../domain/ids.ts", /has no rule yet/],
    ["an import without ending", "src/http/app.ts", "./errors", /\.ts ending/],
  ])("refuse %s", (_what, file, specifier, reason) => {
    expect(reasonsAgainst(file, `import type { X } from "${specifier}";`)).toEqual([expect.stringMatching(reason)]);
  });

  it.each([
    ["over several lines", `import {\n  a,\n  type B,\n} from "../db/x.ts";`],
    ["for its effects", `import "../db/x.ts";`],
    ["re-exporting", `export * from "../db/x.ts";`],
    ["dynamic", `const x = await import("../db/x.ts");`],
    ["in the type position", `type X = import("../db/x.ts").X;`],
  ])("see an import %s", (_form, text) => {
    expect(reasonsAgainst("src/http/app.ts", text)).toHaveLength(1);
  });

  it("let a test beside its source use test/support, and the composition root everything", () => {
    expect(reasonsAgainst("src/db/x.test.ts", `import { y } from "../../test/support/builders.ts";`)).toEqual([]);
    expect(reasonsAgainst("src/entry/compose.ts", `import { y } from "../db/x.ts";`)).toEqual([]);
  });
});
