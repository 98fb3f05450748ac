import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { createJob } from "../../src/domain/job/edit.ts";
import type { JsonValue } from "../../src/domain/json.ts";
import { documentOf } from "../../src/http/openapi.ts";
import { OPERATIONS } from "../../src/http/v1/operations.ts";
import { STEPPED_JOB_EXAMPLES } from "../../src/http/v1/schemas/jobExamples.ts";
import { CreateJobBody, readJobInput } from "../../src/http/v1/schemas/jobInput.ts";
import { STEP_SCHEMAS, StepSchema } from "../../src/http/v1/schemas/steps.ts";

const DIRECTORY = join(import.meta.dirname, "..", "..", "examples");
const FILES = readdirSync(DIRECTORY).filter((name) => name.endsWith(".json"));

function issuesOf(body: JsonValue): unknown {
  const { changes, complaints } = readJobInput(CreateJobBody, body);
  const context = { nowMs: 0, random: () => 0, targetPolicy: { allowPrivate: false, ownHosts: [] }, complaints };
  const job = createJob("wks_1", changes, context);
  return job.ok ? [] : job.error;
}

describe("examples", () => {
  it("are three", () => {
    expect(FILES).toHaveLength(3);
  });

  it.each(FILES)("%s can be saved as it is", (name) => {
    const example = JSON.parse(readFileSync(join(DIRECTORY, name), "utf8")) as JsonValue;
    expect(issuesOf(example)).toEqual([]);
  });

  it.each(Object.entries(STEPPED_JOB_EXAMPLES))("%s in the documentation can be saved", (_, example) => {
    expect(issuesOf(JSON.parse(JSON.stringify(example)) as JsonValue)).toEqual([]);
  });
});

describe("the example of every step", () => {
  const document = documentOf(OPERATIONS);
  const schemas = Object.values(document.components?.schemas ?? {}) as readonly {
    readonly example?: { readonly type?: string };
  }[];

  it.each(STEP_SCHEMAS.map((schema) => schema.shape.type.value))("of type %s fits its schema", (type) => {
    const example = schemas.find((schema) => schema.example?.type === type)?.example;
    expect(example).toBeDefined();
    expect(StepSchema.safeParse(example).error).toBeUndefined();
  });
});
