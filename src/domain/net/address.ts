/** What kind of address a URL's host is: public unicast, or one of the special-purpose ranges known to ipaddr.js. */

import ipaddr from "ipaddr.js";

export interface AddressClass {
  /** `public` may be called by anyone; `private` reaches somebody's own network; `reserved` is no host's address. */
  readonly scope: "public" | "private" | "reserved";
  /** The kind in words, with its article, to be read in a sentence: "a loopback address". */
  readonly label: string;
  /** The address in its shortest usual notation, without brackets. */
  readonly address: string;
  readonly loopback: boolean;
  /** True for the ranges that people use for their own machines; link-local is not one: metadata services live there. */
  readonly openLocally: boolean;
}

type RangeClass = Pick<AddressClass, "scope" | "label"> & { readonly openLocally?: boolean };

/** Names are ipaddr.js's own. A range that is missing here is refused by `OTHER_RANGE`. */
const RANGES: Readonly<Record<string, RangeClass>> = {
  loopback: { scope: "private", label: "a loopback address", openLocally: true },
  private: { scope: "private", label: "a private address", openLocally: true },
  uniqueLocal: { scope: "private", label: "a unique local (private) address", openLocally: true },
  carrierGradeNat: { scope: "private", label: "a carrier-grade NAT address", openLocally: true },
  linkLocal: { scope: "private", label: "a link-local address" },
  deprecatedSiteLocal: { scope: "private", label: "a site-local address" },
  unspecified: { scope: "private", label: "an unspecified address" },
  broadcast: { scope: "reserved", label: "a broadcast address" },
  multicast: { scope: "reserved", label: "a multicast address" },
  ipv4Mapped: { scope: "reserved", label: "an IPv4-mapped address" },
  rfc6145: { scope: "reserved", label: "an IPv4-translated address" },
  rfc6052: { scope: "reserved", label: "a NAT64 address" },
  "6to4": { scope: "reserved", label: "a 6to4 address" },
  teredo: { scope: "reserved", label: "a Teredo address" },
};

const OTHER_RANGE: RangeClass = {
  scope: "reserved",
  label: "an address reserved for documentation, benchmarks or special purposes",
};

/**
 * All global unicast IPv6 addresses are in here (RFC 4291 section 2.4, IANA's allocations). ipaddr.js calls everything
 * unicast that no table names, among it `::127.0.0.1` and other deprecated IPv4-compatible addresses.
 */
const GLOBAL_UNICAST = ipaddr.IPv6.parseCIDR("2000::/3");

/**
 * Classifies the `hostname` of a parsed URL, or returns null when it is a name. WHATWG's parser has already turned
 * decimal, octal, hexadecimal, short, percent-encoded and full-width notations into four decimal parts or into brackets.
 */
export function classifyAddress(hostname: string): AddressClass | null {
  if (hostname.startsWith("[") && hostname.endsWith("]")) {
    const address = ipaddr.IPv6.parse(hostname.slice(1, -1));
    const range = address.range();
    return classify(range === "unicast" && !address.match(GLOBAL_UNICAST) ? "unallocated" : range, address.toString());
  }
  if (ipaddr.IPv4.isValidFourPartDecimal(hostname)) {
    const address = ipaddr.IPv4.parse(hostname);
    return classify(address.range(), address.toString());
  }
  return null;
}

function classify(range: string, address: string): AddressClass {
  if (range === "unicast") {
    return { scope: "public", label: "a public address", address, loopback: false, openLocally: false };
  }
  const { scope, label, openLocally = false } = RANGES[range] ?? OTHER_RANGE;
  return { scope, label, address, loopback: range === "loopback", openLocally };
}
