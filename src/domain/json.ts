/** JSON as a type, for what users hand us and what we hand on unchanged. */

export type JsonValue = null | boolean | number | string | readonly JsonValue[] | { readonly [key: string]: JsonValue };
