/**
 * The guard of outbound requests: decides from a URL alone whether Carillon may call it.
 *
 * The guarantee (DESIGN section 2, number 9): no request leaves for a URL that this function refuses. It runs when a URL
 * is saved and again on every hop when it is sent, and whoever sends must send the URL that it returns, because that one
 * was judged: parsed once by WHATWG's rules, with every notation of an address made plain.
 *
 * What it cannot close: a public name may resolve to any address (DNS rebinding, `127.0.0.1.nip.io`), and a Worker can
 * neither resolve a name and pin the connection to the answer nor see which address was called. On Cloudflare that ends
 * at the edge, which routes no private range, and at `global_fetch_strictly_public`. Where workerd runs inside a private
 * network of its own, that network's egress rules must close it.
 */

import { err, ok } from "../result.ts";
import type { Result } from "../result.ts";
import { classifyAddress } from "./address.ts";
import type { AddressClass } from "./address.ts";
import { effectivePort, isBlockedPort } from "./ports.ts";

export interface TargetPolicy {
  /**
   * Opens loopback, private, carrier-grade NAT and unique local addresses and local names, for local work and tests.
   * Schemes, credentials, ports, link-local and reserved addresses, metadata hosts and our own host stay closed.
   */
  readonly allowPrivate: boolean;
  /**
   * Hosts that this instance answers on, each `host` or `host:port` (IPv6 in brackets). Any port of such a host is
   * refused, except that a loopback host is shared by many programs: there the port decides, whatever loopback's name.
   */
  readonly ownHosts: readonly string[];
}

export type TargetErrorCode =
  | "invalid_url"
  | "scheme"
  | "credentials"
  | "port"
  | "private_address"
  | "reserved_address"
  | "local_name"
  | "metadata_host"
  | "own_host";

export interface TargetError {
  readonly code: TargetErrorCode;
  /** What is wrong and what is accepted, as one sentence. It names the host at most, never the path or the query. */
  readonly message: string;
}

/** Characters of the URL as given and as normalised. Cloudflare takes up to 16 KB (facts/cloudflare-platform.md 4.1). */
const MAX_URL_LENGTH = 8_192;

/**
 * Suffixes that no public name has: RFC 6761 (`localhost`), RFC 6762 with its appendix G (`local` and the names that home
 * and office networks use), RFC 8375 (`home.arpa`), ICANN's reservation of `internal` (2024).
 */
const LOCAL_SUFFIXES: readonly string[] = [
  "localhost",
  "localdomain",
  "local",
  "internal",
  "intranet",
  "private",
  "corp",
  "home",
  "lan",
  "home.arpa",
];

/** Cloud metadata services by name and by address: Google, AWS (also over IPv6), Alibaba, Azure's WireServer. */
const METADATA_HOSTS: ReadonlySet<string> = new Set([
  "metadata.google.internal",
  "metadata.goog",
  "instance-data",
  "instance-data.ec2.internal",
  "169.254.169.254",
  "fd00:ec2::254",
  "100.100.100.200",
  "168.63.129.16",
]);

/**
 * Returns the URL to send to, normalised, or why it is refused. Pure: it resolves no name.
 * `url` must be absolute; a redirect's relative location is resolved by the caller first.
 */
