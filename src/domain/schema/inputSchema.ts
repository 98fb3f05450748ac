/** The schema of a job's input: judged when it is saved, and held against what a run is given. */

import type { FieldIssue } from "../issue.ts";
import type { JsonValue } from "../json.ts";
import { WorkBudget, WorkExceeded } from "../response/workBudget.ts";
import { jsonBytes } from "../workflow/size.ts";
import { checkSchema } from "./checkSchema.ts";
import { Evaluator } from "./evaluate.ts";
import type { Schema } from "./schema.ts";

const SCHEMA_BYTES_MOST = 64 * 1024;
/** Enough for 256 KB of small objects under a plain schema, and over in half a second at worst. */
const WORK_UNITS = 1_000_000;

/** Everything wrong with a schema that is to be saved. */
export function validateInputSchema(schema: JsonValue, path: string): FieldIssue[] {
  if (jsonBytes(schema, SCHEMA_BYTES_MOST) > SCHEMA_BYTES_MOST) {
    return [{ path, message: `must be at most ${SCHEMA_BYTES_MOST / 1024} KB` }];
  }
  return checkSchema(schema, path);
}

/** Everything in which an input does not fit the schema of its job; nothing for a job without one (`null`). */
export function checkInput(schema: JsonValue, input: JsonValue, path: string): FieldIssue[] {
  if (schema === null) return [];
  try {
    const saved = schema as Schema;
    return [...new Evaluator(saved, new WorkBudget(WORK_UNITS)).evaluate(saved, input, path).issues];
  } catch (error) {
    if (!(error instanceof WorkExceeded)) throw error;
    return [{ path, message: "takes too much work to hold against input_schema; simplify the schema or send less" }];
  }
}
