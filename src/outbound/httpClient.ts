/** Sends one HTTP request of an attempt, follows its redirects under guard, and reports how it ended. */

import type { OutboundRequest, OutboundResult } from "../domain/net/exchange.ts";
import { checkHeaderSyntax } from "../domain/net/headers.ts";
import { checkTarget } from "../domain/net/target.ts";
import type { TargetPolicy } from "../domain/net/target.ts";
import { bodyText, MAX_BODY_BYTES, readBounded } from "./bodyReader.ts";
import { classifyThrown, describeThrown } from "./errorClass.ts";
import type { ErrorClass } from "./errorClass.ts";
import { MAX_REDIRECTS, nextHop, redirectLocation } from "./redirects.ts";
import type { Hop } from "./redirects.ts";
import { boundedHeaders } from "./responseHeaders.ts";

export interface OutboundDeps {
  readonly fetch: typeof fetch;
  /** Epoch milliseconds. */
  readonly now: () => number;
  readonly policy: TargetPolicy;
}

type Ending =
  | Omit<Extract<OutboundResult, { kind: "response" }>, "latencyMs">
  | Omit<Extract<OutboundResult, { kind: "failure" }>, "latencyMs">;

const USER_AGENT = "Carillon/1.0";

/** A token that fetch takes; CONNECT, TRACE and TRACK are forbidden by the Fetch standard. */
const METHOD = /^(?!CONNECT$|TRACE$|TRACK$)[A-Z][A-Z-]*$/;

/** The longest that `setTimeout` can wait: above it, it fires at once. */
const MAX_TIMER_MS = 2_147_483_647;

/**
 * Sends `request` and never throws. Nothing of a response is redacted: a target may echo what it was sent, and `finalUrl`
 * is as sent, so whoever keeps a result masks it first. Guarantees:
 *
 * - It ends within `timeoutMs`, whatever the target or the platform does: the deadline ends it itself and does not only
 *   ask `fetch` to stop.
 * - No hop is sent that `checkTarget` refuses.
 * - Memory is bounded by `MAX_BODY_BYTES` and the header bounds, and every response body is read to its end or cancelled,
 *   so that no connection stays taken (six per invocation).
 */
export async function sendHttp(request: OutboundRequest, deps: OutboundDeps): Promise<OutboundResult> {
  const startedMs = deps.now();
  const abort = new AbortController();
  const exchange = new Exchange(request, deps, abort.signal);
  const deadline = Promise.withResolvers<Ending>();
  const onDeadline = () => {
    deadline.resolve(exchange.timedOut());
    abort.abort();
  };
  const timer = setTimeout(onDeadline, Math.min(request.timeoutMs, MAX_TIMER_MS));
  const ending = await Promise.race([exchange.run(), deadline.promise]);
  clearTimeout(timer);
  return { ...ending, latencyMs: deps.now() - startedMs };
}

/** One walk from the first request to the final response; it remembers how far it came, for the sentence of a failure. */
class Exchange {
  readonly #request: OutboundRequest;
  readonly #deps: OutboundDeps;
  readonly #signal: AbortSignal;
  #host = "the target";
  #phase: "request" | "body" = "request";

  constructor(request: OutboundRequest, deps: OutboundDeps, signal: AbortSignal) {
    this.#request = request;
    this.#deps = deps;
    this.#signal = signal;
  }

