/**
 * Names for what went wrong on the way, and the sentence that tells a person what to do about each.
 *
 * What workerd 1.20261102.1 (through Miniflare 5.20261102.0-beta) throws from fetch, measured against 127.0.0.1:
 *
 *   closed port, peer resets, peer closes,
 *   answer is not HTTP, headers over its limit,
 *   http to a TLS port                             Error      "Network connection lost." (`retryable: true`)
 *   peer resets or closes in the middle of a body  Error      "Network connection lost.", from reading the body
 *   name does not resolve, https to a plain port,
 *   certificate not trusted                        Error      "internal error; reference = <id>"
 *   Content-Encoding: gzip over something else     TypeError  "Gzip decompression failed.", from reading the body
 *   a method that it does not know                 TypeError  "Invalid HTTP method string: FOO"
 *   a header with a line break                     TypeError  "Invalid header value."
 *   GET with a body                                TypeError  "Request with a GET or HEAD method cannot have a body."
 *   aborted                                        the signal's reason
 *
 * So workerd tells no dns, connection_refused, connection_reset or tls apart: these are `network` there. Node, where the
 * same code runs in tests, gives a code in `cause`. In production an unreachable target is a response (`unreachableClass`).
 */

export type ErrorClass =
  | "timeout"
  | "dns"
  | "connection_refused"
  | "connection_reset"
  | "tls"
  | "invalid_response"
  | "network"
  | "invalid_request"
  | "target_refused"
  | "too_many_redirects";

type ThrownClass = Exclude<ErrorClass, "timeout" | "target_refused" | "too_many_redirects">;

/** By the code of the error or of its cause (Node, undici, zlib). */
const BY_CODE: ReadonlyArray<readonly [RegExp, ThrownClass]> = [
  [/^(ENOTFOUND|EAI_AGAIN|EAI_FAIL)$/, "dns"],
  [/^ECONNREFUSED$/, "connection_refused"],
  [/^(ECONNRESET|EPIPE|UND_ERR_SOCKET)$/, "connection_reset"],
  [/^(ERR_TLS_|ERR_SSL_|CERT_|DEPTH_ZERO_|SELF_SIGNED_|UNABLE_TO_|EPROTO$)/, "tls"],
  [/^(HPE_|Z_|ERR__ERROR_|UND_ERR_HEADERS_OVERFLOW|UND_ERR_RES)/, "invalid_response"],
];

/** By the text of the error or of its cause (workerd; undici's parser, which often gives no code). */
const BY_TEXT: ReadonlyArray<readonly [RegExp, ThrownClass]> = [
  [/decompression failed/i, "invalid_response"],
  [/^Response does not match the HTTP\/1\.1 protocol/, "invalid_response"],
  [/^(Invalid HTTP method|Invalid header|Request with a GET or HEAD)/, "invalid_request"],
];

/** `network` is the answer to everything unknown: an attempt that failed for no known reason is worth another one. */
export function classifyThrown(error: unknown): ThrownClass {
  const cause = error instanceof Error ? error.cause : undefined;
  for (const thrown of [error, cause]) {
    if (!(thrown instanceof Error)) continue;
    const code = "code" in thrown && typeof thrown.code === "string" ? thrown.code : "";
    const found =
      BY_CODE.find(([pattern]) => pattern.test(code)) ?? BY_TEXT.find(([pattern]) => pattern.test(thrown.message));
    if (found !== undefined) return found[1];
  }
  return "network";
}

/**
 * One sentence of what happened and what to do next. It is made of `host` alone and never of the thrown text, which may
 * quote a header or a URL with a secret in it.
 */
export function describeThrown(errorClass: ThrownClass, host: string): string {
  switch (errorClass) {
    case "dns":
      return `The host name of ${host} does not resolve: check its spelling and its DNS records.`;
    case "connection_refused":
      return `${host} refused the connection: check that the service runs and listens on this port.`;
    case "connection_reset":
      return `${host} closed the connection before the response was complete: look for a crash in the target's log.`;
    case "tls":
      return `${host} did not complete a TLS handshake: check that this port speaks HTTPS with a certificate that is valid and publicly trusted.`;
    case "invalid_response":
      return `${host} did not answer in valid HTTP: check that this port serves HTTP and that Content-Encoding tells the truth about the body.`;
    case "invalid_request":
      return `The request to ${host} could not be built: check the job's method, headers and body.`;
    case "network":
      return `The connection to ${host} could not be made or was lost: check the host name, the port, the certificate and that the service runs.`;
  }
}
