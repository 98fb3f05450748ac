/** How a request changes on its way through redirects (Fetch standard, "HTTP-redirect fetch"), as pure functions. */

export interface Hop {
  readonly url: URL;
  readonly method: string;
  readonly headers: ReadonlyArray<readonly [name: string, value: string]>;
  readonly body: string | null;
}

/** DESIGN section 5. */
export const MAX_REDIRECTS = 5;

const REDIRECT_STATUSES: ReadonlySet<number> = new Set([301, 302, 303, 307, 308]);

/** Credentials that belong to one origin, besides those that the caller names. Signatures are named `webhook-*`. */
const CREDENTIAL_HEADERS: ReadonlySet<string> = new Set(["authorization", "cookie", "proxy-authorization"]);

/** The absolute URL that a response points to, or null when the response is no redirect or points nowhere. */
export function redirectLocation(status: number, location: string | null, base: URL): string | null {
  if (!REDIRECT_STATUSES.has(status) || location === null) return null;
  return URL.canParse(location, base.href) ? new URL(location, base.href).href : null;
}

/**
 * The request for the next hop. 303 turns everything but GET and HEAD into GET, 301 and 302 turn POST into GET, and the
 * body goes with the method; 307 and 308 keep both. Credentials are dropped when scheme, host or port differ, and stay
 * dropped should a later hop lead back, because each hop is made from the one before.
 */
export function nextHop(hop: Hop, url: URL, status: number, sensitiveHeaders: readonly string[]): Hop {
  const becomesGet =
    (status === 303 && hop.method !== "GET" && hop.method !== "HEAD") ||
    ((status === 301 || status === 302) && hop.method === "POST");
  const leavesOrigin = url.origin !== hop.url.origin;
  const headers = hop.headers.filter(([name]) => {
    const lower = name.toLowerCase();
    if (becomesGet && lower.startsWith("content-")) return false;
    return !(leavesOrigin && isCredential(lower, sensitiveHeaders));
  });
  return { url, method: becomesGet ? "GET" : hop.method, headers, body: becomesGet ? null : hop.body };
}

function isCredential(lowerName: string, sensitiveHeaders: readonly string[]): boolean {
  return CREDENTIAL_HEADERS.has(lowerName) || lowerName.startsWith("webhook-") || sensitiveHeaders.includes(lowerName);
}
