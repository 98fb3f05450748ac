/** JSON schemas as rows that a person can read: one field each, nested ones with their path. */

/** As much of a JSON schema as the generator writes. */
export interface JsonSchema {
  readonly $ref?: string;
  readonly type?: string | readonly string[];
  readonly description?: string;
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly required?: readonly string[];
  readonly items?: JsonSchema;
  readonly enum?: readonly unknown[];
  readonly const?: unknown;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly format?: string;
  readonly anyOf?: readonly JsonSchema[];
  readonly oneOf?: readonly JsonSchema[];
  readonly allOf?: readonly JsonSchema[];
  readonly additionalProperties?: JsonSchema | boolean;
}

export type Components = Readonly<Record<string, JsonSchema>>;

export interface FieldRow {
  readonly path: string;
  readonly type: string;
  readonly required: boolean;
  readonly description: string;
}

/** Deeper fields are left to /openapi.json. */
const DEPTH_MOST = 3;

export function fieldRows(schema: JsonSchema, components: Components, prefix = "", depth = 1): FieldRow[] {
  const { properties = {}, required = [] } = resolve(schema, components);
  return Object.entries(properties).flatMap(([name, member]) => {
    const path = prefix === "" ? name : `${prefix}.${name}`;
    const resolved = resolve(member, components);
    const row: FieldRow = {
      path,
      type: typeText(member, components),
      required: required.includes(name),
      description: member.description ?? resolved.description ?? "",
    };
    return depth < DEPTH_MOST ? [row, ...fieldRows(resolved, components, path, depth + 1)] : [row];
  });
}

/** Follows references and leaves out the `null` of what may be null. */
function resolve(schema: JsonSchema, components: Components): JsonSchema {
  const name = schema.$ref?.split("/").at(-1);
  if (name !== undefined) return resolve(components[name] ?? {}, components);
  const parts = [...(schema.allOf ?? []), ...alternatives(schema)];
  const objects = parts.map((part) => resolve(part, components)).filter((part) => part.properties !== undefined);
  const [only] = objects;
  return schema.properties === undefined && objects.length === 1 && only !== undefined ? only : schema;
}

function alternatives(schema: JsonSchema): readonly JsonSchema[] {
  return [...(schema.anyOf ?? []), ...(schema.oneOf ?? [])].filter((part) => part.type !== "null");
}

export function typeText(schema: JsonSchema, components: Components): string {
  const name = schema.$ref?.split("/").at(-1);
  if (name !== undefined) return components[name]?.properties === undefined ? name : "object";
  const values = schema.enum ?? (schema.const === undefined ? undefined : [schema.const]);
  if (values !== undefined)
    return values
      .filter((value) => value !== null)
      .map(String)
      .join(" | ");
  const options = [...alternatives(schema), ...(schema.allOf ?? [])];
  if (options.length > 0) return [...new Set(options.map((option) => typeText(option, components)))].join(" | ");
  const type = [schema.type ?? "any JSON"]
    .flat()
    .filter((each) => each !== "null")
    .join(" | ");
  if (type === "array" && schema.items !== undefined) return `list of ${typeText(schema.items, components)}`;
  return type + rangeText(schema);
}

function rangeText({ minimum, maximum, minLength, maxLength, format }: JsonSchema): string {
  if (format === "date-time") return ", ISO 8601";
  if (minimum !== undefined && maximum !== undefined && Math.abs(maximum) < Number.MAX_SAFE_INTEGER) {
    return `, ${minimum} to ${maximum}`;
  }
  return maxLength === undefined ? "" : `, ${minLength ?? 0} to ${maxLength} characters`;
}