  async run(): Promise<Ending> {
    try {
      return await this.#follow();
    } catch (error) {
      const errorClass = classifyThrown(error);
      return connectionFailure(errorClass, describeThrown(errorClass, this.#host));
    }
  }

  timedOut(): Ending {
    const { timeoutMs } = this.#request;
    const message =
      this.#phase === "request"
        ? `${this.#host} did not answer within ${timeoutMs} ms: raise the timeout or make the target answer sooner.`
        : `${this.#host} was still sending its response after ${timeoutMs} ms: raise the timeout or make the response shorter.`;
    return { kind: "failure", failure: "timeout", errorClass: "timeout", message };
  }

  async #follow(): Promise<Ending> {
    const problem = requestProblem(this.#request);
    if (problem !== null) return connectionFailure("invalid_request", problem);
    const target = checkTarget(this.#request.url, this.#deps.policy);
    if (!target.ok) return connectionFailure("target_refused", target.error.message);
    let hop: Hop = {
      url: target.value,
      method: this.#request.method.toUpperCase(),
      headers: withUserAgent(this.#request.headers),
      body: this.#request.body,
    };
    for (let redirects = 0; ; redirects++) {
      this.#host = hop.url.host;
      const response = await this.#fetch(hop);
      const location = redirectLocation(response.status, response.headers.get("location"), hop.url);
      if (location === null) return await this.#receive(response, hop, redirects);
      // Only the location is wanted; an unread body would hold its connection.
      void response.body?.cancel().catch(() => undefined);
      if (redirects === MAX_REDIRECTS) {
        const message = `The target redirects more than ${MAX_REDIRECTS} times: give the URL at which it ends, or end the loop.`;
        return connectionFailure("too_many_redirects", message);
      }
      const next = checkTarget(location, this.#deps.policy);
      if (!next.ok) {
        const message = `${hop.url.host} redirects to a URL that may not be called: ${next.error.message}`;
        return connectionFailure("target_refused", message);
      }
      const leaving = nextHop(hop, next.value, response.status, this.#request.sensitiveHeaders ?? []);
      if (this.#request.sensitiveBody === true && leaving.body !== null && next.value.origin !== hop.url.origin) {
        const message = `${hop.url.host} redirects to ${next.value.host}, and the body holds a secret that is meant for the first: give the URL at which the redirect ends.`;
        return connectionFailure("target_refused", message);
      }
      hop = leaving;
    }
  }

  async #fetch(hop: Hop): Promise<Response> {
    // Not called as a method of deps: workerd's fetch refuses a foreign `this`.
    const { fetch } = this.#deps;
    const headers = new Headers();
    for (const [name, value] of hop.headers) headers.append(name, value);
    // As bytes, a body brings no Content-Type of fetch's own.
    const body = hop.body === null ? null : new TextEncoder().encode(hop.body);
    return await fetch(hop.url.href, { method: hop.method, headers, body, redirect: "manual", signal: this.#signal });
  }

  async #receive(response: Response, hop: Hop, redirects: number): Promise<Ending> {
    this.#phase = "body";
    const body = await readBounded(response.body, MAX_BODY_BYTES);
    return {
      kind: "response",
      status: response.status,
      headers: boundedHeaders(response.headers),
      body: bodyText(body, response.headers.get("content-type")),
      bodyTruncated: body.truncated,
      redirects,
      finalUrl: hop.url.href,
    };
  }
}

function connectionFailure(errorClass: ErrorClass, message: string): Ending {
  return { kind: "failure", failure: "connection", errorClass, message };
}

/** What makes a request impossible to send. Templates and secrets are filled in late, so this is judged late as well. */
function requestProblem(request: OutboundRequest): string | null {
  const method = request.method.toUpperCase();
  if (!METHOD.test(method)) {
    return "The method may not be sent: use GET, HEAD, POST, PUT, PATCH, DELETE or OPTIONS.";
  }
  if (request.body !== null && (method === "GET" || method === "HEAD")) {
    return `A ${method} request cannot have a body: remove the body or use POST.`;
  }
  for (const [name, value] of request.headers) {
    const problem = checkHeaderSyntax(name, value);
    if (problem !== null) return problem;
  }
  return null;
}

function withUserAgent(headers: OutboundRequest["headers"]): OutboundRequest["headers"] {
  const isSet = headers.some(([name]) => name.toLowerCase() === "user-agent");
  return isSet ? headers : [...headers, ["User-Agent", USER_AGENT]];
}
