import { describe, expect, it } from "vitest";
import packageJson from "../../package.json" with { type: "json" };
import { ERRORS } from "./errors.ts";
import { parametersOf } from "./methods.ts";
import { documentOf, errorsOf } from "./openapi.ts";
import { OPERATIONS } from "./v1/operations.ts";
import { API_VERSION } from "./version.ts";

const document = documentOf(OPERATIONS);

describe("the contract of every operation", () => {
  it.each(OPERATIONS.map((operation) => [operation.contract.id, operation] as const))(
    "%s has examples that its own schemas accept",
    (_, { contract }) => {
      const { body } = contract;
      if (body !== undefined) {
        for (const example of [body.example, ...Object.values(body.moreExamples ?? {})]) {
          expect(body.schema.safeParse(example).error).toBeUndefined();
        }
        if (body.text !== undefined) expect(body.text.schema.safeParse(body.text.example).error).toBeUndefined();
      }
      const answers = Object.entries(contract.answers);
      expect(answers.length).toBeGreaterThan(0);
      for (const [status, { schema, example }] of answers) {
        expect(schema === undefined).toBe(status === "204");
        if (schema !== undefined) expect(schema.safeParse(example).error).toBeUndefined();
      }
    },
  );

  it.each(
    OPERATIONS.filter(({ contract }) => contract.queryExample).map(({ contract }) => [contract.id, contract] as const),
  )("%s names only its own parameters in the example of its query", (_, { query, queryExample = "" }) => {
    const names = [...new URLSearchParams(queryExample).keys()];
    expect(names.filter((name) => !Object.hasOwn(query?.shape ?? {}, name))).toEqual([]);
  });

  it("has its own id and its own method on its path", () => {
    const ids = OPERATIONS.map(({ contract }) => contract.id);
    const routes = OPERATIONS.map(({ contract }) => `${contract.method} ${contract.path}`);
    expect(new Set(ids).size).toBe(ids.length);
    expect(new Set(routes).size).toBe(routes.length);
  });
});

describe("the OpenAPI document", () => {
  it("is of version 3.1 and has every operation with its examples", () => {
    expect(document.openapi).toBe("3.1.0");
    for (const each of OPERATIONS) {
      const { contract } = each;
      const operation = document.paths?.[contract.path]?.[contract.method];
      expect(operation?.operationId).toBe(contract.id);
      const parameters = (operation?.parameters ?? []) as readonly { in: string; name: string }[];
      const inPath = parameters.filter((parameter) => parameter.in === "path").map(({ name }) => name);
      expect(inPath).toEqual(parametersOf(contract.path));
      expect(new Set(inPath).size).toBe(inPath.length);
      expect(JSON.stringify(operation?.responses)).toContain(errorsOf(each).length === 0 ? '"example"' : '"examples"');
      if (contract.body !== undefined) expect(JSON.stringify(operation?.requestBody)).toMatch(/"examples?":/);
    }
  });

  it("refers to nothing that it does not define", () => {
    const text = JSON.stringify(document);
    const names = [...text.matchAll(/#\/components\/schemas\/([\w.-]+)/g)].map(([, name]) => name ?? "");
    expect(names.length).toBeGreaterThan(10);
    for (const name of new Set(names)) expect(document.components?.schemas).toHaveProperty(name);
  });

  it("shows ranges and required fields as the API enforces them", () => {
    const schemas = document.components?.schemas as Record<
      string,
      { required?: string[]; additionalProperties?: boolean }
    >;
    expect(schemas.CreateJob).toMatchObject({ required: ["name", "kind"], additionalProperties: false });
    expect(JSON.stringify(schemas.ScheduleInput)).toContain('"maximum":1440');
  });

  it("carries the version of the package", () => {
    expect(API_VERSION).toBe(packageJson.version);
  });
});

describe("ERRORS", () => {
  it("has a sentence and a status of its class for every code", () => {
    for (const { status, meaning } of Object.values(ERRORS)) {
      expect(status).toBeGreaterThanOrEqual(400);
      expect(meaning).toMatch(/\.$/);
    }
  });
});
