/** Which request headers a job may carry: the rules at save time and the syntax that must hold when it is sent. */

/** Bytes of one header, name and value together: the most that common servers take (nginx, Apache, Node). */
export const MAX_HEADER_BYTES = 8_192;

/** A token (RFC 9110 section 5.6.2). */
const HEADER_NAME = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;

/** Set by the connection itself (RFC 9110 section 7.6.1, RFC 9112); a second opinion on them smuggles requests. */
const CONNECTION_HEADERS: ReadonlySet<string> = new Set([
  "host",
  "content-length",
  "transfer-encoding",
  "connection",
  "upgrade",
  "keep-alive",
  "te",
  "trailer",
]);

/** Set by Carillon: a receiver trusts them, so no job may claim them. */
const SIGNATURE_HEADERS: ReadonlySet<string> = new Set(["webhook-id", "webhook-timestamp", "webhook-signature"]);

const RESERVED_PREFIXES: readonly string[] = ["proxy-", "cf-", "x-cron-service-"];

/** The rule for a header that a person saves in a job: null, or one sentence that says what is wrong and what is accepted. */
export function checkHeader(name: string, value: string): string | null {
  return checkHeaderSyntax(name, value) ?? checkHeaderOwner(name.toLowerCase());
}

/**
 * The rule for a header about to be sent, after templates and secrets are filled in: null, or one sentence. The sentence
 * never holds the value. Values are Latin-1 because other characters arrive differently from runtime to runtime.
 */
export function checkHeaderSyntax(name: string, value: string): string | null {
  if (!HEADER_NAME.test(name)) {
    return "The header name is not valid: use letters, digits and !#$%&'*+-.^_`|~, at least one of them.";
  }
  if (name.length + value.length > MAX_HEADER_BYTES) {
    return `The header ${name.slice(0, 64)} is too long; name and value together may have ${MAX_HEADER_BYTES} bytes.`;
  }
  for (let index = 0; index < value.length; index++) {
    const code = value.charCodeAt(index);
    if (code > 0xff) {
      return `The value of ${name} holds a character outside Latin-1; encode it, for example as base64 or with %XX.`;
    }
    if ((code < 0x20 && code !== 0x09) || code === 0x7f) {
      return `The value of ${name} holds a line break or another control character; remove it.`;
    }
  }
  return null;
}

function checkHeaderOwner(name: string): string | null {
  if (CONNECTION_HEADERS.has(name)) {
    return `The header ${name} is set by the connection; leave it out.`;
  }
  if (SIGNATURE_HEADERS.has(name)) {
    return `The header ${name} is set by Carillon when the workspace has a signing key; leave it out.`;
  }
  const prefix = RESERVED_PREFIXES.find((reserved) => name.startsWith(reserved));
  return prefix === undefined ? null : `Headers that begin with ${prefix} are reserved; choose another name.`;
}
