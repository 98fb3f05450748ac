/** JSON Schema as a type, and the references within one. */

import type { JsonValue } from "../json.ts";

/** A schema that `checkSchema` has nothing against. */
export type Schema = boolean | SchemaObject;

type SchemaMap = Readonly<Record<string, Schema>>;

/** The keywords that are looked at; any other is a note for people. */
export interface SchemaObject {
  readonly $schema?: string;
  readonly $ref?: string;
  readonly $defs?: SchemaMap;
  readonly definitions?: SchemaMap;
  readonly type?: string | readonly string[];
  readonly enum?: readonly JsonValue[];
  readonly const?: JsonValue;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly exclusiveMinimum?: number;
  readonly exclusiveMaximum?: number;
  readonly multipleOf?: number;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly pattern?: string;
  readonly format?: string;
  readonly allOf?: readonly Schema[];
  readonly anyOf?: readonly Schema[];
  readonly oneOf?: readonly Schema[];
  readonly not?: Schema;
  readonly if?: Schema;
  readonly then?: Schema;
  readonly else?: Schema;
  readonly minItems?: number;
  readonly maxItems?: number;
  readonly uniqueItems?: boolean;
  readonly prefixItems?: readonly Schema[];
  /** A list of schemas in draft-07. */
  readonly items?: Schema | readonly Schema[];
  readonly additionalItems?: Schema;
  readonly contains?: Schema;
  readonly minContains?: number;
  readonly maxContains?: number;
  readonly unevaluatedItems?: Schema;
  readonly minProperties?: number;
  readonly maxProperties?: number;
  readonly required?: readonly string[];
  readonly properties?: SchemaMap;
  readonly patternProperties?: SchemaMap;
  readonly additionalProperties?: Schema;
  readonly propertyNames?: Schema;
  readonly unevaluatedProperties?: Schema;
  readonly dependentRequired?: Readonly<Record<string, readonly string[]>>;
  readonly dependentSchemas?: SchemaMap;
  readonly dependencies?: Readonly<Record<string, Schema | readonly string[]>>;
}

/** Draft-07 has it that nothing beside a `$ref` counts. */
export function isDraft7(root: Schema): boolean {
  return typeof root === "object" && typeof root.$schema === "string" && root.$schema.includes("draft-07");
}

/** What a reference within the schema (`#`, `#/$defs/name`) leads to; `null` for one that leads nowhere or outside. */
export function resolveReference(root: JsonValue | Schema, reference: string): Schema | null {
  if (reference !== "#" && !reference.startsWith("#/")) return null;
  let at: unknown = root;
  for (const part of reference.split("/").slice(1)) {
    const key = keyOf(part);
    if (key === null || typeof at !== "object" || at === null || !Object.hasOwn(at, key)) return null;
    at = (at as Readonly<Record<string, unknown>>)[key];
  }
  const isSchema = typeof at === "boolean" || (typeof at === "object" && at !== null && !Array.isArray(at));
  return isSchema ? (at as Schema) : null;
}

/** RFC 6901, as a URI's fragment. */
function keyOf(part: string): string | null {
  try {
    return decodeURIComponent(part).replaceAll("~1", "/").replaceAll("~0", "~");
  } catch {
    return null;
  }
}
