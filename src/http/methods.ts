/** Paths as the router and the error pages see them. */

import { ENDPOINTS } from "./faces.ts";

/** A route's path in the router's notation: `{job_id}` becomes `:job_id`. */
export function routingPath(path: string): string {
  return path.replaceAll(/\{(\w+)\}/g, ":$1");
}

/** The names of the parameters in a path, in its order. */
export function parametersOf(path: string): readonly string[] {
  return [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name ?? "");
}

const ROUTES: readonly { readonly method: string; readonly pattern: RegExp }[] = [
  ...ENDPOINTS.map(({ endpoint: { contract } }) => ({
    method: contract.method.toUpperCase(),
    pattern: new RegExp(`^${contract.path.replaceAll(/\{\w+\}/g, "[^/]+")}$`),
  })),
  ...["/", "/docs", "/openapi.json"].map((path) => ({ method: "GET", pattern: new RegExp(`^${path}$`) })),
];

/** The methods that a path takes, for the `Allow` header; none when there is no such path. */
export function methodsOf(pathname: string): string[] {
  const methods = ROUTES.filter(({ pattern }) => pattern.test(pathname)).map(({ method }) => method);
  return [...new Set(methods.includes("GET") ? [...methods, "HEAD"] : methods)].toSorted();
}