export function checkTarget(url: string, policy: TargetPolicy): Result<URL, TargetError> {
  const parsed = parseUrl(url);
  if (parsed === null) {
    return refuse("invalid_url", "This is not an absolute URL; give one such as https://api.example.com/path.");
  }
  if (parsed.protocol !== "https:" && parsed.protocol !== "http:") {
    return refuse(
      "scheme",
      `The scheme "${parsed.protocol.slice(0, -1).slice(0, 32)}" is not accepted; use https or http.`,
    );
  }
  if (url.length > MAX_URL_LENGTH || parsed.href.length > MAX_URL_LENGTH) {
    return refuse("invalid_url", `The URL is too long; at most ${MAX_URL_LENGTH} characters are accepted.`);
  }
  if (parsed.username !== "" || parsed.password !== "") {
    return refuse(
      "credentials",
      "The URL holds a user name or a password; leave them out and send an Authorization header instead.",
    );
  }
  const address = classifyAddress(parsed.hostname);
  const host = address?.address ?? withoutTrailingDot(parsed.hostname);
  if (address === null && !isWellFormedName(host)) {
    return refuse(
      "invalid_url",
      `"${host.slice(0, 253)}" is not a host name; use labels of letters, digits, "-" and "_", joined by single dots.`,
    );
  }
  const error =
    ownHostError(parsed, host, address, policy) ??
    portError(parsed) ??
    metadataError(host) ??
    (address === null ? nameError(host, policy) : addressError(address, policy));
  return error === null ? ok(parsed) : err(error);
}

function refuse(code: TargetErrorCode, message: string): { readonly ok: false; readonly error: TargetError } {
  return err({ code, message });
}

function parseUrl(url: string): URL | null {
  return URL.canParse(url) ? new URL(url) : null;
}

/** A name's trailing dot marks the root and changes nothing about whom it reaches. */
function withoutTrailingDot(name: string): string {
  return name.endsWith(".") ? name.slice(0, -1) : name;
}

/** WHATWG lets empty labels and characters such as `{` and `*` through, which no public name has (RFC 1035, RFC 8552). */
function isWellFormedName(name: string): boolean {
  return name.length <= 253 && name.split(".").every((label) => /^[a-z0-9_-]{1,63}$/.test(label));
}

function isLoopback(host: string, address: AddressClass | null): boolean {
  return address === null ? hasSuffix(host, "localhost") : address.loopback;
}

function hasSuffix(name: string, suffix: string): boolean {
  return name === suffix || name.endsWith(`.${suffix}`);
}

function ownHostError(url: URL, host: string, address: AddressClass | null, policy: TargetPolicy): TargetError | null {
  const isOwn = policy.ownHosts.some((entry) => {
    // An entry that is no host cannot be the host of a URL that parsed, so nothing is let through by leaving it out.
    const own = parseUrl(`http://${entry}`);
    if (own === null) return false;
    const ownAddress = classifyAddress(own.hostname);
    const ownHost = ownAddress?.address ?? withoutTrailingDot(own.hostname);
    if (!isLoopback(ownHost, ownAddress)) return host === ownHost;
    const isOwnPort = own.port === "" ? url.port === "" : effectivePort(url) === effectivePort(own);
    return isOwnPort && isLoopback(host, address);
  });
  if (!isOwn) return null;
  return {
    code: "own_host",
    message: `${url.host} is this Carillon instance itself; give a URL of another service.`,
  };
}

function portError(url: URL): TargetError | null {
  const port = effectivePort(url);
  if (!isBlockedPort(port)) return null;
  return {
    code: "port",
    message: `Port ${port} belongs to another protocol; use the port that serves HTTP, usually 443 or 80.`,
  };
}

function metadataError(host: string): TargetError | null {
  if (!METADATA_HOSTS.has(host)) return null;
  return { code: "metadata_host", message: `${host} is a cloud metadata service; give a public host instead.` };
}

function addressError(address: AddressClass, policy: TargetPolicy): TargetError | null {
  if (address.scope === "public" || (policy.allowPrivate && address.openLocally)) return null;
  return {
    code: address.scope === "private" ? "private_address" : "reserved_address",
    message: `${address.address} is ${address.label}; give a public host name or a public address.`,
  };
}

function nameError(name: string, policy: TargetPolicy): TargetError | null {
  if (policy.allowPrivate) return null;
  const isLocal = !name.includes(".") || LOCAL_SUFFIXES.some((suffix) => hasSuffix(name, suffix));
  if (!isLocal) return null;
  return {
    code: "local_name",
    message: `"${name}" exists only inside a local network; give a public host name such as api.example.com.`,
  };
}
