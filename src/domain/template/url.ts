/** A URL as it was written, cut into the parts that templates and secrets may or may not enter. */

export interface UrlParts {
  /** Scheme, `//`, credentials, host and port, or everything when the text does not begin like that. */
  readonly origin: string;
  /** From the first `/` on, or empty. */
  readonly path: string;
  /** With its `?`, or empty. */
  readonly query: string;
  /** With its `#`, or empty. */
  readonly fragment: string;
}

/**
 * Cuts without judging and without decoding. What is not `scheme://host` at its very beginning is all `origin`: the URL
 * standard also reads `https:///x`, `https:x` and `https:\x` as the host `x`, so nothing after such a beginning is safe.
 */
export function splitUrl(url: string): UrlParts {
  const found = /^([a-z][a-z0-9+.-]*:\/\/[^/\\?#\s]+)([^?#]*)(\?[^#]*)?(#.*)?$/is.exec(url);
  const rest = found?.[2] ?? "";
  if (found === null || (rest !== "" && !rest.startsWith("/"))) {
    return { origin: url, path: "", query: "", fragment: "" };
  }
  return { origin: found[1] as string, path: rest, query: found[3] ?? "", fragment: found[4] ?? "" };
}
