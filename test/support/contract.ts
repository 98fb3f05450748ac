/** Holds a document against the example that a specification gives of it: names, types, and the form of moments. */

/** As JavaScript writes a moment: what every API here answers with. */
const MOMENT = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/;

/**
 * In what `actual` departs from `example`, a line each: a field that is missing, or one of another type. Fields that the
 * example does not have are no departure; `keysOf` is for documents that must have no others. Elements of a list are held
 * against the example's first. Where the example has `null`, anything may stand.
 */
export function departures(example: unknown, actual: unknown, path = "$"): readonly string[] {
  if (example === null) return actual === undefined ? [`${path} is missing`] : [];
  if (actual === undefined) return [`${path} is missing`];
  if (typeOf(example) !== typeOf(actual)) return [`${path} is ${typeOf(actual)} and not ${typeOf(example)}`];
  if (Array.isArray(example) && Array.isArray(actual)) {
    return actual.flatMap((item, index) => departures(example[0], item, `${path}[${index}]`));
  }
  if (typeof example !== "object") return [];
  return Object.entries(example as object).flatMap(([key, value]) =>
    departures(value, (actual as Readonly<Record<string, unknown>>)[key], `${path}.${key}`),
  );
}

/** The names of a document's fields, in their order of the alphabet: what a golden lists. */
export function keysOf(document: object): readonly string[] {
  return Object.keys(document).toSorted();
}

function typeOf(value: unknown): string {
  if (value === null) return "null";
  if (Array.isArray(value)) return "a list";
  if (typeof value === "number") return Number.isInteger(value) ? "an integer" : "a number";
  if (typeof value === "string") return MOMENT.test(value) ? "a moment" : "text";
  return typeof value === "object" ? "an object" : typeof value;
}
